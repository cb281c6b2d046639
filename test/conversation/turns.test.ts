/** Turn-taking: where turns begin and end, what becomes of them, and when they are answered (docs/protocol.md §3b, §8). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeMulaw } from '../../src/audio/g711.ts';
import { concatSamples } from '../../src/audio/pcm.ts';
import type { ClientEvent } from '../../src/protocol/index.ts';
import { audioOf, type Client, newConversation, transcriptOf, update, userText } from '../support/conversation.ts';
import { settle } from '../support/fake-clock.ts';
import { countTo, gate, hang, say, silence, tone } from '../support/fake-engines.ts';
import { verifies } from '../support/verifies.ts';

const quiet = (ms: number) => silence(ms, 24000);
const speech = (ms: number) => tone(ms, 24000);
const turn = concatSamples([quiet(400), speech(800), quiet(700)]);
const input = (fields: object) => update({ audio: { input: fields } });
const vad = (fields: object) => input({ turn_detection: { type: 'server_vad', ...fields } });

/** Where each turn began and ended, as the events say. */
function marks(client: Client): number[][] {
  const stops = client.all('input_audio_buffer.speech_stopped');
  return client
    .all('input_audio_buffer.speech_started')
    .map(({ audio_start_ms }, index) => [audio_start_ms, stops[index]?.audio_end_ms ?? Number.NaN]);
}

const several = concatSamples([
  quiet(100), speech(500), quiet(530), speech(90), quiet(200), speech(700), quiet(1100), speech(40), quiet(900), speech(600), quiet(600),
]); // biome-ignore format: a recording reads best in a line
const chunkings = { 'one append': 60_000, '200 ms': 200, '20 ms': 20, '7 samples': 7 / 24, 'live, 20 ms': 20 };

/** Appends audio as a microphone does: each chunk has been through voice activity detection before the next one comes. */
async function speakLive(client: Client, samples: Int16Array, chunkMs: number): Promise<void> {
  const step = chunkMs * 24;
  for (let at = 0; at < samples.length; at += step) await client.speak(samples.slice(at, at + step), chunkMs);
}

test('engines that are far away make ready when the user begins to speak', async () => {
  const { client, engines } = newConversation();
  const warmed: string[] = [];
  const parts = ['transcriber', 'languageModel', 'voice'] as const;
  for (const part of parts) Object.assign(engines[part], { warm: () => warmed.push(part) });
  await client.speak(quiet(400));
  assert.deepEqual(warmed, []);
  await client.speak(speech(800));
  assert.equal(client.all('input_audio_buffer.speech_stopped').length, 0);
  assert.deepEqual(warmed, parts);
});

test('the way in which audio is cut into appends changes nothing', async (t) => {
  verifies(
    'R3.5',
    'R3.9',
    'R3.23',
    'ga.server.input_audio_buffer.speech_started',
    'ga.server.input_audio_buffer.speech_stopped',
    'ga.server.input_audio_buffer.committed',
  );
  const results: unknown[] = [];
  for (const [name, chunkMs] of Object.entries(chunkings)) {
    await t.test(name, async () => {
      const { client, engines } = newConversation();
      let heard = 0;
      engines.transcriber.hear = (clip) => `${++heard}: ${clip.samples.length} samples`;
      await client.say(input({ transcription: {}, turn_detection: { type: 'server_vad', create_response: false } }));
      client.forget();
      if (name.startsWith('live')) await speakLive(client, several, chunkMs);
      else await client.speak(several, chunkMs);
      const ids = client.all('input_audio_buffer.committed').map((event) => event.item_id);
      const started = client.all('input_audio_buffer.speech_started').map((event) => event.item_id);
      const stopped = client.all('input_audio_buffer.speech_stopped').map((event) => event.item_id);
      const previous = client.all('input_audio_buffer.committed').map((event) => event.previous_item_id);
      assert.deepEqual([started, stopped], [ids, ids]);
      assert.deepEqual(previous, [null, ...ids.slice(0, -1)]);
      const transcripts = client.all('conversation.item.input_audio_transcription.completed');
      assert.deepEqual(
        transcripts.map((event) => event.item_id),
        ids,
      );
      const audio: string[] = [];
      for (const id of ids) audio.push(audioOf(await client.retrieve(id)).toString('base64'));
      results.push({ marks: marks(client), transcripts: transcripts.map((event) => event.transcript), audio });
    });
  }
  assert.equal((results[0] as { audio: string[] }).audio.length, 3, 'the recording holds three turns, and a click');
  for (const result of results) assert.deepEqual(result, results[0]);
});

