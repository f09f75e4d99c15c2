// Whether the port mapper may be opened to the network: not while access rules stand that it would not keep.
import { formatIp, type IpAddress, isLoopback } from '../../base/address.ts';
import { PortreeveError } from '../../base/errors.ts';
import type { Files } from '../../host/host.ts';
import { ruleNaming } from '../../text/hosts-access.ts';

/** Where the rules of libwrap are, which rpcbind keeps (hosts_access(5)). */
const RULE_FILES = ['/etc/hosts.allow', '/etc/hosts.deny'] as const;
/** The names by which rules speak of a port mapper. */
const DAEMONS = ['rpcbind', 'portmap'] as const;
const RULES_MAX_BYTES = 1024 * 1024;

/**
 * Throws PortreeveError `ACCESS_RULES_IGNORED` (environment) if an address is not loopback and a rule speaks of the
 * port mapper: whoever wrote it relies on it, and portreeve does not read such rules.
 */
export function requireNoAccessRules(addresses: readonly IpAddress[], files: Pick<Files, 'readText'>): void {
  const open = addresses.find((address) => !isLoopback(address));
  if (!open) return;
  for (const path of RULE_FILES) {
    const rule = ruleNaming(files.readText(path, RULES_MAX_BYTES) ?? '', DAEMONS);
    if (rule === undefined) continue;
    const found = `${path} has a rule for the port mapper, "${rule}", which portreeve does not keep`;
    const message = `will not listen on ${formatIp(open)}: ${found}`;
    const hint =
      'Restrict port 111 in the firewall and remove the rule, or listen on loopback only: --listen 127.0.0.1.';
    throw new PortreeveError('ACCESS_RULES_IGNORED', message, hint, { path, rule });
  }
}
