// Metrics in the Prometheus text-based exposition format.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metricsText, sampleOf } from './metrics.ts';

test('prints the help, the type, and a line for each sample', () => {
  const calls = [
    { labels: { version: '2', procedure: 'GETPORT' }, value: 7 },
    { labels: { version: '4', procedure: 'DUMP' }, value: 18446744073709551615n },
  ];
  assert.equal(
    metricsText([
      { name: 'a_calls_total', type: 'counter', help: 'Calls.', samples: calls },
      { name: 'a_size_bytes', type: 'gauge', help: 'Size.', samples: [{ value: 0.5 }] },
    ]),
    `# HELP a_calls_total Calls.
# TYPE a_calls_total counter
a_calls_total{version="2",procedure="GETPORT"} 7
a_calls_total{version="4",procedure="DUMP"} 18446744073709551615
# HELP a_size_bytes Size.
# TYPE a_size_bytes gauge
a_size_bytes 0.5
`,
  );
});

test('escapes backslashes and line feeds, and quotation marks in labels', () => {
  const samples = [{ labels: { word: '\\ \n "' }, value: 1 }];
  assert.equal(
    metricsText([{ name: 'a', type: 'gauge', help: '\\ \n "', samples }]),
    '# HELP a \\\\ \\n "\n# TYPE a gauge\na{word="\\\\ \\n \\""} 1\n',
  );
});

test('omits a metric without samples', () => {
  const metric = { name: 'a', type: 'gauge', help: 'A.' } as const;
  assert.equal(metricsText([{ ...metric, samples: sampleOf(null) }]), '');
  assert.equal(metricsText([]), '');
});
