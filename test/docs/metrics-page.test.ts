/** docs/metrics.md lists exactly the series of the server. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { newServer } from '../support/server.ts';

test('docs/metrics.md lists every series of /metrics', async (t) => {
  const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| (`parley_[^|]*) \|/gm)].flatMap(([, names = '']) =>
    names.match(/parley_[a-z_]+/g),
  );
  const { url } = await newServer(t, { config: { sessionMetrics: true } });
  const text = await (await fetch(`${url}/metrics`)).text();
  const series = [...text.matchAll(/^# TYPE (parley_\S+)/gm)].map(([, name]) => name);
  assert.deepEqual(rows.sort(), series.sort());
});
