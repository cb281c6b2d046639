/** Which sounds interrupt the assistant (docs/turn-taking.md). Times are those of written audio. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatSamples } from '../../../src/audio/pcm.ts';
import type { Observation } from '../../../src/session/ports/observer.ts';
import { AudioPeer } from '../../support/audio-peer.ts';
import { type Client, type Conversation, newConversation } from '../../support/conversation.ts';
import type { FakeClock } from '../../support/fake-clock.ts';
import { say, tone } from '../../support/fake-engines.ts';
import { verifies } from '../../support/verifies.ts';
import { respond } from '../responses/support.ts';
import { input, quiet, vad } from './support.ts';

/** Loud, and unlike the fake voice, so that it is not its echo. */
const speech = (ms: number) =>
  Int16Array.from({ length: ms * 24 }, (_, index) =>
    Math.round(12_000 * Math.sin((2 * Math.PI * 330 * index) / 24_000)),
  );

const answer = 'One two three four five six. Seven eight nine ten eleven twelve. '.repeat(3).trim();
const semantic = input({ turn_detection: { type: 'semantic_vad' } });

interface Scene extends Conversation {
  observations: Observation[];
}

/** An assistant that has been speaking for a second, 250 ms per word; the transcriber returns `words`. */
async function speaking(
  words: string | ((clipMs: number) => string | Promise<string>),
  { text = answer, detection = semantic, settings = {} as Parameters<typeof newConversation>[0] } = {},
): Promise<Scene> {
  const observations: Observation[] = [];
  const conversation = newConversation(settings, { observers: [{ observe: (each) => void observations.push(each) }] });
  const { client, clock, engines } = conversation;
  engines.languageModel.script = () => say(text);
  engines.transcriber.hear = ({ samples, sampleRateHz }) =>
    typeof words === 'string' ? words : words((samples.length * 1000) / sampleRateHz);
  await client.say(detection);
  await client.say(respond());
  await live(client, clock, quiet(1000));
  client.forget();
  return { ...conversation, observations };
}

/** Appends audio in real time. */
async function live(client: Client, clock: FakeClock, samples: Int16Array): Promise<void> {
  for (let at = 0; at < samples.length; at += 480) {
    await client.speak(samples.slice(at, at + 480));
    await clock.advance(20);
  }
}

/** Appends audio in real time until a turn has begun; returns the audio written by then, in milliseconds. */
async function untilStarted({ client, clock }: Conversation, samples: Int16Array): Promise<number> {
  for (let at = 0; at < samples.length; at += 480) {
    await live(client, clock, samples.slice(at, at + 480));
    if (client.all('input_audio_buffer.speech_started').length > 0) return (at + 480) / 24;
  }
  return assert.fail(`the sound was not announced: ${client.types().join(', ')}`);
}

const announced = ({ client }: Conversation) => client.all('input_audio_buffer.speech_started').length;
const ignored = ({ observations }: Scene) =>
  observations.flatMap((each) => (each.type === 'sound_ignored' ? each.sounds : []));

test('words interrupt after half a second, with their true start, and nothing of them is lost', async () => {
  verifies('R3.86', 'R3.87');
  const scene = await speaking('Can you say that again?');
  const atMs = await untilStarted(scene, speech(900));
  assert.ok(atMs >= 480 && atMs <= 540, `decided at ${atMs} ms`);
  const { client, clock, engines } = scene;
  // The sound began at 1000 ms, in the frame from 992 ms.
  assert.equal(client.last('input_audio_buffer.speech_started').audio_start_ms, 992 - 300);
  const { status, status_details } = client.last('response.done').response;
  assert.deepEqual([status, status_details], ['cancelled', { type: 'cancelled', reason: 'turn_detected' }]);
  await live(client, clock, concatSamples([speech(400), quiet(2000)]));
  const item = client.last('input_audio_buffer.committed').item_id;
  assert.equal(client.last('input_audio_buffer.speech_started').item_id, item);
  const clip = engines.transcriber.clips.at(-1);
  assert.ok(clip && clip.samples.length >= 24 * (300 + 900), 'the turn is transcribed from its start');
});

for (const [sounds, words, ms] of [
  ['noise', '', 300],
  ['noise', '', 800],
  ['back_channel', 'Mm-hmm.', 400],
  ['back_channel', 'Yeah, okay.', 700],
  ['back_channel', 'I see.', 350],
] as const) {
  test(`${ms} ms of '${words}' are ignored: no events, no item`, async () => {
    verifies('R3.86');
    const scene = await speaking(words);
    await live(scene.client, scene.clock, concatSamples([speech(ms), quiet(900)]));
    assert.deepEqual(
      scene.client.types().filter((type) => !type.startsWith('response.') && !type.startsWith('conversation.item.')),
      [],
    );
    assert.deepEqual(ignored(scene), [sounds]);
    await scene.clock.advance(20_000);
    assert.equal(scene.client.last('response.done').response.status, 'completed');
    assert.equal(scene.client.all('conversation.item.added').length, 0);
  });
}

