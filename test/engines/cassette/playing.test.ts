/** A cassette records the requests and answers of a session's engines, and replays the same conversation. */

import assert from 'node:assert/strict';
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readWav } from '../../../src/audio/wav.ts';
import { pause } from '../../../src/core/abort.ts';
import { readCassettes } from '../../../src/engines/cassette/read-cassette.ts';
import type { ServerEvent } from '../../../src/protocol/index.ts';
import type { ModelEvent } from '../../../src/session/ports/language-model.ts';
import { update, userText } from '../../support/conversation.ts';
import { call, type FakeEngines, hang, say, tone } from '../../support/fake-engines.ts';
import { answered, ask, type Scripted } from '../script/scripted.ts';
import { arrived, newDirectory, newRecorder, player } from './recorded.ts';

const weather = { type: 'function', name: 'get_weather', parameters: { type: 'object' } };

/** A spoken question, a tool call, a spoken response, and one in text. */
async function converse(scripted: Scripted): Promise<ServerEvent[]> {
  const { client, clock } = scripted;
  const transcription = { model: 'whisper-1', language: 'en' };
  await client.say(update({ tools: [weather], audio: { input: { turn_detection: null, transcription } } }));
  await client.speak(tone(700, 24_000));
  await client.say({ type: 'input_audio_buffer.commit' });
  await client.say({ type: 'response.create' });
  await arrived(scripted, 'response.done', 1);
  const [made] = answered(client).calls;
  await client.say({
    type: 'conversation.item.create',
    item: { type: 'function_call_output', call_id: made?.callId, output: '{"weather":"sun"}' },
  });
  await client.say({ type: 'response.create' });
  await arrived(scripted, 'response.done', 2);
  await clock.advance(10_000);
  await client.say(update({ output_modalities: ['text'] }));
  await client.say(userText('Thanks!'));
  await client.say({ type: 'response.create' });
  await arrived(scripted, 'response.done', 3);
  return client.events;
}

function answerInTurn(engines: FakeEngines): void {
  engines.transcriber.hear = () => 'what is the weather';
  engines.languageModel.script = ({ items }) => {
    const last = items.at(-1);
    if (last?.type === 'call_output') return say(`It is ${last.output}. And warm.`);
    return JSON.stringify(last).includes('weather') ? call('get_weather', { city: 'Paris' }) : say('Welcome.');
  };
}

/** Without values that differ in every run: ids, and the end of the session. */
function comparable(events: readonly ServerEvent[]): unknown {
  const names = new Map<string, string>();
  const text = JSON.stringify(events).replaceAll(/"(?:event|sess|conv|item|resp|call)_\w{21}"/g, (id) => {
    names.set(id, names.get(id) ?? `"id ${names.size}"`);
    return names.get(id) ?? id;
  });
  return JSON.parse(text);
}

test('a conversation is replayed byte for byte without calling an engine', async (t) => {
  const recorder = newRecorder(t);
  answerInTurn(recorder.engines);
  const recorded = await converse(recorder.open());
  await recorder.finish();
  const played = await converse(player(recorder.directory).open());
  assert.ok(recorded.some(({ type }) => type === 'response.output_audio.delta'));
  assert.deepEqual(comparable(played), comparable(recorded));
});

test('a voice that prepares text itself gets the text of the model, while it is recorded and played', async (t) => {
  const recorder = newRecorder(t);
  Object.assign(recorder.engines.voice, { preparesText: true });
  recorder.engines.languageModel.script = () => say('It is **warm**.');
  await ask(recorder.open(), 'How is the weather?');
  await recorder.finish();
  assert.deepEqual(
    recorder.engines.voice.spoken.map(({ text }) => text),
    ['It is **warm**.'],
  );
  const played = player(recorder.directory).open();
  await played.client.say(userText('How is the weather?'));
  await played.client.say({ type: 'response.create' });
  await arrived(played, 'response.done', 1);
  assert.equal(played.client.last('response.done').response.status, 'completed');
});

