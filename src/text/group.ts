// group(5): the groups of /etc/group, and who is in them.
import { UID_MAX } from '../base/limits.ts';
import { parseDecimal } from '../base/port.ts';

/** A group, with the accounts that its line names; whose first group it is stands in passwd(5). */
export interface Group {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** The groups of a file; lines that are none are passed over, as getgrent(3) does. */
export function parseGroup(text: string): Group[] {
  return text.split('\n').flatMap((line) => {
    const [name, , gidText, memberText = ''] = line.split(':');
    const gid = parseDecimal(gidText ?? '', UID_MAX);
    if (!name || gid === undefined) return [];
    const members = memberText.split(',').map((member) => member.trim());
    return [{ name, gid, members: members.filter((member) => member !== '') }];
  });
}