test('a short sound is judged 100 ms after its end', async () => {
  verifies('R3.87');
  const scene = await speaking('Stop!');
  const atMs = await untilStarted(scene, concatSamples([speech(260), quiet(600)]));
  assert.ok(atMs >= 260 + 96 && atMs <= 260 + 96 + 64, `decided at ${atMs} ms`);
});

for (const words of ['Stop.', 'Wait.', 'No.', 'Right?', 'Ja, genau.']) {
  test(`'${words}' takes the floor`, async () => {
    verifies('R3.86');
    const scene = await speaking(words);
    await live(scene.client, scene.clock, concatSamples([speech(300), quiet(300)]));
    assert.equal(announced(scene), 1);
  });
}

test('a sound is judged again as it goes on', async () => {
  verifies('R3.87');
  const scene = await speaking((clipMs) => (clipMs < 1100 ? 'Yes,' : 'Yes, but'));
  const atMs = await untilStarted(scene, speech(1500));
  assert.ok(atMs >= 640 && atMs < 700, `decided at ${atMs} ms`);
  assert.equal(scene.client.last('input_audio_buffer.speech_started').audio_start_ms, 992 - 300, 'from the first word');
});

test('words after a short pause belong to the back-channel before them', async () => {
  verifies('R3.87');
  const scene = await speaking((clipMs) => (clipMs < 1000 ? 'Yeah,' : 'Yeah, but when?'));
  await live(scene.client, scene.clock, concatSamples([speech(350), quiet(250), speech(600)]));
  assert.equal(scene.client.last('input_audio_buffer.speech_started').audio_start_ms, 992 - 300);
});

test('the chunking of audio and the time that the transcriber takes have no effect on the positions', async () => {
  verifies('R3.23', 'R3.87');
  const results: unknown[] = [];
  for (const delayMs of [0, 60, 300]) {
    const scene = await speaking((clipMs) =>
      Promise.race([
        new Promise<string>((resolve) =>
          scene.clock.after(delayMs, () => resolve(clipMs < 1100 ? '' : 'Why is that?')),
        ),
      ]),
    );
    await live(scene.client, scene.clock, concatSamples([speech(200), quiet(700), speech(1300), quiet(2000)]));
    await scene.clock.advance(1000);
    results.push([
      scene.client.all('input_audio_buffer.speech_started').map(({ audio_start_ms }) => audio_start_ms),
      scene.client.all('input_audio_buffer.speech_stopped').length,
      ignored(scene),
    ]);
  }
  assert.deepEqual(results[0], [[1888 - 300], 1, ['noise']]);
  assert.deepEqual(results[1], results[0]);
  assert.deepEqual(results[2], results[0]);
});

for (const text of ['One two three, shall I go on now?', 'Shall I go on? One two three four five six seven eight.']) {
  test(`'Yeah' after '${text.slice(0, 14)}…' is an answer`, async () => {
    verifies('R3.88');
    const scene = await speaking('Yeah.', { text });
    await live(scene.client, scene.clock, concatSamples([speech(300), quiet(300)]));
    assert.equal(announced(scene), 1);
  });
}

test("'Yeah' within the last second of playback is an answer; a cough is not", async () => {
  verifies('R3.88');
  for (const [words, turns] of [
    ['Yeah.', 1],
    ['', 0],
  ] as const) {
    const scene = await speaking(words, { text: 'One two three four five six seven.' });
    await live(scene.client, scene.clock, concatSamples([speech(300), quiet(300)]));
    assert.equal(announced(scene), turns);
  }
});

test('nothing is held back while the assistant is silent, in text, and with server_vad', async () => {
  verifies('R3.89');
  const silent = await speaking('');
  await silent.clock.advance(20_000);
  const inText = await speaking('', { detection: input({ turn_detection: { type: 'semantic_vad' } }) });
  await inText.client.say({ type: 'response.cancel' });
  await inText.clock.advance(20_000);
  await inText.client.say(respond({ output_modalities: ['text'] }));
  const hosted = await speaking('', { detection: vad({}) });
  for (const [name, scene] of Object.entries({ silent, inText, hosted })) {
    scene.client.forget();
    assert.ok((await untilStarted(scene, speech(300))) <= 140, name);
  }
});

