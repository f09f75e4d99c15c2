// Refuses to listen beyond loopback if hosts_access(5) has rules for a port mapper, which portreeve does not enforce.
import { formatIp, type IpAddress, isLoopback } from '../../base/address.ts';
import { PortreeveError } from '../../base/errors.ts';
import type { Files } from '../../host/host.ts';
import { ruleNaming } from '../../text/hosts-access.ts';

/** The rules of libwrap, which rpcbind enforces (hosts_access(5)). */
const RULE_FILES = ['/etc/hosts.allow', '/etc/hosts.deny'] as const;
/** The daemon names of a port mapper in these rules. */
const DAEMONS = ['rpcbind', 'portmap'] as const;
const RULES_MAX_BYTES = 1024 * 1024;

/**
 * Throws PortreeveError `ACCESS_RULES_IGNORED` (environment) if an address is not loopback and a rule names the port
 * mapper: an administrator relies on that rule.
 */
export function requireNoAccessRules(addresses: readonly IpAddress[], files: Pick<Files, 'readText'>): void {
  const open = addresses.find((address) => !isLoopback(address));
  if (!open) return;
  for (const path of RULE_FILES) {
    const rule = ruleNaming(files.readText(path, RULES_MAX_BYTES) ?? '', DAEMONS);
    if (rule === undefined) continue;
    const found = `${path} has a rule for the port mapper, "${rule}", which portreeve does not enforce`;
    const message = `refusing to listen on ${formatIp(open)}: ${found}`;
    const hint =
      'Restrict port 111 in the firewall and remove the rule, or listen on loopback only: --listen 127.0.0.1.';
    throw new PortreeveError('ACCESS_RULES_IGNORED', message, hint, { path, rule });
  }
}
