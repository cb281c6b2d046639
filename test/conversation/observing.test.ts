/** Calls to observers of a session, which never affect it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatSamples, durationMs } from '../../src/audio/pcm.ts';
import { Observers } from '../../src/session/observing/observers.ts';
import type { Observation, PlayedAudio, WrittenAudio } from '../../src/session/ports/observer.ts';
import type { OutputAudio } from '../../src/session/ports/playback.ts';
import { AudioPeer, Loudspeaker } from '../support/audio-peer.ts';
import { newConversation, update, userText } from '../support/conversation.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { countTo, say, silence, tone } from '../support/fake-engines.ts';

const turn = concatSamples([silence(384, 24000), tone(800, 24000), silence(704, 24000)]);
const inText = { type: 'response.create', response: { output_modalities: ['text'] } };

function observed(kind: Parameters<typeof newConversation>[1] = {}) {
  const seen: Observation[] = [];
  const conversation = newConversation({}, { ...kind, observers: [{ observe: (each) => seen.push(each) }] });
  return { ...conversation, seen, types: () => seen.map(({ type }) => type) };
}

test('a spoken turn: each step once, in order, with times and positions', async () => {
  const { client, clock, seen, types } = observed();
  await client.speak(turn);
  await clock.advance(10_000);
  assert.deepEqual(types(), [
    'speech_started',
    'turn_decided',
    'transcript',
    'turn_understood',
    'response_created',
    'model_asked',
    'first_token',
    'first_audio',
    'first_audio_sent',
    'first_audible_sent',
    'response_done',
  ]);
  const decided = seen.find(({ type }) => type === 'turn_decided');
  const { item_id, audio_end_ms } = client.last('input_audio_buffer.speech_stopped');
  assert.deepEqual(decided?.type === 'turn_decided' && [decided.itemId, decided.audioEndMs, decided.by], [
    item_id,
    audio_end_ms,
    'voice_activity',
  ]);
  const times = seen.map(({ atMs }) => atMs);
  assert.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
  );
  assert.equal(seen.at(-1)?.inputMs, 1888);
});

test('an interrupted response: each step once, up to its end', async () => {
  const { client, clock, engines, seen, types } = observed();
  engines.languageModel.script = () => say(countTo(20));
  await client.say(userText('Count.'));
  await client.say({ type: 'response.create' });
  await clock.advance(700);
  await client.speak(turn);
  await clock.advance(30_000);
  const answered = [
    'response_created',
    'model_asked',
    'first_token',
    'first_audio',
    'first_audio_sent',
    'first_audible_sent',
  ];
  const understood = ['turn_decided', 'transcript', 'turn_understood'];
  assert.deepEqual(types(), [
    ...answered,
    'speech_started',
    'response_done',
    ...understood,
    ...answered,
    'response_done',
  ]);
  const [first, second] = client.all('response.done').map(({ response }) => response);
  assert.deepEqual(
    seen.flatMap((each) => (each.type === 'response_done' ? [[each.responseId, each.status, each.usage]] : [])),
    [first, second].map((response) => [response?.id, response?.status, response?.usage]),
  );
  assert.equal(first?.status, 'cancelled');
  const ofFirst = seen.filter((each) => 'responseId' in each && each.responseId === first?.id);
  assert.deepEqual(
    ofFirst.map(({ type }) => type),
    [...answered, 'response_done'],
  );
});

test('responses in text, failed, and outside the conversation', async () => {
  const { client, engines, seen } = observed();
  const ended = () =>
    seen.flatMap((each) => (each.type === 'response_done' ? [[each.status, each.inConversation]] : []));
  await client.say(userText('Hello.'));
  await client.say(inText);
  await client.say({ type: 'response.create', response: { output_modalities: ['text'], conversation: 'none' } });
  engines.languageModel.script = () => {
    throw new Error('overloaded');
  };
  await client.say(inText);
  assert.deepEqual(ended(), [
    ['completed', true],
    ['completed', false],
    ['failed', true],
  ]);
  const failed = seen.filter(({ type }) => type === 'response_failed');
  assert.equal(failed.length, 1);
  assert.equal(seen.filter(({ type }) => type === 'response_created').length, 3);
});

test('a transcription session: turns and transcripts, and no response', async () => {
  const { client, session, types } = observed({ type: 'transcription' });
  await client.speak(turn);
  session.close({ code: 1000, reason: '' });
  assert.deepEqual(types(), ['speech_started', 'turn_decided', 'transcript', 'turn_understood', 'session_ended']);
});

test('the tracks: input as appended, and output as played, cut at the interruption', async () => {
  const written: WrittenAudio[] = [];
  const played: PlayedAudio[] = [];
  const observer = {
    inputAudio: (audio: WrittenAudio) => written.push(audio),
    outputAudio: (audio: PlayedAudio) => played.push(audio),
  };
  const { client, clock, engines } = newConversation({}, { observers: [observer] });
  engines.languageModel.script = () => [
    { type: 'text', text: countTo(4) },
    { type: 'finish', reason: 'stop' },
  ];
  await client.say(userText('Count.'));
  await client.say({ type: 'response.create' });
  await clock.advance(700);
  const startedAt = played[0]?.atMs ?? Number.NaN;
  await client.speak(concatSamples([silence(384, 24000), tone(400, 24000)]));
  await clock.advance(10_000);
  const playedMs = played.reduce((sum, { samples }) => sum + (samples.length * 1000) / 24000, 0);
  assert.equal(Math.round(playedMs), 700, 'of two seconds that were sent');
  assert.equal(client.last('response.done').response.status, 'completed');
  assert.equal(startedAt, clock.now() - 10_700);
  assert.equal(concatSamples(written.map(({ samples }) => samples)).length, 784 * 24);
  assert.equal(written[1]?.startMs, 20);
});

test('the output track of a measuring listener follows its playback, and ends at the interruption', async () => {
  const played: PlayedAudio[] = [];
  const observers = [{ outputAudio: (audio: PlayedAudio) => played.push(audio) }];
  const { client, clock, engines, session } = newConversation({}, { observers });
  class LateSpeaker extends Loudspeaker {
    override endsAt = 500;
    override play(audio: OutputAudio) {
      super.play(audio);
      this.endsAt += durationMs(audio.samples.length, audio.sampleRateHz);
    }
  }
  const loudspeaker = new LateSpeaker();
  new AudioPeer(session, loudspeaker);
  engines.languageModel.script = () => say('One two three four.');
  await client.say(userText('Count.'));
  await client.say({ type: 'response.create' });
  await clock.advance(600);
  assert.equal(played.length, 0, 'playback begins half a second late');
  await clock.advance(400);
  await client.speak(concatSamples([silence(384, 24000), tone(400, 24000)]));
  await clock.advance(10_000);
  const samples = concatSamples(played.map((audio) => audio.samples));
  assert.equal(Math.round(samples.length / 24), 500);
  assert.equal(Math.round(played[0]?.atMs ?? 0), 500);
});

test('an observer that throws or rejects is reported and affects nothing else', async () => {
  const failures: unknown[] = [];
  const seen: string[] = [];
  const observers = new Observers({
    clock: new FakeClock(),
    observers: [
      {
        observe: () => {
          throw new Error('broken');
        },
      },
      { observe: async () => Promise.reject(new Error('rejected')) },
      { observe: ({ type }) => seen.push(type) },
    ],
    failed: (error) => failures.push(String(error)),
  });
  observers.publish({ type: 'session_ended' });
  await settle();
  assert.deepEqual(seen, ['session_ended']);
  assert.deepEqual(failures, ['Error: broken', 'Error: rejected']);
});

test('audio is copied only for observers with an audio method', () => {
  let copies = 0;
  class Probe extends Int16Array {
    override slice(...range: Parameters<Int16Array['slice']>) {
      copies += 1;
      return super.slice(...range);
    }
  }
  const clock = new FakeClock();
  const samples = new Probe(480);
  new Observers({ clock, observers: [{ observe() {} }] }).inputWritten(samples, 24000, 20);
  assert.equal(copies, 0);
  new Observers({ clock, observers: [{ inputAudio() {} }] }).inputWritten(samples, 24000, 20);
  assert.equal(copies, 1);
});

test('a turn that the client commits is observed too', async () => {
  const { client, types } = observed();
  await client.say(update({ audio: { input: { turn_detection: null } } }));
  await client.speak(tone(400, 24000));
  await client.say({ type: 'input_audio_buffer.commit' });
  assert.deepEqual(types(), ['turn_decided', 'transcript', 'turn_understood']);
});
