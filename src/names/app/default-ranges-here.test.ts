// The pools of a host: which of them are here, and what their configuration says.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { filesOf, type Texts } from '../../../test/support/doctor/host.ts';
import { ConfigFiles } from './config-files.ts';
import { defaultRangesHere } from './default-ranges-here.ts';

interface Case {
  readonly programs?: readonly string[];
  readonly files?: Texts;
  /** "nomad 20000-32000 by /etc/nomad.d/a.hcl" */
  readonly pools: readonly string[];
}

const MANIFEST = '/etc/kubernetes/manifests/kube-apiserver.yaml';

const CASES: Readonly<Record<string, Case>> = {
  'nothing is here': { programs: ['bash', 'nginx -g x'], pools: [] },
  'kubelet runs': {
    programs: ['kubelet --x'],
    pools: ['nodeport 30000-32767 by the default, and kubelet runs here'],
  },
  'kube-apiserver says a range': {
    programs: ['kubelet', 'kube-apiserver --service-node-port-range=20000-20100'],
    pools: ['nodeport 20000-20100 by --service-node-port-range of kube-apiserver'],
  },
  'its manifest does': {
    programs: ['kubelet'],
    files: { [MANIFEST]: '    - --service-node-port-range=20000-20100\n' },
    pools: [`nodeport 20000-20100 by ${MANIFEST}`],
  },
  'its manifest does not': {
    files: { [MANIFEST]: '    - --v=2\n' },
    pools: [`nodeport 30000-32767 by the default, and ${MANIFEST} is here`],
  },
  'k3s has a file': {
    programs: ['k3s server'],
    files: { '/etc/rancher/k3s/config.yaml': 'service-node-port-range: "20000-20100"\n' },
    pools: ['nodeport 20000-20100 by /etc/rancher/k3s/config.yaml'],
  },
  'k3s runs': {
    programs: ['k3s server --service-node-port-range 1024-2048'],
    pools: ['nodeport 1024-2048 by --service-node-port-range of k3s'],
  },
  'nomad runs': {
    programs: ['nomad agent'],
    pools: ['nomad 20000-32000 by the default, and nomad runs here'],
  },
  'nomad has files': {
    files: {
      '/etc/nomad.d/a.hcl': 'client {\n min_dynamic_port = 26000\n max_dynamic_port = 27000\n}\n',
      '/etc/nomad.d/b.hcl': 'client {\n max_dynamic_port = 28000\n}\n',
      '/etc/nomad.d/c.txt': 'client {\n max_dynamic_port = 29000\n}\n',
    },
    pools: ['nomad 26000-28000 by /etc/nomad.d/b.hcl'],
  },
  'nomad has files that say nothing of ports': {
    files: { '/etc/nomad.d/a.hcl': 'client { enabled = true }' },
    pools: ['nomad 20000-32000 by the default, and /etc/nomad.d/a.hcl is here'],
  },
  'nomad is told its files': {
    programs: ['nomad agent -config=/opt/n.json -config /opt/d/ -config here.hcl'],
    files: {
      '/opt/n.json': '{"client": {"min_dynamic_port": 21000}}',
      '/opt/d/z.hcl': 'client { max_dynamic_port = 22000 }',
      'here.hcl': 'client { max_dynamic_port = 1 }',
    },
    pools: ['nomad 21000-22000 by /opt/d/z.hcl'],
  },
  'nomad is told nonsense': { files: { '/etc/nomad.d/a.hcl': 'min_dynamic_port = 40000' }, pools: [] },
  'docker runs': {
    programs: ['dockerd -H fd:// --userland-proxy=false'],
    pools: ['docker 32768-60999 by dockerd runs here'],
  },
  'only a container of docker runs': {
    programs: ['containerd-shim', 'docker-proxy -host-port 80'],
    pools: [],
  },
  'portserver runs': {
    programs: ['portserver.py --verbose'],
    pools: ['portserver 15000-24999 by the default, and portserver.py runs here'],
  },
  'portserver is told its pool': {
    programs: ['portserver --portserver_static_pool=15000-15009,16000-16009'],
    pools: [
      'portserver 15000-15009 by the command line of portserver',
      'portserver 16000-16009 by the command line of portserver',
    ],
  },
};

describe('pools', () => {
  for (const [name, { programs = [], files = {}, pools }] of Object.entries(CASES)) {
    test(name, () => {
      const unknown: string[] = [];
      const found = defaultRangesHere({
        files: new ConfigFiles(filesOf(files), unknown),
        programs: programs.map((command) => ({ name: command.split(' ')[0] ?? '', command })),
        ephemeral: { first: 32_768, last: 60_999 },
      });
      assert.deepEqual(
        found.map(({ id, first, last, says }) => `${id} ${first}-${last} by ${says}`),
        pools,
      );
      assert.deepEqual(unknown, []);
    });
  }
});
