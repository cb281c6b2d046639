/** A session and its peers: events, errors, and the end of the session. And generations without a session. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { type GenerationEvent, startGeneration } from '../../src/session/generation/generation.ts';
import { Observers } from '../../src/session/observing/observers.ts';
import type { ModelEvent } from '../../src/session/ports/language-model.ts';
import { defaultSessionSettings, noImages, noMeter, roughTokens } from '../../src/session/settings.ts';
import { Client, newConversation, Sideband, userText } from '../support/conversation.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { countTo, fakeEngines, hang, say, tone } from '../support/fake-engines.ts';
import { verifies } from '../support/verifies.ts';

test('every peer gets every event, and its own session.created', async () => {
  verifies('R1.8', 'R1.17');
  const { client, session } = newConversation();
  await client.say(userText('Early.'));
  const other = new Client(session);
  assert.deepEqual(other.types(), ['session.created']);
  client.forget();
  other.forget();
  await client.say(userText('Hello.'));
  await other.say({ type: 'response.create', response: { output_modalities: ['text'] } });
  assert.ok(client.last('response.done'));
  assert.deepEqual(other.events, client.events);
});

test('a sideband gets the events from then on, without audio and session.created', async () => {
  verifies('R1.17', 'R10.1');
  const { client, session, clock, engines } = newConversation();
  engines.languageModel.script = () => say('Good morning.');
  const sideband = new Sideband(session);
  assert.deepEqual(sideband.types(), []);
  client.forget();
  await sideband.say(userText('Hello.'));
  await sideband.say({ type: 'response.create' });
  await clock.advance(5000);
  assert.ok(client.all('response.output_audio.delta').length > 0);
  assert.deepEqual(
    sideband.events,
    client.events.filter(({ type }) => type !== 'response.output_audio.delta'),
  );
  assert.equal(sideband.all('response.output_audio.done').length, 1);
});

test('an error is sent to its originator only', async () => {
  verifies('R1.17', 'R4.13', 'ga.server.error');
  const { client, session } = newConversation();
  const other = new Client(session);
  const elsewhere = newConversation().client;
  for (const each of [client, other, elsewhere]) each.forget();
  await other.say({ type: 'nope', event_id: 'x' });
  await other.say({ type: 'response.cancel', event_id: 'y' });
  assert.deepEqual(
    other.all('error').map((event) => event.error.event_id),
    ['x', 'y'],
  );
  assert.deepEqual([client.types(), elsewhere.types()], [[], []]);
});

test('a detached peer receives no further events; other peers are unaffected', async () => {
  const { client, session, clock, engines } = newConversation();
  engines.languageModel.script = () => say(countTo(20));
  const other = new Client(session);
  await client.say({ type: 'response.create' });
  session.detach(other);
  other.forget();
  await clock.advance(20_000);
  other.postText('{');
  await other.say({ type: 'nope' });
  assert.deepEqual(other.types(), []);
  assert.equal(client.last('response.done').response.status, 'completed');
});

test('when the last peer detaches, the session ends and its engines are stopped', async () => {
  const { client, session, engines } = newConversation();
  const other = new Client(session);
  const signals: AbortSignal[] = [];
  engines.languageModel.script = ({ signal }) =>
    hang<ModelEvent>(signal, { type: 'text', text: 'One sentence is here. ' });
  engines.voice.speak = (_text, { signal }) => {
    signals.push(signal);
    return hang(signal);
  };
  engines.transcriber.transcribe = (_clip, { signal }) => {
    signals.push(signal);
    return hang(signal);
  };
  const streams = { closed: 0 };
  const { open } = engines.voiceActivity;
  engines.voiceActivity = {
    open: (options) => ({ ...open(options), close: () => streams.closed++ }),
  };
  await client.say({ type: 'response.create' });
  await client.say({ type: 'response.create', response: { conversation: 'none' } });
  const audio = Buffer.from(tone(500, 24000).buffer).toString('base64');
  await client.say({ type: 'input_audio_buffer.append', audio });
  const content = [{ type: 'input_audio', audio }];
  await client.say({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } });
  signals.push(...engines.languageModel.requests.map((request) => request.signal));

  session.detach(client);
  assert.ok(signals.length >= 4);
  assert.ok(
    signals.some((signal) => !signal.aborted),
    'there is still someone',
  );
  client.forget();
  other.forget();
  session.detach(other);
  await settle();
  assert.ok(signals.every((signal) => signal.aborted));
  assert.equal(streams.closed, 1);
  await other.say({ type: 'input_audio_buffer.clear' });
  assert.deepEqual([...client.types(), ...other.types()], [], 'nothing is sent once it ended');
});

test('a session describes itself, and reports its end after its last peer has detached', async () => {
  const { client, session, clock } = newConversation();
  const other = new Client(session);
  const { id, expires_at: expiresAt } = client.last('session.created').session;
  const description = { id, type: 'realtime', model: 'gpt-realtime', expiresAt };
  assert.deepEqual(session.describe(), { ...description, peers: 2 });
  let ended = false;
  void session.ended.then(() => {
    ended = true;
  });
  session.detach(client);
  await clock.advance(1000);
  assert.equal(ended, false);
  assert.deepEqual(session.describe(), { ...description, peers: 1 });
  session.detach(other);
  await settle();
  assert.equal(ended, true);

  for (const end of ['close', 'expire']) {
    const another = newConversation({ sessionMinutes: 1 });
    if (end === 'close') another.session.close({ code: 1001, reason: 'going away' });
    else await another.clock.advance(60_000);
    await another.session.ended;
    assert.equal(another.session.describe().peers, 0);
  }
});

test('audio that is pending transcription is freed when the session ends', async () => {
  const { client, session, engines } = newConversation();
  let started = 0;
  engines.transcriber.transcribe = (_clip, { signal }) => {
    started += 1;
    return hang(signal);
  };
  const audio = Buffer.from(tone(500, 24000).buffer).toString('base64');
  const item = { type: 'message', role: 'user', content: [{ type: 'input_audio', audio }] };
  for (let index = 0; index < 3; index += 1) await client.say({ type: 'conversation.item.create', item });
  session.detach(client);
  await settle();
  assert.equal(started, 1);
});

test('close stops everything and closes every peer with the specified reason', async () => {
  const { client, session, clock, engines } = newConversation();
  const other = new Client(session);
  engines.languageModel.script = () => say(countTo(20));
  await client.say({ type: 'response.create' });
  const count = client.events.length;
  session.close({ code: 1001, reason: 'going away' });
  assert.deepEqual([client.closed, other.closed], Array(2).fill({ code: 1001, reason: 'going away' }));
  await client.say({ type: 'input_audio_buffer.clear' });
  await client.say({ type: 'nope' });
  await clock.advance(20_000);
  assert.equal(client.events.length, count);
});

test('a session that reaches sessionMinutes gets an error and close 1001', async () => {
  verifies('R1.11', 'R5.38');
  const { client, session, clock } = newConversation({ sessionMinutes: 60 });
  const other = new Client(session);
  const { expires_at } = client.last('session.created').session;
  assert.equal(expires_at * 1000, clock.epochMs() + 60 * 60_000);
  await clock.advance(60 * 60_000 - 1);
  assert.equal(client.closed, undefined);
  await clock.advance(1);
  for (const peer of [client, other]) {
    const { type, code, message, param, event_id } = peer.lastError();
    assert.deepEqual(
      { type, code, message, param, event_id },
      {
        type: 'invalid_request_error',
        code: 'session_expired',
        message: 'Your session hit the maximum duration of 60 minutes.',
        param: null,
        event_id: null,
      },
    );
    assert.deepEqual(peer.closed, { code: 1001, reason: 'Your session hit the maximum duration of 60 minutes.' });
  }
});

test('draining finishes running work and refuses new work, with an error for waiting clients', async () => {
  verifies('R5.59');
  const { client, session, clock, engines } = newConversation();
  engines.languageModel.script = () => say(countTo(20));
  await client.say({ type: 'response.create' });
  await client.say({ type: 'response.create', response: { conversation: 'none' } });
  let drained = 0;
  for (const promise of [session.drain(), session.drain()]) void promise.then(() => (drained += 1));
  await client.say({ type: 'response.create', event_id: 'late' });
  const { type, code, event_id } = client.lastError();
  assert.deepEqual([type, code, event_id], ['server_error', 'server_shutting_down', 'late']);
  await clock.advance(5000);
  assert.equal(drained, 0);
  await clock.advance(20_000);
  assert.equal(drained, 2);
  assert.deepEqual(
    client.all('response.done').map(({ response }) => response.status),
    ['completed', 'completed'],
  );
  await client.speak(tone(500, 24000));
  await client.speak(new Int16Array(24_000));
  await clock.advance(5000);
  assert.equal(client.all('input_audio_buffer.committed').length, 1);
  assert.equal(client.all('response.created').length, 2, 'a turn is transcribed, but not answered');
});

test('draining an idle session completes immediately', async () => {
  const { session } = newConversation();
  await session.drain();
});

test('every event has a unique id', async () => {
  verifies('R4.1');
  const { client, clock } = newConversation();
  await client.say(userText('Hello.'));
  await client.say({ type: 'response.create' });
  await client.say({ type: 'nope' });
  await clock.advance(10_000);
  const ids = client.events.map((event) => event.event_id);
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) assert.match(id, /^event_\w+$/);
});

// ---- A generation without a session ----

function newGeneration(spoken: boolean) {
  const engines = fakeEngines();
  const clock = new FakeClock();
  const tools = {
    engines,
    clock,
    ids: () => assert.fail('it knows no ids'),
    settings: defaultSessionSettings,
    observers: new Observers({ clock }),
    claim: { key: '', session: 'sess_1' },
    meter: noMeter,
    tokens: roughTokens,
    images: noImages,
  };
  const options = {
    model: 'm',
    instructions: '',
    tools: [],
    toolChoice: 'auto',
    maxOutputTokens: 'inf',
    items: [],
    ...(spoken && { speech: { voice: 'alloy', speed: 1, sampleRateHz: 24000 } }),
  } as const;
  return { engines, generation: () => startGeneration(options, tools) };
}

test('a generation can be iterated without a session: clauses, their audio, and the finish', async () => {
  const { engines, generation } = newGeneration(true);
  engines.languageModel.script = () => say('One two. Three.');
  const kinds: string[] = [];
  for await (const event of generation()) {
    kinds.push(event.type === 'clause' ? event.text : event.type);
  }
  const runs = kinds.filter((kind, index) => kind !== kinds[index - 1]);
  assert.deepEqual(runs, ['One two.', 'audio', ' Three.', 'audio', 'finish']);
});

for (const how of ['abort', 'break'] as const) {
  for (const spoken of [true, false]) {
    test(`a generation ${spoken ? 'spoken' : 'in text'} is dropped by ${how} without side effects`, async () => {
      const { engines, generation } = newGeneration(spoken);
      let pulled = 0;
      engines.languageModel.script = async function* () {
        for (;;) {
          pulled += 1;
          yield { type: 'text', text: 'Again and again. ' };
          await setImmediate();
        }
      };
      const started = generation();
      const events: GenerationEvent[] = [];
      for await (const event of started) {
        events.push(event);
        if (events.length < 3) continue;
        if (how === 'break') break;
        started.abort();
      }
      assert.equal(events.length, 3, 'an aborted one ends without an error');
      assert.equal(engines.languageModel.requests[0]?.signal.aborted, true);
      await settle();
      const before = pulled;
      await settle();
      assert.equal(pulled, before, 'the model is pulled no more');
    });
  }
}

test('a generation that is never iterated calls no engine', async () => {
  const { engines, generation } = newGeneration(true);
  generation().abort();
  await settle();
  assert.deepEqual(engines.languageModel.requests, []);
});

test('the model is read at most some thousand words ahead of the voice, which is enough to see its calls', async () => {
  const { engines, generation } = newGeneration(true);
  let pulled = 0;
  engines.languageModel.script = function* () {
    for (;;) {
      pulled += 1;
      yield { type: 'text', text: 'Again and again. ' };
    }
  };
  for await (const event of generation()) {
    if (event.type !== 'audio') continue;
    await settle();
    break;
  }
  assert.ok(pulled > 100 && pulled < 1000, `${pulled} clauses were asked for`);
});
