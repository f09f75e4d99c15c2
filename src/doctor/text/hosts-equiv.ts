// Parser of hosts.equiv(5): the hosts and users that rshd and rlogind admit without a password.

/** A line that grants access. */
interface TrustedHost {
  /** A name or an address; "+" is every host, "+@" or "@" introduces a netgroup. */
  readonly host: string;
  /** Undefined: every user of the host, each as the local user of the same name. */
  readonly user: string | undefined;
  readonly line: number;
}

/** The lines that grant access; lines that begin with "-" deny it and are omitted. */
export function parseHostsEquiv(text: string): TrustedHost[] {
  return text.split('\n').flatMap((line, index): TrustedHost[] => {
    const [host = '', user] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (host === '' || host.startsWith('-') || user?.startsWith('-')) return [];
    return [{ host, user, line: index + 1 }];
  });
}
