// Files of units of the system manager (systemd.syntax(7)), as far as they say which unit a socket activates.

/** Where such files are; one in an earlier directory hides one of the same name in a later one (systemd.unit(5)). */
export const UNIT_DIRECTORIES: readonly string[] = [
  '/etc/systemd/system.control',
  '/run/systemd/system.control',
  '/run/systemd/transient',
  '/run/systemd/generator.early',
  '/etc/systemd/system',
  '/etc/systemd/system.attached',
  '/run/systemd/system',
  '/run/systemd/system.attached',
  '/run/systemd/generator',
  '/usr/local/lib/systemd/system',
  '/usr/lib/systemd/system',
  '/lib/systemd/system',
  '/run/systemd/generator.late',
];

/** The last value of a key in a section; undefined where it has none, or an empty one. */
export function unitSetting(text: string, section: string, key: string): string | undefined {
  let current = '';
  let value: string | undefined;
  for (const line of text.replaceAll(/\\\n/g, ' ').split('\n')) {
    const said = line.trim();
    if (said.startsWith('#') || said.startsWith(';')) continue;
    if (said.startsWith('[')) current = said;
    const equals = said.indexOf('=');
    if (current !== `[${section}]` || said.slice(0, equals).trim() !== key) continue;
    value = said.slice(equals + 1).trim();
  }
  return value === '' ? undefined : value;
}

/** The name of the template of an instance, "web@.socket"; undefined for what is not an instance. */
export function templateFile(unit: string): string | undefined {
  return /^[^@]+@.+\./.test(unit) ? unit.replace(/@.*(\.[a-z]+)$/, '@$1') : undefined;
}

/** Puts in what the specifiers of a name stand for (systemd.unit(5)); undefined where one of them is not known. */
export function withSpecifiers(text: string, unit: string): string | undefined {
  const name = unit.slice(0, unit.lastIndexOf('.'));
  const at = name.indexOf('@');
  const known: Readonly<Record<string, string>> = {
    '%%': '%',
    '%N': name,
    '%n': unit,
    '%p': at < 0 ? name : name.slice(0, at),
    '%i': at < 0 ? '' : name.slice(at + 1),
  };
  const specifiers = text.match(/%./g) ?? [];
  if (specifiers.some((specifier) => known[specifier] === undefined)) return undefined;
  return text.replaceAll(/%./g, (specifier) => known[specifier] ?? '');
}