test('interrupt-by words applies to server_vad too, sound to neither', async () => {
  verifies('R3.89');
  const words = await speaking('', { detection: vad({ silence_duration_ms: 64 }), settings: { interruptBy: 'words' } });
  await live(words.client, words.clock, concatSamples([speech(300), quiet(300)]));
  assert.deepEqual([announced(words), ignored(words)], [0, ['noise']]);
  const sound = await speaking('', { settings: { interruptBy: 'sound' } });
  await live(sound.client, sound.clock, speech(200));
  assert.equal(announced(sound), 1);
});

test('a turn that is announced at its end has both marks and is answered', async () => {
  const detection = vad({ silence_duration_ms: 64 });
  const scene = await speaking('Tell me more.', { detection, settings: { interruptBy: 'words' } });
  await live(scene.client, scene.clock, concatSamples([speech(300), quiet(400)]));
  const marks = scene.client.types().filter((type) => type.startsWith('input_audio_buffer.'));
  assert.deepEqual(marks, [
    'input_audio_buffer.speech_started',
    'input_audio_buffer.speech_stopped',
    'input_audio_buffer.committed',
  ]);
  assert.equal(scene.client.all('response.created').length, 1);
});

test('a transcriber that is too slow or fails does not hold back a sound for long', async () => {
  verifies('R3.89');
  const slow = await speaking(() => new Promise<string>(() => {}), { text: `${answer} ${answer}` });
  const atMs = await untilStarted(slow, speech(1500));
  assert.ok(atMs >= 960 && atMs <= 1060, `decided at ${atMs} ms`);
  const failing = await speaking(() => Promise.reject(new Error('no model')));
  assert.ok((await untilStarted(failing, speech(900))) <= 540);
});

test('after two checks without an answer, sounds are announced at once for a while', async () => {
  verifies('R3.89');
  const scene = await speaking('', { settings: { overlap: 'off' } });
  const { client, clock, log, engines } = scene;
  engines.transcriber.hear = (_clip, { claim }) => (claim?.adoption ? new Promise(() => {}) : '');
  for (const _time of [1, 2]) {
    await live(client, clock, concatSamples([speech(300), quiet(3000)]));
    await client.say(respond());
    await live(client, clock, quiet(1000));
  }
  assert.deepEqual(log.warnings, [{ event: 'interruptions_unchecked', forMs: 30_000 }]);
  client.forget();
  assert.ok((await untilStarted(scene, speech(300))) <= 140);
});

test('a commit, a clear and the end of the session drop a sound that is held back', async () => {
  verifies('R3.86', 'R3.28');
  for (const type of ['input_audio_buffer.clear', 'input_audio_buffer.commit'] as const) {
    const scene = await speaking('Hello.');
    await live(scene.client, scene.clock, speech(300));
    await scene.client.say({ type });
    await live(scene.client, scene.clock, quiet(900));
    assert.equal(announced(scene), 0);
    assert.equal(scene.client.all('input_audio_buffer.committed').length, type.endsWith('commit') ? 1 : 0);
  }
  const ended = await speaking(() => new Promise<string>(() => {}));
  await ended.client.speak(speech(600));
  ended.session.close({ code: 1000, reason: 'bye' });
  await ended.clock.advance(60_000);
  assert.deepEqual(ended.log.faults, []);
});

test('a check leaves no trace: no transcription events, no usage, and it comes before other work', async () => {
  verifies('R3.86');
  const scene = await speaking('Yeah.');
  const claims: unknown[] = [];
  scene.engines.transcriber.hear = (_clip, { claim }) => {
    claims.push([claim?.priority, claim?.adoption?.adopted]);
    return 'Yeah.';
  };
  scene.observations.length = 0;
  await scene.client.say(input({ transcription: {} }));
  scene.client.forget();
  await live(scene.client, scene.clock, concatSamples([speech(300), quiet(900)]));
  assert.deepEqual(claims, [['live', false]]);
  // The sound is in ten frames, with silence before and after.
  const cost = scene.observations.filter(({ type }) => type === 'ahead_dropped');
  assert.deepEqual(
    cost.map((each) => 'audioMs' in each && each.audioMs),
    [300 + 320 + 200],
  );
  assert.deepEqual(
    scene.client.types().filter((type) => type.includes('transcription')),
    [],
  );
});

/** A call whose loudspeaker has played a second. */
async function calling(words: string, detection = semantic) {
  const conversation = newConversation();
  const phone = new AudioPeer(conversation.session);
  const { client, clock, engines } = conversation;
  engines.languageModel.script = () => say(answer);
  engines.transcriber.hear = () => words;
  await client.say(detection);
  await client.say(respond());
  phone.loudspeaker.playNext(5);
  phone.loudspeaker.endsAt = 60_000;
  const write = async (samples: Int16Array) => {
    for (let at = 0; at < samples.length; at += 480) {
      await phone.write(samples.slice(at, at + 480), 24_000);
      await clock.advance(20);
    }
  };
  await write(quiet(1000));
  return { ...conversation, phone, write };
}

