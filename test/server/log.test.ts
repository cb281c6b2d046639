/** What the log must not hold, at any level: keys, and what is said (SECURITY.md). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatSamples } from '../../src/audio/pcm.ts';
import { apiKey } from '../../src/server.ts';
import { fakeEngines, say, silence, tone } from '../support/fake-engines.ts';
import { fakeEngineSet, KeptLog, newServer } from '../support/server.ts';
import { WireClient } from '../support/wire-client.ts';

test('neither keys, right or wrong, nor words of either side are logged', async (t) => {
  const log = new KeptLog();
  const engines = fakeEngines();
  engines.transcriber.hear = () => 'marmalade';
  engines.languageModel.script = () => say('rhubarb');
  const key = 'right-key-swordfish-1234';
  const { wsUrl } = await newServer(t, {
    log,
    engines: fakeEngineSet(engines),
    config: { apiKeys: [apiKey('tester', key)] },
  });
  const wrong = new WireClient(`${wsUrl}?model=m`, { headers: { authorization: 'Bearer wrong-key-halibut-5678' } });
  assert.equal((await wrong.closed).code, 3000);

  const client = await WireClient.open(`${wsUrl}?model=m&api-key=${key}`);
  const samples = concatSamples([silence(200, 24000), tone(600, 24000), silence(700, 24000)]);
  const audio = Buffer.from(samples.buffer).toString('base64');
  client.send({ type: 'input_audio_buffer.append', audio });
  const { response } = await client.until('response.done');
  assert.match(JSON.stringify(response), /rhubarb/);

  const entries = JSON.stringify(log.entries);
  assert.match(entries, /"transcribed".*"response_done"/, 'the turn is in the log');
  assert.match(entries, /tester/, 'a key is known by its name');
  for (const secret of ['swordfish', 'halibut', 'marmalade', 'rhubarb', audio.slice(20_000, 20_040)]) {
    assert.ok(!entries.includes(secret), secret);
  }
});
