/** Work that starts in the pauses of a turn (docs/turn-taking.md). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatSamples } from '../../../src/audio/pcm.ts';
import type { Observation } from '../../../src/session/ports/observer.ts';
import { noMeter } from '../../../src/session/settings.ts';
import { type Conversation, newConversation } from '../../support/conversation.ts';
import { hang, say } from '../../support/fake-engines.ts';
import { verifies } from '../../support/verifies.ts';
import { input, quiet, speech } from './support.ts';

type Settings = Parameters<typeof newConversation>[0];

/** A conversation whose user asks a complete question, with everything that its meter and observers received. */
async function converse(settings: Settings = {}) {
  const metered: unknown[] = [];
  const observed: Observation[] = [];
  const meter = {
    ...noMeter,
    responseUsed: (usage: unknown) => metered.push(structuredClone(usage)),
    transcriptionUsed: (usage: unknown) => metered.push(usage),
  };
  const observers = [{ observe: (each: Observation) => void observed.push(each) }];
  const conversation = newConversation(settings, { meter, observers });
  const { engines, client } = conversation;
  engines.transcriber.hear = () => 'How are you today?';
  await client.say(input({ transcription: {} }));
  client.forget();
  return { ...conversation, metered, observed };
}

/** The events without what differs from session to session. */
function comparable({ client }: Pick<Conversation, 'client'>): unknown[] {
  const ids = new Map<string, string>();
  const text = JSON.stringify(client.events).replace(/"(?:item|resp|event|sess|conv|call)_[^"]+"/g, (id) => {
    if (id.startsWith('"event')) return '"event"';
    if (!ids.has(id)) ids.set(id, `"id ${ids.size}"`);
    return ids.get(id) ?? '';
  });
  return JSON.parse(text);
}

const dropped = (observed: readonly Observation[]) =>
  observed.flatMap((each) => (each.type === 'ahead_dropped' ? [each.work] : []));

test('a turn is transcribed and answered in its pause, with the same events', async () => {
  verifies('R3.84');
  const runs = [];
  for (const overlap of ['auto', 'off'] as const) {
    const run = await converse({ overlap });
    const { engines, client, clock } = run;
    await client.speak(concatSamples([quiet(400), speech(800), quiet(128)]));
    const ahead = [
      engines.transcriber.clips.length,
      engines.languageModel.requests.length,
      engines.voice.spoken.length,
    ];
    assert.deepEqual(ahead, overlap === 'off' ? [0, 0, 0] : [1, 1, 1], 'the first clause only');
    assert.deepEqual(client.types(), ['input_audio_buffer.speech_started']);
    await client.speak(quiet(600));
    await clock.advance(10_000);
    assert.equal(engines.transcriber.clips.length, 1);
    assert.deepEqual(
      engines.languageModel.requests.map(({ claim }) => claim?.priority),
      [overlap === 'off' ? 'live' : 'speculation'],
    );
    assert.equal(client.last('response.done').response.status, 'completed');
    assert.deepEqual(dropped(run.observed), []);
    runs.push({ events: comparable(run), metered: run.metered });
  }
  assert.deepEqual(runs[0], runs[1]);
});

test('when the speech continues, what was started is dropped without a trace', async () => {
  verifies('R3.84');
  const runs = [];
  for (const overlap of ['auto', 'off'] as const) {
    const run = await converse({ overlap });
    const { engines, client, clock } = run;
    const signals: AbortSignal[] = [];
    engines.transcriber.hear = (clip, { signal }) => {
      signals.push(signal);
      return clip.samples.length > 1500 * 24 ? 'How are you today? And your wife?' : 'How are you today?';
    };
    await client.speak(concatSamples([quiet(400), speech(800), quiet(256)]));
    await client.speak(concatSamples([speech(800), quiet(256)]));
    await client.speak(quiet(444));
    await clock.advance(10_000);
    assert.equal(signals.length, overlap === 'off' ? 1 : 2);
    if (overlap === 'auto') {
      assert.equal(signals[0]?.aborted, true);
      assert.deepEqual(dropped(run.observed), ['transcript', 'answer']);
      const [first, second] = engines.languageModel.requests;
      assert.deepEqual([first?.signal.aborted, first?.claim?.adoption?.adopted], [true, false]);
      assert.equal(second?.claim?.adoption?.adopted, true);
    }
    const items = [];
    for (const { item_id } of client.all('input_audio_buffer.committed')) items.push(await client.retrieve(item_id));
    runs.push({ events: comparable(run), metered: run.metered, items: items.length, log: run.log });
  }
  assert.deepEqual(runs[0], runs[1]);
});

test('a turn that was decided by another text is answered by that text', async () => {
  const { engines, client, clock, observed } = await converse();
  await client.speak(concatSamples([quiet(400), speech(800), quiet(128)]));
  await client.say(input({ transcription: { prompt: 'names' } }));
  engines.transcriber.hear = () => 'How are you, Ada?';
  await client.speak(quiet(600));
  assert.deepEqual(dropped(observed), ['transcript', 'answer']);
  await clock.advance(10_000);
  assert.equal(engines.transcriber.clips.length, 2, 'the request has changed');
  assert.match(JSON.stringify(engines.languageModel.requests.at(-1)?.items), /Ada/);
  assert.equal(client.all('response.done').length, 1);
});

