/** Azure's addresses and keys (docs/protocol.md §1, §6): the dialect follows the path. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiKey } from '../../src/server/server.ts';
import { newServer } from '../support/server.ts';
import { verifies } from '../support/verifies.ts';
import { WireClient } from '../support/wire-client.ts';

for (const [path, shape] of [
  ['/openai/realtime?api-version=2024-10-01-preview&deployment=my-deployment', 'modalities'],
  ['/openai/v1/realtime?model=my-deployment', 'output_modalities'],
  ['/openai/v1/realtime?api-version=v1&deployment=my-deployment', 'output_modalities'],
] as const) {
  test(`${path} is served with ${shape}`, async (t) => {
    verifies('R1.15');
    const { wsUrl } = await newServer(t);
    const client = new WireClient(wsUrl.replace('/v1/realtime', path));
    const { session } = await client.until('session.created');
    assert.equal('model' in session && session.model, 'my-deployment');
    assert.ok(shape in session);
  });
}

test('the key is read from the api-key header, and from the query, because browsers cannot set headers', async (t) => {
  verifies('R1.3');
  const { wsUrl } = await newServer(t, { config: { apiKeys: [apiKey('azure', 'azure-key-1234567890')] } });
  await WireClient.open(`${wsUrl}?model=m`, { headers: { 'api-key': 'azure-key-1234567890' } });
  await WireClient.open(`${wsUrl}?model=m&api-key=azure-key-1234567890`);
  const wrong = new WireClient(`${wsUrl}?model=m&api-key=another`);
  assert.equal((await wrong.closed).code, 3000);
});
