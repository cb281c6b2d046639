/** Turns that the client commits or clears, and configuration changes during speech. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeMulaw } from '../../../src/audio/g711.ts';
import { concatSamples } from '../../../src/audio/pcm.ts';
import { audioOf, newConversation, transcriptOf, userText } from '../../support/conversation.ts';
import { settle } from '../../support/fake-clock.ts';
import { gate, silence, tone } from '../../support/fake-engines.ts';
import { verifies } from '../../support/verifies.ts';
import { input, marks, quiet, speech, turn, vad } from './support.ts';

test('push-to-talk: the client commits and clears audio, and creates the response', async () => {
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

test('a manual commit during speech: no speech_stopped, no response, the announced id; the next turn is detected', async () => {
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

test('a commit and a response.create together create one response, even if an earlier turn is pending transcription', async () => {
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

test('a clear during speech drops the turn; the next one is complete', async () => {
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

test('switching turn detection off during speech leaves the audio in the buffer; switched on again, it detects new turns', async () => {
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

test('a change of the format during speech drops the turn; the next one uses the new format', async () => {
  const { client, engines } = newConversation();
  await client.speak(concatSamples([quiet(320), speech(640)]));
  await client.say(input({ format: { type: 'audio/pcmu' } }));
  client.forget();
  client.append(encodeMulaw(concatSamples([silence(640, 8000), tone(640, 8000), silence(640, 8000)])));
  await settle();
  assert.deepEqual(marks(client), [[960 + 640 - 300, 960 + 1280 + 500]]);
  assert.equal(engines.transcriber.clips.at(-1)?.sampleRateHz, 8000);
});

test('events behind audio wait until the audio is processed', async () => {
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
          return (await stream.push(samples)) ?? [];
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
