// The ranges from which programs choose ports by themselves unless they are told otherwise.
import type { PortRange, Protocol } from '../../base/port.ts';

/** Ports that something hands out. */
export interface DefaultRange {
  /** The word for it, which does not change. */
  readonly id: string;
  /** As a sentence has it: "the NodePorts of Kubernetes". */
  readonly title: string;
  readonly protocols: readonly Protocol[];
  readonly first: number;
  readonly last: number;
  /** The setting that another range is given by. */
  readonly setting: string;
  /** Where the default is said. */
  readonly source: string;
}

const BOTH: readonly Protocol[] = ['tcp', 'udp'];
const TCP: readonly Protocol[] = ['tcp'];
const UDP: readonly Protocol[] = ['udp'];

/** In the order of their first ports. */
export const DEFAULT_RANGES: readonly DefaultRange[] = [
  {
    id: 'bindresvport',
    title: 'the ports of RPC services that ask bindresvport(3) for one',
    protocols: BOTH,
    first: 512,
    last: 1023,
    setting: '/etc/bindresvport.blacklist',
    source: 'glibc sunrpc/bindrsvprt.c: 600 to 1023, then 512 to 599',
  },
  {
    id: 'nfs-client',
    title: 'the ports from which the kernel mounts NFS',
    protocols: BOTH,
    first: 665,
    last: 1023,
    setting: 'sunrpc.min_resvport and sunrpc.max_resvport',
    source: 'Linux include/linux/sunrpc/xprtsock.h: RPC_DEF_MIN_RESVPORT 665, RPC_DEF_MAX_RESVPORT 1023',
  },
  {
    id: 'elasticsearch-http',
    title: "the ports of Elasticsearch's HTTP interface",
    protocols: TCP,
    first: 9200,
    last: 9300,
    setting: 'http.port in elasticsearch.yml',
    source: 'Elasticsearch Guide, Networking: http.port 9200-9300',
  },
  {
    id: 'elasticsearch-transport',
    title: "the ports of Elasticsearch's nodes",
    protocols: TCP,
    first: 9300,
    last: 9400,
    setting: 'transport.port in elasticsearch.yml',
    source: 'Elasticsearch Guide, Networking: transport.port 9300-9400',
  },
  {
    id: 'portserver',
    title: "the ports of Google's portserver",
    protocols: BOTH,
    first: 15_000,
    last: 24_999,
    setting: 'portserver --portserver_static_pool',
    source: 'https://github.com/google/python_portpicker/pull/2',
  },
  {
    id: 'nomad',
    title: 'the dynamic ports of Nomad',
    protocols: BOTH,
    first: 20_000,
    last: 32_000,
    setting: 'min_dynamic_port and max_dynamic_port in the client block',
    source: 'Nomad, client Block in Agent Configuration',
  },
  {
    id: 'daos',
    title: "the ports of DAOS's engines",
    protocols: TCP,
    first: 20_100,
    last: 21_100,
    setting: 'FI_TCP_PORT_LOW_RANGE and FI_TCP_PORT_HIGH_RANGE',
    source: 'https://github.com/daos-stack/daos/pull/15209',
  },
  {
    id: 'consul',
    title: "the ports of Consul's sidecar proxies",
    protocols: TCP,
    first: 21_000,
    last: 21_255,
    setting: 'ports.sidecar_min_port and ports.sidecar_max_port',
    source: 'https://developer.hashicorp.com/consul/docs/v1.16.x/install/ports',
  },
  {
    id: 'nodeport',
    title: 'the NodePorts of Kubernetes',
    protocols: BOTH,
    first: 30_000,
    last: 32_767,
    setting: 'kube-apiserver --service-node-port-range',
    source: 'Kubernetes, kube-apiserver: --service-node-port-range 30000-32767',
  },
  {
    id: 'gluster',
    title: 'the ports of bricks of GlusterFS',
    protocols: TCP,
    first: 49_152,
    last: 60_999,
    setting: 'base-port and max-port in glusterd.vol',
    source: 'https://github.com/gluster/glusterfs/issues/2604',
  },
  {
    id: 'docker',
    title: 'the ports that docker run -P publishes',
    protocols: BOTH,
    first: 49_153,
    last: 65_535,
    setting: 'net.ipv4.ip_local_port_range, by which newer versions go',
    source: 'moby libnetwork/portallocator: DefaultPortRangeStart 49153, DefaultPortRangeEnd 65535',
  },
  {
    id: 'mosh',
    title: 'the ports of sessions of mosh',
    protocols: UDP,
    first: 60_001,
    last: 60_999,
    setting: 'mosh -p',
    source: 'mosh src/network/network.h: PORT_RANGE_LOW 60001, PORT_RANGE_HIGH 60999',
  },
];

export function defaultRangesOf(port: number, protocol: Protocol): DefaultRange[] {
  return DEFAULT_RANGES.filter(
    ({ first, last, protocols }) => first <= port && port <= last && protocols.includes(protocol),
  );
}

/** Ports from which something on this host chooses for others. */
export interface Pool extends PortRange {
  /** `nodeport`, `nomad`, `docker`, `portserver`. */
  readonly id: string;
  /** As a sentence has it: "the NodePorts of Kubernetes". */
  readonly title: string;
  /** What on this host says so: a file, a program that runs, or that it is the default. */
  readonly says: string;
  /** The programs that choose, as jobs. */
  readonly jobs: readonly string[];
  /** A port is held by a socket as soon as it is chosen, and where that fails the next one is tried. */
  readonly isHeld: boolean;
}
