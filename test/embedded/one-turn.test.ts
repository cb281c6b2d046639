/** Turns with a pause of a second, with the embedded engines over a socket (docs/turn-taking.md). */

import assert from 'node:assert/strict';
import { after, type TestContext, test } from 'node:test';
import { concatSamples } from '../../src/audio/pcm.ts';
import type { TurnDetection } from '../../src/protocol/wire/session-config.ts';
import type { ConfigOverrides } from '../../src/server/server.ts';
import type { Observation } from '../../src/session/ports/observer.ts';
import { borrowed, embeddedEngines, spokenQuestion, words } from '../support/embedded.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeModel, say } from '../support/fake-engines.ts';
import { newServer } from '../support/server.ts';
import { verifies } from '../support/verifies.ts';
import { WireClient } from '../support/wire-client.ts';

const set = await embeddedEngines();
after(() => set.close());

async function converse(t: TestContext, turn_detection: Partial<TurnDetection>, config: ConfigOverrides = {}) {
  const languageModel = new FakeModel();
  const asked = Promise.withResolvers<void>();
  languageModel.script = () => {
    asked.resolve();
    return say('It opens at nine.');
  };
  const observed: Observation[] = [];
  const server = await newServer(t, {
    engines: { ...borrowed(set), engines: { ...set.engines, languageModel } },
    clock: new FakeClock(),
    config,
    observe: () => ({ observe: (observation) => void observed.push(observation) }),
  });
  const client = await WireClient.open(`${server.wsUrl}?model=m`);
  t.after(() => client.close());
  const input = { transcription: {}, turn_detection };
  client.send({ type: 'session.update', session: { type: 'realtime', audio: { input } } });
  await client.until('session.updated');
  return {
    append(...sounds: Int16Array[]) {
      const audio = Buffer.from(concatSamples(sounds).buffer).toString('base64');
      client.send({ type: 'input_audio_buffer.append', audio });
    },
    /** The events until the response is done, except for words during speech, whose number depends on the machine. */
    async events() {
      const types: string[] = [];
      let transcript = '';
      for (;;) {
        const event = await client.next();
        if (event.type === 'conversation.item.input_audio_transcription.delta') continue;
        types.push(event.type);
        if (event.type === 'conversation.item.input_audio_transcription.completed') transcript = event.transcript;
        if (event.type === 'response.done') return { types, transcript, usage: event.response.usage };
      }
    },
    asked: asked.promise,
    languageModel,
    dropped: () => observed.flatMap((each) => (each.type === 'ahead_dropped' ? [each.work] : [])),
  };
}

const count = (types: readonly string[], type: string) => types.filter((each) => each === type).length;

test('a sentence with a pause of one second stays one turn', async (t) => {
  verifies('R3.84');
  const { append, events, languageModel } = await converse(t, { type: 'semantic_vad' });
  append(
    await spokenQuestion(set, 'I want to change my flight because', 1000),
    await spokenQuestion(set, 'my meeting was moved to Friday.', 3000),
  );
  const { types, transcript } = await events();
  assert.equal(count(types, 'input_audio_buffer.speech_started'), 1);
  assert.equal(count(types, 'input_audio_buffer.committed'), 1);
  assert.match(words(transcript), /change my flight .*moved to friday$/);
  assert.equal(languageModel.requests.at(-1)?.items.length, 1);
});

test('an answer that began in a pause and was dropped leaves no trace', async (t) => {
  verifies('R3.84');
  const detection = { type: 'server_vad', silence_duration_ms: 2000 } as const;
  const question = await spokenQuestion(set, 'When does the museum open?', 1000);
  const more = await spokenQuestion(set, 'On Sundays, please.', 3000);

  const { append, asked, events, languageModel, dropped } = await converse(t, detection);
  append(question);
  await asked;
  append(more);
  const paused = await events();
  assert.ok(dropped().includes('answer'), 'there was an answer to drop');
  assert.match(words(paused.transcript), /museum open on sundays/);
  assert.ok(languageModel.requests.length > 1, 'the model was asked again');

  const other = await converse(t, detection, { overlap: 'off' });
  other.append(question, more);
  const { types, usage } = await other.events();
  assert.deepEqual({ types: paused.types, usage: paused.usage }, { types, usage });
});
