// The port ranges from which software that runs or is configured on this host assigns ports to others.

import type { PortRange } from '../../base/port.ts';
import { type ConfiguredRange, DEFAULT_RANGES } from '../core/default-ranges.ts';
import { parseNomadPorts } from '../text/nomad-config.ts';
import { nodePortRange, portserverRanges } from '../text/range-flags.ts';
import type { ConfigFiles } from './config-files.ts';

export interface RunningProgram {
  /** The base name of the program or script: "dockerd", "portserver.py". */
  readonly name: string;
  /** The program and its arguments, separated by spaces. */
  readonly command: string;
}

interface DefaultRangeDeps {
  readonly files: ConfigFiles;
  readonly programs: readonly RunningProgram[];
  readonly ephemeral: PortRange;
}

export function defaultRangesHere(deps: DefaultRangeDeps): ConfiguredRange[] {
  return [...nodePorts(deps), ...nomadPorts(deps), ...dockerPorts(deps), ...portserverPorts(deps)];
}

/** The range of `id`: the configured one, or else its default. */
function configuredRange(
  id: string,
  range: PortRange | undefined,
  origin: string,
  jobs: readonly string[],
): ConfiguredRange[] {
  const usual = DEFAULT_RANGES.find((each) => each.id === id);
  if (!usual) return [];
  const { first, last } = range ?? usual;
  return [{ first, last, id, title: usual.title, origin, jobs, isHeld: false }];
}

/** The files with the API server's options: of kubeadm, k3s, RKE2, and MicroK8s. */
const NODE_PORT_FILES = [
  '/etc/kubernetes/manifests/kube-apiserver.yaml',
  '/etc/rancher/k3s/config.yaml',
  '/etc/rancher/rke2/config.yaml',
  '/var/snap/microk8s/current/args/kube-apiserver',
];
/** The programs of a cluster node. */
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

/** The range applies to the whole cluster, but only a host with the API server knows if it is not the default. */
function nodePorts({ files, programs }: DefaultRangeDeps): ConfiguredRange[] {
  const running = programs.filter(({ name }) => KUBERNETES.includes(name));
  for (const { name, command } of running) {
    const range = nodePortRange(command);
    if (range)
      return configuredRange('nodeport', range, `--service-node-port-range of ${name}`, KUBERNETES_JOBS);
  }
  const texts = NODE_PORT_FILES.flatMap((path) => {
    const text = files.text(path);
    return text === undefined ? [] : [{ path, range: nodePortRange(text) }];
  });
  const found = texts.find(({ range }) => range !== undefined);
  if (found) return configuredRange('nodeport', found.range, found.path, KUBERNETES_JOBS);
  const [sign] = [
    ...running.map(({ name }) => `${name} is running`),
    ...texts.map(({ path }) => `${path} exists`),
  ];
  return sign === undefined
    ? []
    : configuredRange('nodeport', undefined, `default; ${sign}`, KUBERNETES_JOBS);
}

const NOMAD_DIRECTORY = '/etc/nomad.d';
const NOMAD_FILE = /\.(?:hcl|json)$/;

/** The last file that sets a port counts, as for the agent. */
function nomadPorts({ files, programs }: DefaultRangeDeps): ConfiguredRange[] {
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
  const usual = configuredRange(
    'nomad',
    undefined,
    `default; ${file ? `${file.path} exists` : 'nomad is running'}`,
    ['NOMAD'],
  );
  return usual.flatMap((one): ConfiguredRange[] => {
    const range = { first: first?.ports.first ?? one.first, last: last?.ports.last ?? one.last };
    const origin = (last ?? first)?.path ?? one.origin;
    return range.first <= range.last ? [{ ...one, ...range, origin }] : [];
  });
}

/**
 * `docker run -P` assigns ports from the kernel's ephemeral range and ignores the reserved ports. Docker binds each
 * port, even without its proxy (libnetwork/portallocator of moby).
 */
function dockerPorts({ programs, ephemeral }: DefaultRangeDeps): ConfiguredRange[] {
  const isRunning = programs.some(({ name }) => name === 'dockerd');
  const ranges = isRunning ? configuredRange('docker', ephemeral, 'dockerd is running', ['DOCKER']) : [];
  return ranges.map((one) => ({ ...one, isHeld: true }));
}

function portserverPorts({ programs }: DefaultRangeDeps): ConfiguredRange[] {
  const program = programs.find(({ name }) => /^portserver(?:\.py)?$/.test(name));
  if (!program) return [];
  const ranges = portserverRanges(program.command) ?? [undefined];
  return ranges.flatMap((range) => {
    const origin = range ? `the command line of ${program.name}` : `default; ${program.name} is running`;
    return configuredRange('portserver', range, origin, ['PORTSERVER']);
  });
}
