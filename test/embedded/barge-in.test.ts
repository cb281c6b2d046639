/** Sounds over the assistant's speech, with the embedded engines over a socket (docs/protocol.md, R3.86). */

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { amplified, inRoom } from '../../dev/corpus/corpus.ts';
import { sounds } from '../../dev/corpus/sounds.ts';
import { Random } from '../../dev/fuzz/random.ts';
import { bytesToSamples, concatSamples } from '../../src/audio/pcm.ts';
import type { ObservationOf } from '../../src/session/ports/observer.ts';
import { borrowed, embeddedEngines, spokenQuestion } from '../support/embedded.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeModel, say, silence } from '../support/fake-engines.ts';
import { newServer } from '../support/server.ts';
import { verifies } from '../support/verifies.ts';
import { WireClient } from '../support/wire-client.ts';

const set = await embeddedEngines();
after(() => set.close());

const answer =
  'The museum opens at nine on weekdays and at ten on Saturdays. Tickets cost twelve euros for adults, and children under six get in free. The café on the second floor serves lunch until three.';
const enoughMs = 2000;

/** Speaks over an answer that has just begun: the Clock stands still. Resolves with what became of the sound. */
async function during(t: Parameters<typeof newServer>[0], soundFor: (played: Int16Array) => Int16Array) {
  const languageModel = new FakeModel();
  languageModel.script = () => say(answer);
  const ignored = Promise.withResolvers<ObservationOf<'sound_ignored'>>();
  const { wsUrl } = await newServer(t, {
    engines: { ...borrowed(set), engines: { ...set.engines, languageModel } },
    clock: new FakeClock(),
    observe: () => ({
      observe(observation) {
        if (observation.type === 'sound_ignored') ignored.resolve(observation);
      },
    }),
  });
  const client = await WireClient.open(`${wsUrl}?model=gpt-realtime`);
  t.after(() => client.close());
  const turn_detection = { type: 'semantic_vad' as const };
  client.send({ type: 'session.update', session: { type: 'realtime', audio: { input: { turn_detection } } } });
  await client.until('session.updated');
  client.send({ type: 'response.create' });
  const played: Int16Array[] = [];
  for (let length = 0; length < enoughMs * 24; ) {
    const { delta } = await client.until('response.output_audio.delta');
    const samples = bytesToSamples(Buffer.from(delta, 'base64'));
    played.push(samples);
    length += samples.length;
  }
  const written = concatSamples([soundFor(concatSamples(played)), silence(1000, 24_000)]);
  client.send({ type: 'input_audio_buffer.append', audio: Buffer.from(written.buffer).toString('base64') });
  const done = client.until('response.done').then(({ response }) => response.status_details);
  return Promise.race([done, ignored.promise.then(({ sounds: kind }) => kind)]);
}

test('an interruption cancels the response', async (t) => {
  verifies('R3.86', 'R3.19');
  const speech = await spokenQuestion(set, 'Wait, what about Sundays?', 0);
  assert.deepEqual(await during(t, () => speech), { type: 'cancelled', reason: 'turn_detected' });
});

for (const [name, expected] of [
  ['cough', 'noise'],
  ['mm-hmm', 'noise'],
] as const) {
  test(`'${name}' does not, although voice activity detection takes it for speech`, async (t) => {
    verifies('R3.86');
    const sound = concatSamples([silence(300, 24_000), sounds[name](new Random(1, 8))]);
    assert.equal(await during(t, () => sound), expected);
  });
}

test('the echo of the assistant at −20 dB does not', async (t) => {
  verifies('R3.86');
  const echo = (played: Int16Array) => amplified(inRoom(played.subarray(0, enoughMs * 24)), -20);
  assert.equal(await during(t, (played) => concatSamples([silence(200, 24_000), echo(played)])), 'echo');
});
