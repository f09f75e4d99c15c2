// Finds the rules for a daemon in /etc/hosts.allow and /etc/hosts.deny (hosts_access(5)).

/** The rules of a file: its lines, with continuation lines joined, without comments and empty lines. */
function rulesOf(text: string): string[] {
  return text
    .replace(/\\\r?\n/g, ' ')
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/**
 * The first rule that applies to one of the daemons: by its name (also with a host, "daemon@host"), or by the wildcard
 * ALL.
 */
export function ruleNaming(text: string, daemons: readonly string[]): string | undefined {
  return rulesOf(text).find((rule) => {
    const list = rule.split(':')[0] ?? '';
    const names = list.split(/[\s,]+/).map((name) => name.split('@')[0]?.toLowerCase() ?? '');
    return names.some((name) => name === 'all' || daemons.includes(name));
  });
}