test('what the transcriber is given of a turn ends with the turn, however much was written by then', async () => {
  const given: number[][] = [];
  for (const chunkMs of [60_000, 20]) {
    const { client, engines } = newConversation();
    await client.say(vad({ silence_duration_ms: 64 }));
    await speakLive(client, several, chunkMs);
    given.push(engines.transcriber.clips.map((clip) => clip.samples.length));
  }
  assert.deepEqual(given[0], given[1]);
});

test('prefix padding ends at the start of the recording, and at the last commit', async () => {
  verifies('R3.6', 'R3.24');
  const { client } = newConversation();
  await client.say(vad({ prefix_padding_ms: 1000, silence_duration_ms: 200 }));
  await client.speak(concatSamples([speech(640), quiet(320), speech(640), quiet(320)]));
  // Frames of 32 ms: the first turn is voiced to 640, and ends 200 ms later; the second begins right there.
  assert.deepEqual(marks(client), [
    [0, 840],
    [840, 1800],
  ]);
  const [first, second] = client.all('input_audio_buffer.committed').map((event) => event.item_id);
  const bytes = [await client.retrieve(first ?? ''), await client.retrieve(second ?? '')].map(
    (item) => audioOf(item).length,
  );
  assert.deepEqual(bytes, [840 * 48, 960 * 48], 'the items hold all audio between, once');
});

test('threshold and silence_duration_ms are obeyed, also when they change in the middle of a turn', async () => {
  verifies('R3.24');
  const { client } = newConversation();
  await client.say(vad({ threshold: 0.96 }));
  await client.speak(turn);
  assert.deepEqual(marks(client), [], 'what the detector is 95 % sure of is below the threshold');
  await client.say(vad({ silence_duration_ms: 1000, prefix_padding_ms: 0 }));
  client.forget();
  await client.speak(concatSamples([speech(640), quiet(900)]));
  assert.deepEqual(client.types(), ['input_audio_buffer.speech_started']);
  await client.say(vad({ silence_duration_ms: 300 }));
  await client.speak(quiet(40));
  assert.equal(client.all('input_audio_buffer.speech_stopped').length, 1);
});

test('semantic_vad waits longer the less eager it is', async () => {
  verifies('R3.25');
  const ends: number[] = [];
  for (const eagerness of ['high', 'auto', 'low']) {
    const { client } = newConversation();
    await client.say(input({ turn_detection: { type: 'semantic_vad', eagerness } }));
    await client.speak(concatSamples([quiet(320), speech(640), quiet(2500)]));
    ends.push(client.last('input_audio_buffer.speech_stopped').audio_end_ms - 960);
  }
  assert.ok(ends[0] && ends[1] && ends[2] && 0 < ends[0] && ends[0] < ends[1] && ends[1] < ends[2], ends.join(' < '));
});

test('marks are whole milliseconds, wherever turn detection is switched on', async () => {
  const { client } = newConversation();
  await client.say(input({ turn_detection: null }));
  await client.speak(quiet(1000 + 7 / 24));
  await client.say(vad({}));
  await client.speak(turn);
  assert.deepEqual(marks(client), [[1000 + 384 - 300, 1000 + 1216 + 500]]);
});

test('once a turn has begun, a little less than the threshold keeps it going; it does not begin one', async () => {
  const { client, engines } = newConversation();
  const probabilities = [...Array(10).fill(0.4), ...Array(5).fill(0.9), ...Array(30).fill(0.4), ...Array(30).fill(0.3)];
  engines.voiceActivity = {
    open: () => ({
      frameMs: 32,
      push: async (samples) => Float32Array.from(probabilities.splice(0, Math.round(samples.length / 768))),
      close() {},
    }),
  };
  await client.speak(quiet(probabilities.length * 32), 32);
  assert.deepEqual(marks(client), [[320 - 300, 1440 + 500]]);
});

// ---- Answers ----

