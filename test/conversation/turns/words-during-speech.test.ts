/** Deltas of a turn that has not ended (docs/protocol.md, R3.9, R3.73 to R3.75), from a scripted transcriber. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatSamples } from '../../../src/audio/pcm.ts';
import { EngineError } from '../../../src/engines/engine-error.ts';
import { scriptedEngines } from '../../../src/engines/script/scripted-engines.ts';
import type { SessionType } from '../../../src/protocol/wire/session-config.ts';
import { fakeSet, openOn, type Scripted, script } from '../../engines/script/scripted.ts';
import { BetaClient, type Client, newConversation } from '../../support/conversation.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { verifies } from '../../support/verifies.ts';
import { quiet, speech } from './support.ts';

const delta = 'conversation.item.input_audio_transcription.delta';
const completed = 'conversation.item.input_audio_transcription.completed';
const streaming = { model: 'gpt-realtime-whisper' };

/** A session whose transcriber follows the entries of `hears`; answers are short. */
function listen(hears: readonly object[], type: SessionType = 'transcription'): Scripted {
  const text = JSON.stringify({ else: 'Fine.', hears });
  const clock = new FakeClock();
  return openOn(scriptedEngines(script(text), { clock, create: () => fakeSet() }), clock, { type });
}

async function configure({ client }: Scripted, input: object, type = 'transcription'): Promise<void> {
  await client.say({ type: 'session.update', session: { type, audio: { input } } });
}

function wordsOf(client: Client): string {
  return client
    .all(delta)
    .map(({ delta }) => delta)
    .join('');
}

const order = { text: 'Where is order seven?', partials: { text: 'Where is order', 'per-word': 300 } };

test('words appear while one speaks, with the id that the item gets, and the rest after the turn', async () => {
  verifies('R3.9', 'R3.73', 'ga.server.conversation.item.input_audio_transcription.delta');
  const { client } = listen([order]);
  await client.speak(concatSamples([quiet(400), speech(600)]));
  assert.deepEqual(client.types(), ['session.created', 'input_audio_buffer.speech_started', delta]);
  // 300 ms before the first voiced frame count.
  assert.equal(wordsOf(client), 'Where is order');
  await client.speak(quiet(700));
  assert.deepEqual(client.types().slice(2), [
    delta,
    'input_audio_buffer.speech_stopped',
    'input_audio_buffer.committed',
    'conversation.item.added',
    'conversation.item.done',
    delta,
    completed,
  ]);
  assert.equal(wordsOf(client), 'Where is order seven?');
  assert.equal(client.last(completed).transcript, 'Where is order seven?');
  const { item_id } = client.last('input_audio_buffer.committed');
  assert.deepEqual(new Set(client.all(delta).map((event) => event.item_id)), new Set([item_id]));
  assert.equal(client.last('input_audio_buffer.speech_started').item_id, item_id);
});

test('how audio is split into appends makes no difference', async () => {
  verifies('R3.23', 'R3.73');
  const heard = [];
  for (const chunkMs of [10, 20, 100]) {
    const { client } = listen([order]);
    await client.speak(concatSamples([quiet(400), speech(400)]), chunkMs);
    heard.push(wordsOf(client));
  }
  assert.deepEqual(heard, ['Where is', 'Where is', 'Where is']);
});

test('a final pass that rewrites the words has no further deltas', async () => {
  verifies('R3.9');
  const { client } = listen([{ text: 'Two tickets to Bath', partials: 'To ticket' }]);
  await client.speak(concatSamples([quiet(400), speech(800)]));
  assert.equal(wordsOf(client), 'To ticket');
  await client.speak(quiet(700));
  assert.equal(wordsOf(client), 'To ticket');
  assert.equal(client.last(completed).transcript, 'Two tickets to Bath');
});

test('a realtime session sends words during speech only if the client named a streaming model', async () => {
  verifies('R3.73', 'R2.16');
  for (const [model, expected] of [
    ['gpt-realtime-whisper', 'Where is order'],
    ['gpt-live-transcribe-2026-05-01', 'Where is order'],
    ['whisper-1', ''],
    ['gpt-4o-transcribe', ''],
  ]) {
    const scripted = listen([order], 'realtime');
    await configure(scripted, { transcription: { model } }, 'realtime');
    await scripted.client.speak(concatSamples([quiet(400), speech(800)]));
    assert.equal(wordsOf(scripted.client), expected, model);
    await scripted.client.speak(quiet(700));
    assert.equal(wordsOf(scripted.client), 'Where is order seven?', model);
  }
});

test('without turn detection, the words precede the commit and have its id', async () => {
  verifies('R3.73', 'R2.16');
  const scripted = listen([order, { text: 'Thanks', partials: 'Thanks' }]);
  const { client } = scripted;
  await configure(scripted, { transcription: streaming });
  await client.speak(speech(700));
  await configure(scripted, { transcription: { ...streaming, language: 'en' } });
  await client.speak(speech(400));
  assert.equal(wordsOf(client), 'Where is order');
  await client.say({ type: 'input_audio_buffer.commit' });
  assert.equal(wordsOf(client), 'Where is order seven?');
  await client.speak(speech(300));
  await client.say({ type: 'input_audio_buffer.commit' });
  const ids = client.all('input_audio_buffer.committed').map((event) => event.item_id);
  assert.deepEqual([...new Set(client.all(delta).map((event) => event.item_id))], ids);
  assert.deepEqual(
    client.all(completed).map((event) => event.transcript),
    ['Where is order seven?', 'Thanks'],
  );
});

