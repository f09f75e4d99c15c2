// Parses systemd unit files (systemd.syntax(7)) to find the unit that a socket activates.

/** A file in an earlier directory hides a file with the same name in a later one (systemd.unit(5)). */
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

/** The last value of a key in a section. Undefined if it is missing or empty. */
export function unitSetting(text: string, section: string, key: string): string | undefined {
  let current = '';
  let value: string | undefined;
  for (const line of text.replaceAll(/\\\n/g, ' ').split('\n')) {
    const content = line.trim();
    if (content.startsWith('#') || content.startsWith(';')) continue;
    if (content.startsWith('[')) current = content;
    const equals = content.indexOf('=');
    if (current !== `[${section}]` || content.slice(0, equals).trim() !== key) continue;
    value = content.slice(equals + 1).trim();
  }
  return value === '' ? undefined : value;
}

/** The template of an instance, "web@.socket". Undefined if the unit is not an instance. */
export function templateFile(unit: string): string | undefined {
  return /^[^@]+@.+\./.test(unit) ? unit.replace(/@.*(\.[a-z]+)$/, '@$1') : undefined;
}

/** Expands specifiers (systemd.unit(5)). Returns undefined if one is not supported. */
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