test('a cassette is readable: one line per request, answer and end, and the audio as WAV files', async (t) => {
  const recorder = newRecorder(t);
  answerInTurn(recorder.engines);
  await converse(recorder.open());
  await recorder.finish();
  const [cassette] = readCassettes(recorder.directory);
  assert.ok(cassette);
  assert.deepEqual(
    cassette.requests.map(({ stage, end }) => `${stage} ${end.how}`),
    [
      'transcriber finished',
      'languageModel finished',
      'languageModel finished',
      'voice finished',
      'voice finished',
      'languageModel finished',
    ],
  );
  const { manifest, folder } = cassette;
  assert.deepEqual(
    [manifest.version, manifest.model, manifest.type, manifest.requests, manifest.cut],
    ['1.2.3', 'gpt-realtime', 'realtime', 6, undefined],
  );
  const clip = readWav(readFileSync(join(folder, '0001-heard.wav')));
  assert.deepEqual([clip.sampleRateHz, clip.samples.length], [24_000, 16_800]);
  assert.deepEqual(
    readdirSync(folder)
      .filter((name) => name.endsWith('.wav'))
      .sort(),
    ['0001-heard.wav', '0004-spoken-16000.wav', '0005-spoken-16000.wav'],
  );
  const [, asked, again] = cassette.requests;
  const itemsOf = (request: typeof asked) => (Array.isArray(request?.request.items) ? request.request.items : []);
  assert.deepEqual([itemsOf(asked).length, itemsOf(again).length], [1, 3], 'items that are kept are there');
});

test('a different question fails with a description of the difference', async (t) => {
  const recorder = newRecorder(t);
  answerInTurn(recorder.engines);
  const scripted = recorder.open();
  await scripted.client.say(update({ output_modalities: ['text'], instructions: 'Be brief.' }));
  await ask(scripted, 'Hello');
  await recorder.finish();

  const played = player(recorder.directory).open();
  await played.client.say(update({ output_modalities: ['text'], instructions: 'Be brief.' }));
  assert.match(
    (await ask(played, 'Goodbye')).failure ?? '',
    /^The language model failed: cassette: .*: the language model was not asked this when it was recorded\. Compared with request 1: items\[0\]\.content\[0\]\.text was "Hello" and is now "Goodbye"\.$/,
  );
  const other = player(recorder.directory).open();
  await other.client.say(update({ output_modalities: ['text'], instructions: 'Be long.' }));
  assert.match((await ask(other, 'Hello')).failure ?? '', /instructions was "Be brief\." and is now "Be long\."/);
});

test('a request beyond the recorded ones fails', async (t) => {
  const recorder = newRecorder(t);
  const scripted = recorder.open();
  await scripted.client.say(update({ output_modalities: ['text'] }));
  await ask(scripted, 'Hello');
  await recorder.finish();
  const played = player(recorder.directory).open();
  await played.client.say(update({ output_modalities: ['text'] }));
  assert.equal((await ask(played, 'Hello')).said, 'Fine, thank you. And you?');
  assert.match(
    (await ask(played, 'And?')).failure ?? '',
    /the language model was asked once here, and is now asked once more/,
  );
});

test('different audio is refused, or accepted turn by turn if a script file says so', async (t) => {
  const recorder = newRecorder(t);
  answerInTurn(recorder.engines);
  const aloud = async (scripted: Scripted, ms: number) => {
    const { client } = scripted;
    const transcription = { model: 'whisper-1' };
    await client.say(update({ audio: { input: { turn_detection: null, transcription } } }));
    await client.speak(tone(ms, 24_000));
    await client.say({ type: 'input_audio_buffer.commit' });
    return client;
  };
  await aloud(recorder.open(), 500);
  await recorder.finish();

  const exact = await aloud(player(recorder.directory).open(), 600);
  const { error } = exact.last('conversation.item.input_audio_transcription.failed');
  assert.match(
    error.message ?? '',
    /audio\.samples was 12000 and is now 14400\. To play each turn whatever it sounds like, name the cassette in a script file, with 'audio: any'\./,
  );
  const any = await aloud(player(recorder.directory, { audio: 'any' }).open(), 600);
  assert.equal(any.last('conversation.item.input_audio_transcription.completed').transcript, 'what is the weather');
});

test('answers are replayed with their original timing if configured', async (t) => {
  const recorder = newRecorder(t);
  const scripted = recorder.open();
  recorder.engines.languageModel.script = async function* ({ signal }) {
    yield { type: 'text', text: 'Well' };
    await pause(1500, scripted.clock, signal);
    yield* say(', yes.');
  };
  await scripted.client.say(update({ output_modalities: ['text'] }));
  await scripted.client.say(userText('Hello'));
  await scripted.client.say({ type: 'response.create' });
  await scripted.clock.advance(1500);
  await recorder.finish();

  const played = player(recorder.directory, { timing: 'recorded' }).open();
  await played.client.say(update({ output_modalities: ['text'] }));
  await played.client.say(userText('Hello'));
  await played.client.say({ type: 'response.create' });
  await played.clock.advance(1499);
  assert.deepEqual(
    played.client.all('response.output_text.delta').map(({ delta }) => delta),
    ['Well'],
  );
  await played.clock.advance(1);
  assert.equal(answered(played.client).said, 'Well, yes.');
});

