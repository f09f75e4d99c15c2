// Parses names of network namespaces: "web", "/run/docker/netns/1a2b", "pid:812", "cookie:4711".
import { PID_MAX } from '../base/limits.ts';
import { parseDecimal } from '../base/port.ts';

/** The directory of ip-netns(8). */
const NETNS_DIRECTORY = '/run/netns';
/** NAME_MAX in <linux/limits.h>. */
const NAME_MAX_CHARACTERS = 255;
const NAME = /^[^/:\0]+$/;
const PATH = /^\/[^\0]+$/;
const PID = /^pid:([0-9]+)$/;
const COOKIE = /^cookie:([0-9]{1,20})$/;
const COOKIE_MAX = 0xffff_ffff_ffff_ffffn;

/** A file that refers to the namespace, or the kernel's ID of it. */
export type NamespacePlace = { readonly path: string } | { readonly cookie: bigint };

/** The path for a name of ip-netns(8) or an absolute path, the forms allowed in portreeve.toml. Otherwise undefined. */
export function namespacePath(text: string): string | undefined {
  if (PATH.test(text)) return text;
  const isName = NAME.test(text) && text !== '.' && text !== '..';
  return isName && text.length <= NAME_MAX_CHARACTERS ? `${NETNS_DIRECTORY}/${text}` : undefined;
}

/** Parses the forms allowed on the command line: also a process and a cookie. Returns undefined for other text. */
export function parseNamespace(text: string): NamespacePlace | undefined {
  const pid = parseDecimal(PID.exec(text)?.[1] ?? '', PID_MAX);
  if (pid !== undefined) return { path: `/proc/${pid}/ns/net` };
  const digits = COOKIE.exec(text)?.[1];
  const cookie = digits === undefined ? undefined : BigInt(digits);
  if (cookie !== undefined) return cookie > 0n && cookie <= COOKIE_MAX ? { cookie } : undefined;
  const path = namespacePath(text);
  return path === undefined ? undefined : { path };
}

/** The short form of a path: "web" for a namespace of ip-netns(8). */
export function namespaceName(path: string): string {
  return path.startsWith(`${NETNS_DIRECTORY}/`) ? path.slice(NETNS_DIRECTORY.length + 1) : path;
}