test('create_response false: the turn is committed and not answered, now or later', async () => {
  verifies('R3.26');
  const { client } = newConversation();
  await client.say(vad({ create_response: false }));
  await client.speak(turn);
  assert.equal(client.types().at(-1), 'conversation.item.done');
  await client.say(vad({ create_response: true }));
  await client.say({ type: 'response.create', response: { conversation: 'none', output_modalities: ['text'] } });
  assert.equal(client.all('response.created').length, 1, 'only what was asked for');
});

test('interrupt_response false: the running answer goes on, and the turn is answered when it is done', async () => {
  verifies('R8.5');
  const { client, clock, engines } = newConversation();
  engines.languageModel.script = () => say(countTo(16));
  await client.say(vad({ interrupt_response: false }));
  await client.speak(turn);
  await clock.advance(1000);
  await client.speak(turn);
  assert.equal(client.all('response.created').length, 1);
  assert.equal(client.all('input_audio_buffer.committed').length, 2);
  await clock.advance(6000);
  const [first, second] = client.all('response.done').map(({ response }) => response.status);
  assert.deepEqual([first, second], ['completed', undefined]);
  assert.equal(client.all('response.created').length, 2);
  const roles = engines.languageModel.requests[1]?.items.map((item) => item.type === 'message' && item.role);
  assert.deepEqual(roles, ['user', 'assistant', 'user'], 'the answer stands before what was said during it');
});

test('a blank transcript: the item stays, completed says "", and there is no answer', async () => {
  verifies('R8.7');
  const { client, engines } = newConversation();
  engines.transcriber.hear = () => '';
  await client.say(input({ transcription: {} }));
  client.forget();
  await client.speak(turn);
  assert.equal(client.last('conversation.item.input_audio_transcription.completed').transcript, '');
  assert.deepEqual(client.all('response.created'), []);
  const item = await client.retrieve(client.last('input_audio_buffer.committed').item_id);
  assert.equal(transcriptOf(item), '');
  await client.say({ type: 'response.create' });
  assert.equal(client.all('response.created').length, 1, 'who asks is always answered');
});

for (const fault of ['fails', 'stalls', 'ends early'] as const) {
  test(`a transcriber that ${fault}: the item says so, its response fails and names it, and the session lives`, async () => {
    verifies('R3.42', 'R4.16', 'R5.39', 'ga.server.conversation.item.input_audio_transcription.failed');
    const { client, clock, engines } = newConversation();
    await client.say(input({ transcription: {} }));
    engines.transcriber.hear = () => {
      if (fault === 'fails') throw new Error('out of memory');
      return new Promise<string>(() => {});
    };
    if (fault === 'ends early') engines.transcriber.transcribe = async function* () {};
    client.forget();
    await client.speak(turn);
    await clock.advance(30_000);
    const { error } = client.last('conversation.item.input_audio_transcription.failed');
    assert.deepEqual(Object.keys(error).sort(), ['code', 'message', 'type'], 'no param: one SDK refuses null');
    assert.deepEqual([error.type, error.code], ['transcription_error', 'audio_unintelligible']);
    const { response } = client.last('response.done');
    assert.equal(response.status, 'failed');
    const details = response.status_details;
    assert.ok(details?.type === 'failed');
    assert.equal(details.error.code, fault === 'stalls' ? 'transcriber_stalled' : 'transcriber_failed');
    assert.match(details.error.message, /transcriber/);
    assert.ok(response.usage);

    await client.say(userText('In text, then.'));
    await client.say({ type: 'response.create', response: { output_modalities: ['text'] } });
    assert.equal(client.last('response.done').response.status, 'completed', 'text said later is answered');
    await clock.advance(30_000);
    delete (engines.transcriber as { transcribe?: unknown }).transcribe;
    engines.transcriber.hear = () => 'better now';
    await client.speak(turn);
    await clock.advance(30_000);
    assert.equal(client.last('response.done').response.status, 'completed', 'and so is the next turn');
  });
}

test('a second turn, ended while the first is transcribed, is answered together with it', async () => {
  verifies('R8.8');
  const { client, engines } = newConversation();
  const { opened, open } = gate();
  engines.transcriber.hear = async () => {
    await opened;
    return `part ${engines.transcriber.clips.length}`;
  };
  await client.speak(turn);
  await client.speak(turn);
  assert.equal(client.all('input_audio_buffer.committed').length, 2);
  open();
  await settle();
  assert.equal(client.all('response.created').length, 1);
  assert.deepEqual(
    engines.languageModel.requests.map((request) => request.items),
    [['part 1', 'part 2'].map((text) => ({ type: 'message', role: 'user', content: [{ type: 'text', text }] }))],
  );
});

