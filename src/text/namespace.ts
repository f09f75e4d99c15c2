// How people name a network namespace: "web", "/run/docker/netns/1a2b", "pid:812", "cookie:4711".
import { PID_MAX } from '../base/limits.ts';
import { parseDecimal } from '../base/port.ts';

/** Where the namespaces are that ip-netns(8) makes. */
const NETNS_DIRECTORY = '/run/netns';
/** The name of a file has at most 255 bytes (NAME_MAX in <linux/limits.h>). */
const NAME_MAX_CHARACTERS = 255;
const NAME = /^[^/:\0]+$/;
const PATH = /^\/[^\0]+$/;
const PID = /^pid:([0-9]+)$/;
const COOKIE = /^cookie:([0-9]{1,20})$/;
const COOKIE_MAX = 0xffff_ffff_ffff_ffffn;

/** What a name means: a file that leads to the namespace, or its number in the kernel. */
export type NamespacePlace = { readonly path: string } | { readonly cookie: bigint };

/** The file of a name of ip-netns(8), or a path as it is: what portreeve.toml can say. Undefined for anything else. */
export function namespacePath(text: string): string | undefined {
  if (PATH.test(text)) return text;
  const isName = NAME.test(text) && text !== '.' && text !== '..';
  return isName && text.length <= NAME_MAX_CHARACTERS ? `${NETNS_DIRECTORY}/${text}` : undefined;
}

/** What a name on the command line means, where a process and a number can be said, too. Undefined if it is none. */
export function parseNamespace(text: string): NamespacePlace | undefined {
  const pid = parseDecimal(PID.exec(text)?.[1] ?? '', PID_MAX);
  if (pid !== undefined) return { path: `/proc/${pid}/ns/net` };
  const digits = COOKIE.exec(text)?.[1];
  const cookie = digits === undefined ? undefined : BigInt(digits);
  if (cookie !== undefined) return cookie > 0n && cookie <= COOKIE_MAX ? { cookie } : undefined;
  const path = namespacePath(text);
  return path === undefined ? undefined : { path };
}

/** A path as it is shortest: "web" for what ip-netns(8) made. */
export function namespaceName(path: string): string {
  return path.startsWith(`${NETNS_DIRECTORY}/`) ? path.slice(NETNS_DIRECTORY.length + 1) : path;
}
