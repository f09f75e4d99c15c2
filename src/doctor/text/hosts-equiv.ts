// hosts.equiv(5): hosts and users whom rshd and rlogind let in without a password.

/** A line that lets somebody in. */
interface TrustedHost {
  /** A name or an address; "+" is every host, "+@" or "@" begins a group. */
  readonly host: string;
  /** Undefined: everybody there, each as the user of his name. */
  readonly user: string | undefined;
  readonly line: number;
}

/** The lines that let somebody in; those that begin with "-" keep somebody out. */
export function parseHostsEquiv(text: string): TrustedHost[] {
  return text.split('\n').flatMap((written, index): TrustedHost[] => {
    const [host = '', user] = written.replace(/#.*/, '').trim().split(/\s+/);
    if (host === '' || host.startsWith('-') || user?.startsWith('-')) return [];
    return [{ host, user, line: index + 1 }];
  });
}