test('an answer that waits for someone to stop speaking comes when their speech is cleared, or turns out blank', async () => {
  verifies('R8.8');
  for (const end of ['cleared', 'blank', 'switched off']) {
    const { client, engines } = newConversation();
    const { opened, open } = gate();
    engines.transcriber.hear = async () => {
      await opened;
      return engines.transcriber.clips.length === 1 ? 'a question' : '';
    };
    await client.speak(concatSamples([turn, speech(320)]));
    open();
    await settle();
    assert.deepEqual(client.all('response.created'), [], 'not while someone speaks');
    if (end === 'cleared') await client.say({ type: 'input_audio_buffer.clear' });
    else if (end === 'blank') await client.speak(quiet(800));
    else await client.say(input({ turn_detection: null }));
    assert.equal(client.all('response.created').length, 1, end);
  }
});

test('who asks for an answer before the transcript is known gets one, not two', async () => {
  const { client, clock, engines } = newConversation();
  const { opened, open } = gate();
  engines.transcriber.hear = async () => {
    await opened;
    return 'a question';
  };
  await client.speak(turn);
  await client.say({ type: 'response.create' });
  open();
  await clock.advance(20_000);
  assert.equal(client.all('response.done').length, 1);
  assert.equal(engines.languageModel.requests[0]?.items.length, 1, 'and it waited for the transcript');
});

test('speech during an answer that has not begun to sound cancels it too', async () => {
  const { client, engines } = newConversation();
  engines.languageModel.script = ({ signal }) => hang(signal);
  await client.speak(turn);
  await client.speak(speech(320));
  const { response } = client.last('response.done');
  assert.deepEqual(response.status_details, { type: 'cancelled', reason: 'turn_detected' });
  assert.deepEqual(response.output, []);
  assert.equal(engines.languageModel.requests[0]?.signal.aborted, true);
});

// ---- By hand ----

test('push-to-talk: audio is committed by the client, cleared by the client, and answered when asked', async () => {
  verifies(
    'R3.22',
    'R3.27',
    'ga.client.input_audio_buffer.commit',
    'ga.client.input_audio_buffer.clear',
    'ga.server.input_audio_buffer.cleared',
    'ga.server.input_audio_buffer.committed',
    'ga.server.conversation.item.input_audio_transcription.completed',
  );
  const { client, clock, engines } = newConversation();
  await client.say(input({ turn_detection: null, transcription: {} }));
  client.forget();
  await client.speak(speech(500));
  await client.say({ type: 'input_audio_buffer.clear' });
  const question = speech(300);
  await client.speak(question);
  await client.say({ type: 'input_audio_buffer.commit' });
  assert.deepEqual(client.types(), [
    'input_audio_buffer.cleared',
    'input_audio_buffer.committed',
    'conversation.item.added',
    'conversation.item.done',
    'conversation.item.input_audio_transcription.delta',
    'conversation.item.input_audio_transcription.completed',
  ]);
  const item = await client.retrieve(client.last('input_audio_buffer.committed').item_id);
  assert.deepEqual(audioOf(item), Buffer.from(question.buffer));
  assert.equal(transcriptOf(item), 'hello there');
  await client.say({ type: 'response.create' });
  await clock.advance(5000);
  assert.equal(client.last('response.done').response.status, 'completed');
  assert.equal(engines.languageModel.requests.length, 1);
});

test('a manual commit during speech: no speech_stopped, no answer, the announced id; then the next speech works', async () => {
  verifies('R3.22');
  const { client } = newConversation();
  client.forget();
  await client.speak(concatSamples([quiet(320), speech(640)]));
  await client.say({ type: 'input_audio_buffer.commit' });
  assert.deepEqual(client.types(), [
    'input_audio_buffer.speech_started',
    'input_audio_buffer.committed',
    'conversation.item.added',
    'conversation.item.done',
  ]);
  const { item_id } = client.last('input_audio_buffer.committed');
  assert.equal(client.last('input_audio_buffer.speech_started').item_id, item_id);
  assert.equal(audioOf(await client.retrieve(item_id)).length, 960 * 48);
  client.forget();
  await client.speak(concatSamples([quiet(640), speech(640), quiet(640)]));
  assert.deepEqual(marks(client), [[960 + 640 - 300, 960 + 1280 + 500]]);
  assert.notEqual(client.last('input_audio_buffer.committed').item_id, item_id);
  assert.equal(client.all('response.created').length, 1);
});

