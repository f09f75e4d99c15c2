// The default ranges from which well-known software chooses or assigns ports.
import type { PortRange, Protocol } from '../../base/port.ts';

export interface DefaultRange {
  /** A stable name. */
  readonly id: string;
  /** A noun phrase: "the NodePorts of Kubernetes". */
  readonly title: string;
  readonly protocols: readonly Protocol[];
  readonly first: number;
  readonly last: number;
  /** The setting that changes it. */
  readonly setting: string;
  /** The documentation or source code that defines the default. */
  readonly source: string;
}

const BOTH: readonly Protocol[] = ['tcp', 'udp'];
const TCP: readonly Protocol[] = ['tcp'];
const UDP: readonly Protocol[] = ['udp'];

/** Sorted by first port. */
export const DEFAULT_RANGES: readonly DefaultRange[] = [
  {
    id: 'bindresvport',
    title: 'the ports that bindresvport(3) assigns to RPC services',
    protocols: BOTH,
    first: 512,
    last: 1023,
    setting: '/etc/bindresvport.blacklist',
    source: 'glibc sunrpc/bindrsvprt.c: 600-1023, then 512-599',
  },
  {
    id: 'nfs-client',
    title: "the source ports of the kernel's NFS client",
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
    title: 'the brick ports of GlusterFS',
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
    setting: 'net.ipv4.ip_local_port_range (newer versions)',
    source: 'moby libnetwork/portallocator: DefaultPortRangeStart 49153, DefaultPortRangeEnd 65535',
  },
  {
    id: 'mosh',
    title: 'the session ports of mosh',
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

/** A range from which software on this host assigns ports to others. */
export interface ConfiguredRange extends PortRange {
  /** `nodeport`, `nomad`, `docker`, `portserver`. */
  readonly id: string;
  /** A noun phrase: "the NodePorts of Kubernetes". */
  readonly title: string;
  /** Where the range comes from: a file, a running program, or the default. */
  readonly origin: string;
  /** The jobs of the software. */
  readonly jobs: readonly string[];
  /** Whether the software binds a port before it assigns it, and so skips ports in use. */
  readonly isHeld: boolean;
}
