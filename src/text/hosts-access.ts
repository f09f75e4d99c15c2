// hosts_access(5): which daemons the rules of /etc/hosts.allow and /etc/hosts.deny are for.

/** The rules of a file: lines, of which those that end in a backslash go on, without comments and blanks. */
function rulesOf(text: string): string[] {
  return text
    .replace(/\\\r?\n/g, ' ')
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/**
 * The first rule that speaks of one of the daemons: by its name (also with a host, "daemon@host"), or by the wildcard
 * ALL. Undefined if there is none.
 */
export function ruleNaming(text: string, daemons: readonly string[]): string | undefined {
  return rulesOf(text).find((rule) => {
    const list = rule.split(':')[0] ?? '';
    const names = list.split(/[\s,]+/).map((name) => name.split('@')[0]?.toLowerCase() ?? '');
    return names.some((name) => name === 'all' || daemons.includes(name));
  });
}
