// The connection limits of a server under test, as in the daemon.

import { PeerShares } from '../../src/job/daemon/peer-shares.ts';
import type { PeerDeps } from '../../src/kit/unix-http.ts';

export const PEERS: PeerDeps = { shareOf: new PeerShares().of };
