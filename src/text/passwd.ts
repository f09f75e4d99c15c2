// Parses /etc/passwd (passwd(5)).
import { UID_MAX } from '../base/limits.ts';
import { parseDecimal } from '../base/port.ts';

export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** Invalid lines are skipped, as getpwent(3) does. */
export function parsePasswd(text: string): Account[] {
  return text.split('\n').flatMap((line) => {
    const [name, , uidText, gidText] = line.split(':');
    const uid = parseDecimal(uidText ?? '', UID_MAX);
    const gid = parseDecimal(gidText ?? '', UID_MAX);
    return name && uid !== undefined && gid !== undefined ? [{ name, uid, gid }] : [];
  });
}