test('the words of the next turn follow the transcript of the one before', async () => {
  verifies('R3.9', 'R3.73');
  const { client, clock } = listen([
    { text: 'One', delay: 500 },
    { text: 'Two three', partials: 'Two' },
  ]);
  await client.speak(concatSamples([quiet(400), speech(400), quiet(600), speech(400)]));
  assert.equal(client.all('input_audio_buffer.speech_started').length, 2);
  assert.equal(wordsOf(client), '', 'the first turn is being transcribed');
  await clock.advance(500);
  assert.equal(client.last(completed).transcript, 'One');
  assert.deepEqual(client.types().slice(-2), [completed, delta]);
  assert.equal(wordsOf(client), 'OneTwo');
});

for (const [name, discard] of Object.entries({
  'a clear': { type: 'input_audio_buffer.clear' },
  'a change of format': {
    type: 'session.update',
    session: { type: 'transcription', audio: { input: { format: { type: 'audio/pcm', rate: 24000 } } } },
  },
})) {
  test(`a turn discarded by ${name} has no transcript, and its id is not used again`, async () => {
    verifies('R3.74', 'R3.27', 'R2.20');
    const scripted = listen([order]);
    const { client } = scripted;
    await configure(scripted, {
      transcription: streaming,
      ...(name === 'a change of format' && { format: { type: 'audio/pcmu' } }),
    });
    const sayHalf = async () => {
      if (name === 'a clear') await client.speak(speech(650));
      else client.append(new Uint8Array(8 * 650));
      await client.say({ type: 'conversation.item.retrieve', item_id: 'none' });
    };
    await sayHalf();
    const discarded = client.last(delta).item_id;
    assert.equal(wordsOf(client), 'Where is');
    await client.say(discard);
    client.forget();
    await client.speak(speech(350));
    await client.say({ type: 'input_audio_buffer.commit' });
    assert.equal(client.last(completed).transcript, 'Where is order seven?');
    assert.ok(client.events.every((event) => !('item_id' in event) || event.item_id !== discarded));
    assert.equal(wordsOf(client), 'Where is order seven?');
  });
}

test('blank and failed transcripts end the words of a turn visibly', async () => {
  verifies('R3.74', 'R8.7');
  const { client } = listen([
    { text: '', partials: 'Um' },
    { text: '(coughs)', partials: '[BLANK_AUDIO] (wind blowing)' },
    { text: 'Hello there', partials: 'Hello', fail: { how: 'throw' } },
  ]);
  await client.speak(concatSamples([quiet(400), speech(600)]));
  await client.speak(quiet(700));
  assert.equal(wordsOf(client), 'Um');
  assert.equal(client.last(completed).transcript, '');
  client.forget();
  await client.speak(speech(900));
  await client.speak(quiet(700));
  assert.equal(wordsOf(client), '');
  assert.equal(client.last(completed).transcript, '');
  client.forget();
  await client.speak(speech(600));
  await client.speak(quiet(700));
  assert.equal(wordsOf(client), 'Hello');
  client.last('conversation.item.input_audio_transcription.failed');
  assert.deepEqual(client.all(completed), []);
});

test('a transcriber that fails during speech is reported, and the turn is transcribed as usual', async () => {
  verifies('R3.73');
  const { client, engines, log } = newConversation({}, { type: 'transcription' });
  let failure = new Error('no thread');
  Object.assign(engines.transcriber, {
    async *follow() {
      yield { type: 'delta', text: 'hello' };
      throw failure;
    },
  });
  for (const warnings of [1, 1]) {
    client.forget();
    await client.speak(concatSamples([quiet(400), speech(600)]));
    await client.speak(quiet(700));
    assert.equal(wordsOf(client), 'hello there');
    assert.equal(client.last(completed).transcript, 'hello there');
    assert.equal(log.warnings.length, warnings);
    failure = new EngineError('Moonshine', 'too busy', { overloaded: true });
  }
  assert.match(JSON.stringify(log.warnings), /partial_transcript_failed.*no thread/);
});

test('a client that turns transcription off during speech gets no more words', async () => {
  verifies('R3.73', 'R2.14');
  const scripted = listen([order], 'realtime');
  await configure(scripted, { transcription: streaming }, 'realtime');
  await scripted.client.speak(concatSamples([quiet(400), speech(200)]));
  assert.equal(wordsOf(scripted.client), 'Where');
  await configure(scripted, { transcription: null }, 'realtime');
  await scripted.client.speak(concatSamples([speech(600), quiet(700)]));
  assert.equal(wordsOf(scripted.client), 'Where');
  assert.deepEqual(scripted.client.all(completed), []);
});

test('a turn that loses its detection continues under its id until the commit', async () => {
  verifies('R3.73');
  const scripted = listen([order], 'realtime');
  const { client } = scripted;
  await configure(scripted, { transcription: streaming }, 'realtime');
  await client.speak(concatSamples([quiet(400), speech(400)]));
  const { item_id } = client.last('input_audio_buffer.speech_started');
  await configure(scripted, { turn_detection: null }, 'realtime');
  await client.speak(speech(400));
  await client.say({ type: 'input_audio_buffer.commit' });
  assert.equal(wordsOf(client), 'Where is order seven?', 'no word is sent twice');
  assert.deepEqual(new Set(client.all(delta).map((event) => event.item_id)), new Set([item_id]));
  assert.equal(client.last('input_audio_buffer.committed').item_id, item_id);
});

test('the beta dialect has them too', async () => {
  verifies('R3.73', 'beta.server.conversation.item.input_audio_transcription.delta');
  const { session } = listen([order]);
  const client = new BetaClient(session);
  await client.speak(concatSamples([quiet(400), speech(800)]));
  const types = client.types();
  assert.deepEqual(types.slice(-2), ['input_audio_buffer.speech_started', delta]);
  assert.equal(client.last(delta).item_id, client.last('input_audio_buffer.speech_started').item_id);
});
