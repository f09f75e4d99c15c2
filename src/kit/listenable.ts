// Which addresses and Unix socket paths a service can listen on.
import { formatIp, type IpAddress, isLinkLocal, parseIp } from '../base/address.ts';

/** A description of a listenable path, for error messages. */
export const LISTENABLE_PATH =
  'an absolute path of at most 106 visible ASCII characters, so that an abstract name with a leading "@" fits too';

/** Whether a Unix socket path can be listened on and fits into rpcbind's messages. */
export function isListenablePath(path: string): boolean {
  return /^\/[\x21-\x7e]{1,105}$/.test(path);
}

/** Whether a text is an address that can be listened on. */
export function isListenableAddress(text: string): boolean {
  const address = parseIp(text);
  return address !== undefined && whyNotListen(address) === undefined;
}

/** Why an address cannot be listened on; undefined if it can. */
export function whyNotListen(address: IpAddress): string | undefined {
  const [first = 0] = address.bytes;
  if (address.family === 4) return first >= 224 && first < 240 ? 'it is a multicast address' : undefined;
  if (first === 0xff) return 'it is a multicast address';
  if (isLinkLocal(address))
    return 'a link-local address belongs to one link; listen on :: and it is served as well';
  return formatIp(address).startsWith('::ffff:') ? 'write it as an IPv4 address' : undefined;
}