test('a commit and a response in one breath are answered once, with an earlier turn still to be transcribed', async () => {
  const { client, clock, engines } = newConversation();
  const { opened, open } = gate();
  engines.transcriber.hear = async () => {
    await opened;
    return 'words';
  };
  await client.speak(concatSamples([turn, speech(320)]));
  client.post({ type: 'input_audio_buffer.commit' });
  client.post({ type: 'response.create' });
  await settle();
  open();
  await clock.advance(20_000);
  assert.deepEqual(client.all('error'), []);
  assert.equal(client.all('response.done').length, 1);
  assert.equal(engines.languageModel.requests[0]?.items.length, 2);
});

test('a clear during speech forgets the turn; the next one is whole', async () => {
  verifies('R3.27');
  const { client } = newConversation();
  client.forget();
  await client.speak(concatSamples([quiet(320), speech(640)]));
  await client.say({ type: 'input_audio_buffer.clear' });
  await client.speak(quiet(960));
  assert.deepEqual(client.types(), ['input_audio_buffer.speech_started', 'input_audio_buffer.cleared']);
  client.forget();
  await client.speak(turn);
  assert.deepEqual(marks(client), [[1920 + 416 - 32 - 300, 1920 + 1216 + 500]]);
});

test('turn detection switched off during speech leaves the audio to the client; switched on again it hears anew', async () => {
  const { client } = newConversation();
  await client.speak(concatSamples([quiet(320), speech(640)]));
  await client.say(input({ turn_detection: null }));
  client.forget();
  await client.speak(quiet(2000));
  assert.deepEqual(client.types(), []);
  await client.say({ type: 'input_audio_buffer.commit' });
  assert.equal(audioOf(await client.retrieve(client.last('input_audio_buffer.committed').item_id)).length, 2960 * 48);
  await client.say(vad({}));
  client.forget();
  await client.speak(turn);
  assert.deepEqual(marks(client), [[2960 + 384 - 300, 2960 + 1216 + 500]]);
});

test('the format switched during speech: that turn is forgotten, and the next one is heard in the new format', async () => {
  const { client, engines } = newConversation();
  await client.speak(concatSamples([quiet(320), speech(640)]));
  await client.say(input({ format: { type: 'audio/pcmu' } }));
  client.forget();
  client.append(encodeMulaw(concatSamples([silence(640, 8000), tone(640, 8000), silence(640, 8000)])));
  await settle();
  assert.deepEqual(marks(client), [[960 + 640 - 300, 960 + 1280 + 500]]);
  assert.equal(engines.transcriber.clips.at(-1)?.sampleRateHz, 8000);
});

test('events behind audio wait until that audio was heard', async () => {
  verifies('R3.28');
  const { client, engines } = newConversation();
  const { opened, open } = gate();
  const { open: openStream } = engines.voiceActivity;
  engines.voiceActivity = {
    open: (options) => {
      const stream = openStream(options);
      return {
        frameMs: stream.frameMs,
        push: async (samples) => {
          await opened;
          return stream.push(samples);
        },
        close: () => stream.close(),
      };
    },
  };
  client.forget();
  client.append(Buffer.from(concatSamples([turn, speech(640)]).buffer));
  client.post({ type: 'input_audio_buffer.clear' });
  client.post(userText('And this.'));
  await settle();
  assert.deepEqual(client.types(), []);
  open();
  await settle();
  const types = client.types();
  assert.ok(types.indexOf('input_audio_buffer.cleared') > types.lastIndexOf('input_audio_buffer.speech_started'));
  assert.equal(client.all('input_audio_buffer.committed').length, 1);
});

