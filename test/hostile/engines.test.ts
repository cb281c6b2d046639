/** SECURITY.md, "an engine misbehaves": its output is bounded, and its failures are reported. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeEngines, loudnessDetector } from '../support/fake-engines.ts';
import { fakeEngineSet, newServer } from '../support/server.ts';
import { WireClient } from '../support/wire-client.ts';

const query = '?model=gpt-realtime';

test('a sentence without end is spoken in pieces, even if it arrives at once', async (t) => {
  const engines = fakeEngines();
  engines.voice.msPerWord = 1;
  const sentence = `A ${'very '.repeat(2000)}long one. And\n\n\n\n`;
  engines.languageModel.script = () => [
    { type: 'text', text: sentence },
    { type: 'finish', reason: 'stop' },
  ];
  const { wsUrl } = await newServer(t, {
    engines: fakeEngineSet(engines),
    config: { outputLeadMs: Number.POSITIVE_INFINITY },
  });
  const client = await WireClient.open(wsUrl + query);
  client.send({ type: 'response.create' });
  await client.until('response.done');
  assert.equal(
    engines.voice.spoken
      .map(({ text }) => text)
      .join('')
      .trim(),
    sentence.trim(),
  );
  for (const { text } of engines.voice.spoken) assert.ok(text.length <= 160);
});

test('a failure of voice activity detection is reported once, and again after it has recovered', async (t) => {
  const engines = fakeEngines();
  let works = false;
  engines.voiceActivity = {
    open: (options) => ({
      ...loudnessDetector.open(options),
      push: (samples) =>
        works
          ? Promise.resolve(samples.length > 0 ? [{ probability: 0, energyDb: -60, pitchHz: 0 }] : [])
          : Promise.reject(new Error('broken')),
    }),
  };
  const { wsUrl } = await newServer(t, { engines: fakeEngineSet(engines) });
  const client = await WireClient.open(wsUrl + query);
  /** The errors after ten appends. */
  const append = async () => {
    for (let sent = 0; sent < 10; sent++) {
      client.send({ type: 'input_audio_buffer.append', audio: Buffer.alloc(4800).toString('base64') });
    }
    client.send({ type: 'input_audio_buffer.clear' });
    const errors: string[] = [];
    for (let event = await client.next(); event.type !== 'input_audio_buffer.cleared'; event = await client.next()) {
      if (event.type === 'error') errors.push(event.error.code ?? '');
    }
    return errors;
  };
  assert.deepEqual(await append(), ['voice_activity_detection_failed']);
  assert.deepEqual(await append(), []);
  works = true;
  assert.deepEqual(await append(), []);
  works = false;
  assert.deepEqual(await append(), ['voice_activity_detection_failed']);
});
