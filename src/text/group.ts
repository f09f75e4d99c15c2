// Parses /etc/group (group(5)).
import { UID_MAX } from '../base/limits.ts';
import { parseDecimal } from '../base/port.ts';

/** A group and the members that its line lists. Accounts whose primary group it is are in passwd(5). */
export interface Group {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** Invalid lines are skipped, as getgrent(3) does. */
export function parseGroup(text: string): Group[] {
  return text.split('\n').flatMap((line) => {
    const [name, , gidText, memberText = ''] = line.split(':');
    const gid = parseDecimal(gidText ?? '', UID_MAX);
    if (!name || gid === undefined) return [];
    const members = memberText.split(',').map((member) => member.trim());
    return [{ name, gid, members: members.filter((member) => member !== '') }];
  });
}