test('a turn that looks unfinished is transcribed in its pause, but not answered', async () => {
  const { engines, client, clock } = await converse();
  engines.transcriber.hear = () => 'I would like the';
  await client.speak(concatSamples([quiet(400), speech(800), quiet(256)]));
  assert.deepEqual([engines.transcriber.clips.length, engines.languageModel.requests.length], [1, 0]);
  await client.speak(quiet(600));
  await clock.advance(10_000);
  assert.deepEqual([engines.transcriber.clips.length, engines.languageModel.requests.length], [1, 1]);
});

for (const [why, prepare] of Object.entries({
  'its transcriber is on a public server': ({ engines }) => Object.assign(engines.transcriber, { isPublic: true }),
  'the model is on a public server': ({ engines }) => Object.assign(engines.languageModel, { isPublic: true }),
  'the voice is on a public server': ({ engines }) => Object.assign(engines.voice, { isPublic: true }),
  'it is not answered automatically': ({ client }) =>
    client.say(input({ turn_detection: { type: 'server_vad', create_response: false } })),
  'the model takes audio': ({ engines }) => Object.assign(engines.languageModel, { hearsAudio: true }),
} satisfies Record<string, (conversation: Conversation) => unknown>)) {
  test(`no answer is started in a pause if ${why}`, async () => {
    const conversation = await converse();
    await prepare(conversation);
    const { client, engines } = conversation;
    await client.speak(concatSamples([quiet(400), speech(800), quiet(256)]));
    assert.equal(engines.languageModel.requests.length, 0);
    assert.equal(engines.transcriber.clips.length, why.includes('its transcriber') ? 0 : 1);
  });
}

test('the answers of a turn, the unused ones of a key and the audio of a turn are bounded', async () => {
  const pauses = concatSamples(Array.from({ length: 8 }, () => concatSamples([speech(400), quiet(256)])));
  const run = async (limits: NonNullable<Settings>['limits'], chunkMs = 20) => {
    const { client, engines } = await converse({ limits });
    for (let at = 0; at < pauses.length; at += chunkMs * 24) {
      await client.speak(pauses.slice(at, at + chunkMs * 24), chunkMs);
    }
    return [engines.transcriber.clips.length, engines.languageModel.requests.length];
  };
  assert.deepEqual(await run({}), [8, 4]);
  assert.deepEqual(await run({ unusedAnswersPerMinute: 2 }), [8, 2]);
  const [transcribed = 0] = await run({ aheadAudioMs: 3000 });
  assert.ok(transcribed >= 2 && transcribed < 5, `${transcribed}`);
});

test('the transcripts of all pauses of a turn say that it is the same turn', async () => {
  const { client, engines } = await converse();
  const twoPauses = concatSamples([speech(800), quiet(200), speech(800), quiet(200), speech(800), quiet(700)]);
  await client.speak(concatSamples([quiet(400), twoPauses, twoPauses]));
  const turns = engines.transcriber.clips.map(({ turn }) => turn);
  assert.equal(turns.length, 6);
  assert.equal(new Set(turns).size, 2);
  assert.ok(turns.every((turn, index) => turn !== undefined && turn === turns[index < 3 ? 0 : 3]));
});

test('the answer is dropped at the end of a turn that is not to be answered any more', async () => {
  const { client, engines, observed } = await converse();
  await client.speak(concatSamples([quiet(400), speech(800), quiet(128)]));
  assert.equal(engines.languageModel.requests[0]?.signal.aborted, false);
  await client.say(input({ turn_detection: { type: 'server_vad', create_response: false } }));
  await client.speak(quiet(600));
  assert.equal(client.all('input_audio_buffer.committed').length, 1);
  assert.equal(engines.languageModel.requests[0]?.signal.aborted, true);
  assert.deepEqual(dropped(observed), ['answer']);
});

test('clearing the buffer and the end of the session drop what was started', async () => {
  for (const end of ['clear', 'close'] as const) {
    const { client, engines, session } = await converse();
    engines.languageModel.script = ({ signal }) => hang(signal, ...say('Well.').slice(0, 1));
    await client.speak(concatSamples([quiet(400), speech(800), quiet(128)]));
    assert.equal(engines.languageModel.requests[0]?.signal.aborted, false);
    if (end === 'clear') await client.say({ type: 'input_audio_buffer.clear' });
    else session.close({ code: 1000, reason: '' });
    assert.equal(engines.languageModel.requests[0]?.signal.aborted, true, end);
  }
});

test('a transcription that fails in a pause is repeated for the turn', async () => {
  const { client, engines, clock } = await converse();
  let failures = 1;
  engines.transcriber.hear = () => {
    if (failures-- > 0) throw new Error('out of memory');
    return 'How are you today?';
  };
  await client.speak(concatSamples([quiet(400), speech(800), quiet(256)]));
  await client.speak(quiet(444));
  await clock.advance(10_000);
  assert.equal(client.last('response.done').response.status, 'completed');
});