test('voice activity detection that fails is told, and hears again with the next append', async () => {
  verifies('R5.60');
  const { client, engines } = newConversation();
  const { open } = engines.voiceActivity;
  engines.voiceActivity.open = () => ({ frameMs: 32, push: () => Promise.reject(new Error('no model')), close() {} });
  await client.speak(speech(20));
  assert.deepEqual(
    [client.lastError().type, client.lastError().code],
    ['server_error', 'voice_activity_detection_failed'],
  );
  assert.match(client.lastError().message, /voice activity detection failed: no model/);
  engines.voiceActivity.open = open;
  await client.speak(turn);
  assert.equal(client.all('response.created').length, 1);
});

// ---- Bounds ----

test('a turn as long as the input buffer ends there; silence as long is forgotten from the front', async () => {
  verifies('R8.9');
  const { client } = newConversation({ limits: { inputBufferMs: 3200 } });
  await client.speak(concatSamples([quiet(10_240), speech(6400), quiet(700)]));
  // A turn is as long as fits, in frames of 32 ms; speech that goes on is another turn.
  const begin = 10_240 - 300;
  const firstEnd = Math.ceil((begin + 3200 + 1) / 32) * 32;
  const secondEnd = Math.ceil((firstEnd + 3200 + 1) / 32) * 32;
  assert.deepEqual(marks(client), [
    [begin, firstEnd],
    [firstEnd, secondEnd],
    [secondEnd, 10_240 + 6400 + 500],
  ]);
  const { item_id } = client.all('input_audio_buffer.committed')[0] ?? assert.fail();
  assert.equal(audioOf(await client.retrieve(item_id)).length, (firstEnd - begin) * 48, 'nothing of it is lost');
  assert.deepEqual(client.all('error'), []);
});

test('of silence less is kept, also while voice activity detection is broken', async (t) => {
  const limits = { silenceMs: 6400 };
  const committedMs = async (client: Client) => {
    await client.say({ type: 'input_audio_buffer.commit' });
    const item = await client.retrieve(client.last('input_audio_buffer.committed').item_id);
    return audioOf(item).length / 48;
  };
  await t.test('in a session where nobody speaks', async () => {
    const { client } = newConversation({ limits });
    await client.speak(quiet(12_800));
    assert.equal(await committedMs(client), 6400);
  });
  await t.test('where no turn can be told', async () => {
    const { client, engines } = newConversation({ limits });
    engines.voiceActivity = {
      open: () => ({ frameMs: 32, push: () => Promise.reject(new Error('no model')), close() {} }),
    };
    for (let second = 0; second < 12; second += 1) await client.speak(speech(1000), 1000);
    await client.say(input({ turn_detection: null }));
    assert.equal(await committedMs(client), 6400);
  });
});

test('audio kept with items is bounded: the oldest is dropped, its transcript stays', async () => {
  verifies('R8.10');
  const { client } = newConversation({ limits: { keptAudioMs: 2500 } });
  await client.say(input({ turn_detection: null, transcription: {} }));
  for (let index = 0; index < 3; index += 1) {
    await client.speak(speech(1000));
    await client.say({ type: 'input_audio_buffer.commit' });
  }
  const items = [];
  for (const { item_id } of client.all('input_audio_buffer.committed')) items.push(await client.retrieve(item_id));
  assert.deepEqual(
    items.map((item) => audioOf(item).length),
    [0, 48_000, 48_000],
  );
  assert.deepEqual(items.map(transcriptOf), ['hello there', 'hello there', 'hello there']);
});

test('a client that sends audio faster than it is transcribed is read no further until that is done', async () => {
  const { client, engines, session } = newConversation({ limits: { inputBufferMs: 2500, keptAudioMs: 0 } });
  const { opened, open } = gate();
  engines.transcriber.hear = async () => {
    await opened;
    return 'words';
  };
  const audio = Buffer.from(speech(1000).buffer).toString('base64');
  const event: ClientEvent = {
    type: 'conversation.item.create',
    item: { type: 'message', role: 'user', content: [{ type: 'input_audio', audio }] },
  };
  const waits = [1, 2, 3].map(() => session.receive(event, client));
  assert.deepEqual(
    waits.map((wait) => wait instanceof Promise),
    [false, false, true],
  );
  open();
  await waits[2];
  assert.equal(session.receive({ type: 'input_audio_buffer.append', audio: '' }, client), undefined);
});