test('in a call playback pauses while a sound is judged, and resumes if it is nothing', async () => {
  verifies('R3.90');
  const { client, phone, write } = await calling('Mm-hmm.');
  const { loudspeaker } = phone;
  await write(speech(160));
  assert.equal(loudspeaker.isPaused, false, 'a click is shorter');
  await write(speech(80));
  assert.equal(loudspeaker.isPaused, true);
  await write(concatSamples([speech(80), quiet(160)]));
  assert.equal(loudspeaker.isPaused, false);
  assert.equal(client.all('input_audio_buffer.speech_started').length, 0);
  for (const _sound of [2, 3, 4]) await write(concatSamples([speech(320), quiet(800)]));
  assert.equal(loudspeaker.pauses, 3, 'after three pauses for nothing only a decision stops the part');
});

test('in a call that may not be interrupted, playback does not pause', async () => {
  verifies('R3.90');
  const detection = input({ turn_detection: { type: 'semantic_vad', interrupt_response: false } });
  const { client, phone, write } = await calling('Stop it.', detection);
  await write(concatSamples([speech(600), quiet(200)]));
  assert.equal(client.all('input_audio_buffer.speech_started').length, 1);
  assert.equal(phone.loudspeaker.pauses, 0);
});

test('in a call an interruption truncates where playback was paused', async () => {
  verifies('R3.90');
  const { client, phone, write } = await calling('Stop it.');
  await write(speech(300));
  assert.equal(phone.loudspeaker.isPaused, true);
  await write(concatSamples([speech(300), quiet(200)]));
  assert.equal(phone.loudspeaker.isPaused, false);
  const { item_id, audio_end_ms } = client.last('conversation.item.truncated');
  assert.equal(audio_end_ms, Math.floor(phone.loudspeaker.positionMs(item_id, 0) ?? 0));
});

test('the echo of the assistant is ignored without a transcript, and does not pause a call', async () => {
  verifies('R3.86');
  const echo = tone(1000, 24_000).map((sample) => sample / 10);
  const scene = await speaking(() => assert.fail('it is not transcribed'));
  await live(scene.client, scene.clock, concatSamples([echo, quiet(900)]));
  assert.deepEqual([announced(scene), ignored(scene)], [0, ['echo']]);
  const call = await calling('');
  await call.write(concatSamples([echo, quiet(900)]));
  assert.equal(call.phone.loudspeaker.pauses, 0);
});

test('words over the echo of the assistant interrupt, and the turn begins with them', async () => {
  verifies('R3.86', 'R3.87');
  const echo = tone(1600, 24_000).map((sample) => sample / 10);
  const voice = speech(800);
  const over = concatSamples([quiet(800), voice]);
  const scene = await speaking('What about Sunday?');
  const atMs = await untilStarted(
    scene,
    echo.map((sample, index) => sample + (over[index] ?? 0)),
  );
  assert.ok(atMs >= 800 && atMs <= 800 + 650, `decided at ${atMs} ms`);
  const startMs = scene.client.last('input_audio_buffer.speech_started').audio_start_ms;
  assert.ok(startMs > 1000 + 200 && startMs <= 1800, `begins at ${startMs} ms`);
});

/** Echo for this time, then a voice. */
const echoThen = (echoMs: number, voiceMs: number) =>
  concatSamples([tone(echoMs, 24_000).map((sample) => sample / 10), speech(voiceMs)]);

test('a short word over the end of an echo is transcribed without the echo', async () => {
  verifies('R3.86', 'R3.87');
  const scene = await speaking('Stop.');
  await live(scene.client, scene.clock, concatSamples([echoThen(800, 250), quiet(2000)]));
  assert.equal(scene.client.all('input_audio_buffer.committed').length, 1);
  const clip = scene.engines.transcriber.clips.at(-1);
  assert.ok(clip && clip.samples.length < 24 * 1000, `${clip && clip.samples.length / 24} ms`);
});

test("'Okay' after an echo that ended with the playback is an answer", async () => {
  verifies('R3.88');
  const text = 'One two three four five six seven eight nine ten eleven twelve.';
  const scene = await speaking('Okay.', { text });
  await live(scene.client, scene.clock, concatSamples([echoThen(1900, 300), quiet(400)]));
  assert.equal(announced(scene), 1);
});
