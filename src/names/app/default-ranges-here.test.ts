// The port ranges of software on this host, from its running programs and configuration files.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { filesOf, type Texts } from '../../../test/support/doctor/host.ts';
import { ConfigFiles } from './config-files.ts';
import { defaultRangesHere } from './default-ranges-here.ts';

interface Case {
  readonly programs?: readonly string[];
  readonly files?: Texts;
  /** "nomad 20000-32000: /etc/nomad.d/a.hcl" */
  readonly ranges: readonly string[];
}

const MANIFEST = '/etc/kubernetes/manifests/kube-apiserver.yaml';

const CASES: Readonly<Record<string, Case>> = {
  'no such software': { programs: ['bash', 'nginx -g x'], ranges: [] },
  'kubelet runs': {
    programs: ['kubelet --x'],
    ranges: ['nodeport 30000-32767: default; kubelet is running'],
  },
  'a range on the command line of kube-apiserver': {
    programs: ['kubelet', 'kube-apiserver --service-node-port-range=20000-20100'],
    ranges: ['nodeport 20000-20100: --service-node-port-range of kube-apiserver'],
  },
  'a range in its manifest': {
    programs: ['kubelet'],
    files: { [MANIFEST]: '    - --service-node-port-range=20000-20100\n' },
    ranges: [`nodeport 20000-20100: ${MANIFEST}`],
  },
  'its manifest without a range': {
    files: { [MANIFEST]: '    - --v=2\n' },
    ranges: [`nodeport 30000-32767: default; ${MANIFEST} exists`],
  },
  'a configuration file of k3s': {
    programs: ['k3s server'],
    files: { '/etc/rancher/k3s/config.yaml': 'service-node-port-range: "20000-20100"\n' },
    ranges: ['nodeport 20000-20100: /etc/rancher/k3s/config.yaml'],
  },
  'k3s runs': {
    programs: ['k3s server --service-node-port-range 1024-2048'],
    ranges: ['nodeport 1024-2048: --service-node-port-range of k3s'],
  },
  'nomad runs': {
    programs: ['nomad agent'],
    ranges: ['nomad 20000-32000: default; nomad is running'],
  },
  'configuration files of nomad': {
    files: {
      '/etc/nomad.d/a.hcl': 'client {\n min_dynamic_port = 26000\n max_dynamic_port = 27000\n}\n',
      '/etc/nomad.d/b.hcl': 'client {\n max_dynamic_port = 28000\n}\n',
      '/etc/nomad.d/c.txt': 'client {\n max_dynamic_port = 29000\n}\n',
    },
    ranges: ['nomad 26000-28000: /etc/nomad.d/b.hcl'],
  },
  'configuration files of nomad without ports': {
    files: { '/etc/nomad.d/a.hcl': 'client { enabled = true }' },
    ranges: ['nomad 20000-32000: default; /etc/nomad.d/a.hcl exists'],
  },
  'configuration files on the command line of nomad': {
    programs: ['nomad agent -config=/opt/n.json -config /opt/d/ -config here.hcl'],
    files: {
      '/opt/n.json': '{"client": {"min_dynamic_port": 21000}}',
      '/opt/d/z.hcl': 'client { max_dynamic_port = 22000 }',
      'here.hcl': 'client { max_dynamic_port = 1 }',
    },
    ranges: ['nomad 21000-22000: /opt/d/z.hcl'],
  },
  'an invalid range of nomad': { files: { '/etc/nomad.d/a.hcl': 'min_dynamic_port = 40000' }, ranges: [] },
  'docker runs': {
    programs: ['dockerd -H fd:// --userland-proxy=false'],
    ranges: ['docker 32768-60999: dockerd is running'],
  },
  'only a docker container runs': {
    programs: ['containerd-shim', 'docker-proxy -host-port 80'],
    ranges: [],
  },
  'portserver runs': {
    programs: ['portserver.py --verbose'],
    ranges: ['portserver 15000-24999: default; portserver.py is running'],
  },
  'a range on the command line of portserver': {
    programs: ['portserver --portserver_static_pool=15000-15009,16000-16009'],
    ranges: [
      'portserver 15000-15009: the command line of portserver',
      'portserver 16000-16009: the command line of portserver',
    ],
  },
};

describe('finds the ranges of', () => {
  for (const [name, { programs = [], files = {}, ranges }] of Object.entries(CASES)) {
    test(name, () => {
      const unknown: string[] = [];
      const found = defaultRangesHere({
        files: new ConfigFiles(filesOf(files), unknown),
        programs: programs.map((command) => ({ name: command.split(' ')[0] ?? '', command })),
        ephemeral: { first: 32_768, last: 60_999 },
      });
      assert.deepEqual(
        found.map(({ id, first, last, origin }) => `${id} ${first}-${last}: ${origin}`),
        ranges,
      );
      assert.deepEqual(unknown, []);
    });
  }
});
