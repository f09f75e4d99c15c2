// The names of RPC programs: well-known ones and those in /etc/rpc (rpc(5)).
import { parseDecimal } from '../../base/port.ts';

interface RpcProgram {
  readonly number: number;
  readonly name: string;
  readonly aliases: readonly string[];
}

const PROGRAM_MAX = 0xffffffff;

/** Programs that are or were in use. */
export const WELL_KNOWN_PROGRAMS: readonly RpcProgram[] = parseEtcRpc(`
portmapper     100000  portmap sunrpc rpcbind
rstatd         100001  rstat rstat_svc rup perfmeter
rusersd        100002  rusers
nfs            100003  nfsprog
ypserv         100004  ypprog
mountd         100005  mount showmount
ypbind         100007
walld          100008  rwall shutdown
yppasswdd      100009  yppasswd
etherstatd     100010  etherstat
rquotad        100011  rquotaprog quota rquota
sprayd         100012  spray
3270_mapper    100013
rje_mapper     100014
selection_svc  100015  selnsvc
database_svc   100016
rexd           100017  rex
alis           100018
sched          100019
llockmgr       100020
nlockmgr       100021
x25.inr        100022
statmon        100023
status         100024
bootparam      100026
ypupdated      100028  ypupdate
keyserv        100029  keyserver
tfsd           100037
nsed           100038
nsemntd        100039
cmsd           100068
ypxfrd         100069
ttdbserverd    100083  ttdbserver tooltalk
autofs         100099
nsm_addrand    100133
nfs_acl        100227
sadmind        100232
nisd           100300  rpc.nisd
pcnfsd         150001
amd            300019  amq
sgi_fam        391002  fam
vxi11_core     395183
vxi11_async    395184
vxi11_intr     395185
nfslocalio     400122
ugidd          545580417
fypxfrd        600100069  freebsd-ypxfrd
bwnfsd         788585389
nfs4_callback  1073741824
`);

/** Parses rpc(5): lines of the form "name number alias..."; "#" starts a comment. Ignores other lines. */
export function parseEtcRpc(text: string): RpcProgram[] {
  return text.split('\n').flatMap((line) => {
    const [name = '', digits = '', ...aliases] = line.replace(/#.*/, '').trim().split(/\s+/);
    const number = parseDecimal(digits, PROGRAM_MAX);
    return number === undefined ? [] : [{ number, name, aliases }];
  });
}

export class RpcNames {
  readonly #names = new Map<number, string>();
  readonly #numbers = new Map<string, number>();

  /** The host's names take precedence over the well-known ones. */
  constructor(hostPrograms: readonly RpcProgram[] = []) {
    for (const { number, name, aliases } of [...hostPrograms, ...WELL_KNOWN_PROGRAMS]) {
      if (!this.#names.has(number)) this.#names.set(number, name);
      for (const word of [name, ...aliases]) {
        if (!this.#numbers.has(word)) this.#numbers.set(word, number);
      }
    }
  }

  nameOf(number: number): string | undefined {
    return this.#names.get(number);
  }

  /** The number of a name or alias, or a number in digits. */
  numberOf(text: string): number | undefined {
    return parseDecimal(text, PROGRAM_MAX) ?? this.#numbers.get(text);
  }
}
