// Notifies the service manager of our state (sd_notify(3)).
import { encodeLocalSockaddr } from '../../wire/sockaddr.ts';
import { AF_UNIX, MSG_NOSIGNAL, SOCK_CLOEXEC, SOCK_DGRAM } from './sys/constants.ts';
import { sys } from './sys/libc.ts';
import { NativeBuffer } from './sys/memory.ts';

/** The longest name of a Unix socket, without the terminating NUL of a path (unix(7)). */
const NAME_MAX_BYTES = 107;

/**
 * Sends a state, such as "READY=1", to the socket in NOTIFY_SOCKET: a path, or "@" and an abstract name. Returns false
 * if there is no such socket, or sending failed, which only the service manager would notice.
 */
export function notifyManager(state: string, env: Readonly<Record<string, string | undefined>>): boolean {
  const name = Buffer.from(env['NOTIFY_SOCKET'] ?? '');
  const isLocal = name[0] === SLASH || name[0] === AT;
  if (!isLocal || name.length > NAME_MAX_BYTES) return false;
  const fd = sys.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  try {
    const address = nativeCopy(encodeLocalSockaddr(name.toString('latin1')));
    const message = nativeCopy(Buffer.from(state));
    if (sys.connect(fd, address.address, address.u8.length) < 0) return false;
    return sys.send(fd, message.address, message.u8.length, MSG_NOSIGNAL) === message.u8.length;
  } finally {
    sys.close(fd);
  }
}

const SLASH = 0x2f;
const AT = 0x40;

function nativeCopy(bytes: Uint8Array): NativeBuffer {
  const copy = new NativeBuffer(bytes.length);
  copy.u8.set(bytes);
  return copy;
}