test('failures and interruptions are replayed', async (t) => {
  const recorder = newRecorder(t);
  const { languageModel } = recorder.engines;
  const both = async (scripted: Scripted) => {
    await scripted.client.say(update({ output_modalities: ['text'] }));
    const failed = await ask(scripted, 'fail');
    await scripted.client.say(userText('hang'));
    await scripted.client.say({ type: 'response.create' });
    await scripted.client.say({ type: 'response.cancel' });
    return [failed.said, failed.failure, answered(scripted.client).said, answered(scripted.client).response.status];
  };
  languageModel.script = ({ items, signal }) =>
    JSON.stringify(items.at(-1)).includes('hang')
      ? hang<ModelEvent>(signal, { type: 'text', text: 'Let me' })
      : (function* () {
          yield { type: 'text', text: 'I am' } as const;
          throw new Error('the model ran out of credit');
        })();
  const recorded = await both(recorder.open());
  assert.deepEqual(recorded, ['I am', 'The language model failed: the model ran out of credit', 'Let me', 'cancelled']);
  await recorder.finish();
  assert.deepEqual(await both(player(recorder.directory).open()), recorded);
});

test('several sessions are replayed in order, and further ones are refused', async (t) => {
  const recorder = newRecorder(t);
  const greet = async (scripted: Scripted) => {
    await scripted.client.say(update({ output_modalities: ['text'] }));
    return ask(scripted, 'Hello');
  };
  for (const words of ['First.', 'Second.']) {
    recorder.engines.languageModel.script = () => say(words);
    await greet(recorder.open());
  }
  await recorder.finish();
  const played = player(recorder.directory);
  assert.equal((await greet(played.open())).said, 'First.');
  assert.equal((await greet(played.open())).said, 'Second.');
  assert.match((await greet(played.open())).failure ?? '', /there are 2 recorded sessions, and this is number 3/);
  const [, second] = readCassettes(recorder.directory);
  assert.equal((await greet(player(second?.folder ?? '').open())).said, 'Second.', 'one of them can be named');
});

test('a cassette that reaches its size limit ends, and the conversation continues', async (t) => {
  const recorder = newRecorder(t, { maxBytes: 4000 });
  const scripted = recorder.open();
  await scripted.client.say(update({ output_modalities: ['text'] }));
  for (let turn = 0; turn < 8; turn += 1) {
    assert.equal((await ask(scripted, `Turn ${turn}: ${'and so on '.repeat(10)}`)).response.status, 'completed');
  }
  await recorder.finish();
  assert.deepEqual(recorder.cuts, ['it reached its limit of 4000 bytes']);
  const [cassette] = readCassettes(recorder.directory);
  assert.equal(cassette?.manifest.cut, 'it reached its limit of 4000 bytes');
  assert.ok(cassette.requests.length < 8);
});

test('a damaged cassette is refused with its file and line', async (t) => {
  const recorder = newRecorder(t);
  const scripted = recorder.open();
  await scripted.client.say(update({ output_modalities: ['text'] }));
  await ask(scripted, 'Hello');
  await recorder.finish();
  const folder = join(recorder.directory, readdirSync(recorder.directory)[0] ?? '');
  const events = join(folder, 'events.jsonl');
  const lines = readFileSync(events, 'utf8').trim().split('\n').length;
  appendFileSync(events, '{"type":"answer","id":1,"atMs":1,"answer":{"type":"txt","text":"x"}}\n');
  assert.throws(() => readCassettes(folder), { message: new RegExp(`events\\.jsonl:${lines + 1}: answer\\.type: `) });
  writeFileSync(events, '{"type":"answer",\n');
  assert.throws(() => readCassettes(folder), /events\.jsonl:1: this is not JSON/);
  writeFileSync(join(folder, 'manifest.json'), '{"cassette": 9}');
  assert.throws(() => readCassettes(folder), /manifest\.json: cassette: /);
  assert.throws(() => readCassettes(newDirectory(t)), /there is no cassette here/);
});
