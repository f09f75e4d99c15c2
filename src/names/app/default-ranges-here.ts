// The pools from which programs of this host promise ports: of those that run or are configured here, as they are told.

import type { PortRange } from '../../base/port.ts';
import { DEFAULT_RANGES, type Pool } from '../core/default-ranges.ts';
import { parseNomadPorts } from '../text/nomad-config.ts';
import { nodePortRange, portserverPool } from '../text/range-flags.ts';
import type { ConfigFiles } from './config-files.ts';

/** A process of this host. */
export interface RunningProgram {
  /** The last part of the program's path, or of its script's: "dockerd", "portserver.py". */
  readonly name: string;
  /** The program and its arguments, with blanks between them. */
  readonly command: string;
}

interface DefaultRangeDeps {
  readonly files: ConfigFiles;
  readonly programs: readonly RunningProgram[];
  readonly ephemeral: PortRange;
}

export function defaultRangesHere(deps: DefaultRangeDeps): Pool[] {
  return [...nodePorts(deps), ...nomadPorts(deps), ...dockerPorts(deps), ...portserverPorts(deps)];
}

/** A pool by what is said, and as it is by default where nothing is. */
function pool(id: string, range: PortRange | undefined, says: string, jobs: readonly string[]): Pool[] {
  const usual = DEFAULT_RANGES.find((each) => each.id === id);
  if (!usual) return [];
  const { first, last } = range ?? usual;
  return [{ first, last, id, title: usual.title, says, jobs, isHeld: false }];
}

/** Where the options of the API server are: of kubeadm, k3s, RKE2 and MicroK8s. */
const NODE_PORT_FILES = [
  '/etc/kubernetes/manifests/kube-apiserver.yaml',
  '/etc/rancher/k3s/config.yaml',
  '/etc/rancher/rke2/config.yaml',
  '/var/snap/microk8s/current/args/kube-apiserver',
];
/** The programs of a host of a cluster; the last ones are all of them in one. */
const KUBERNETES = [
  'kube-apiserver',
  'kubelet',
  'kube-proxy',
  'k3s',
  'k3s-server',
  'k3s-agent',
  'rke2',
  'kubelite',
];
const KUBERNETES_JOBS = ['KUBELET', 'KUBE-PROXY', 'K3S', 'K3S-AGENT'];

/** The range is the whole cluster's: only hosts with its API server know another one than the default. */
function nodePorts({ files, programs }: DefaultRangeDeps): Pool[] {
  const running = programs.filter(({ name }) => KUBERNETES.includes(name));
  for (const { name, command } of running) {
    const range = nodePortRange(command);
    if (range) return pool('nodeport', range, `--service-node-port-range of ${name}`, KUBERNETES_JOBS);
  }
  const texts = NODE_PORT_FILES.flatMap((path) => {
    const text = files.text(path);
    return text === undefined ? [] : [{ path, range: nodePortRange(text) }];
  });
  const said = texts.find(({ range }) => range !== undefined);
  if (said) return pool('nodeport', said.range, said.path, KUBERNETES_JOBS);
  const [what] = [...running.map(({ name }) => `${name} runs`), ...texts.map(({ path }) => `${path} is`)];
  return what === undefined
    ? []
    : pool('nodeport', undefined, `the default, and ${what} here`, KUBERNETES_JOBS);
}

const NOMAD_DIRECTORY = '/etc/nomad.d';
const NOMAD_FILE = /\.(?:hcl|json)$/;

/** Of several files that say a port the last one counts, as for the agent. */
function nomadPorts({ files, programs }: DefaultRangeDeps): Pool[] {
  const running = programs.filter(({ name }) => name === 'nomad');
  const named = running.flatMap(({ command }) =>
    [...command.matchAll(/\s--?config(?:=|\s+)(\/\S+)/g)].map(([, path = '']) => path.replace(/\/$/, '')),
  );
  const paths = [...new Set([NOMAD_DIRECTORY, ...named])].flatMap((path) =>
    NOMAD_FILE.test(path) ? [path] : files.within(path, NOMAD_FILE),
  );
  const texts = paths.flatMap((path) => {
    const text = files.text(path);
    return text === undefined ? [] : [{ path, ports: parseNomadPorts(text) }];
  });
  const [file] = texts;
  if (running.length === 0 && !file) return [];
  const first = texts.findLast(({ ports }) => ports.first !== undefined);
  const last = texts.findLast(({ ports }) => ports.last !== undefined);
  const usual = pool('nomad', undefined, `the default, and ${file ? `${file.path} is` : 'nomad runs'} here`, [
    'NOMAD',
  ]);
  return usual.flatMap((one): Pool[] => {
    const range = { first: first?.ports.first ?? one.first, last: last?.ports.last ?? one.last };
    const says = (last ?? first)?.path ?? one.says;
    return range.first <= range.last ? [{ ...one, ...range, says }] : [];
  });
}

/**
 * What `docker run -P` gives out comes from the kernel's range, whatever that reserves. Docker binds each port, also
 * without its proxy (libnetwork/portallocator of moby).
 */
function dockerPorts({ programs, ephemeral }: DefaultRangeDeps): Pool[] {
  const isHere = programs.some(({ name }) => name === 'dockerd');
  const pools = isHere ? pool('docker', ephemeral, 'dockerd runs here', ['DOCKER']) : [];
  return pools.map((one) => ({ ...one, isHeld: true }));
}

function portserverPorts({ programs }: DefaultRangeDeps): Pool[] {
  const program = programs.find(({ name }) => /^portserver(?:\.py)?$/.test(name));
  if (!program) return [];
  const ranges = portserverPool(program.command) ?? [undefined];
  return ranges.flatMap((range) => {
    const says = range ? `the command line of ${program.name}` : `the default, and ${program.name} runs here`;
    return pool('portserver', range, says, ['PORTSERVER']);
  });
}
