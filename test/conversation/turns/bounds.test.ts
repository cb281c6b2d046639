/** Bounds of the input buffer, of retained audio, and of audio that waits for its transcript. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatSamples } from '../../../src/audio/pcm.ts';
import type { ClientEvent } from '../../../src/protocol/index.ts';
import { audioOf, type Client, newConversation, transcriptOf } from '../../support/conversation.ts';
import { gate } from '../../support/fake-engines.ts';
import { verifies } from '../../support/verifies.ts';
import { input, marks, quiet, speech } from './support.ts';

test('a turn ends at the size of the input buffer; silence of that length is dropped from the front', async () => {
  verifies('R8.9');
  const { client } = newConversation({ limits: { inputBufferMs: 3200 } });
  await client.speak(concatSamples([quiet(10_240), speech(6400), quiet(700)]));
  // The turn is as long as fits, in frames of 32 ms; the speech after it is another turn.
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

test('less silence is retained, even if voice activity detection fails', async (t) => {
  const limits = { silenceMs: 6400 };
  const committedMs = async (client: Client) => {
    await client.say({ type: 'input_audio_buffer.commit' });
    const item = await client.retrieve(client.last('input_audio_buffer.committed').item_id);
    return audioOf(item).length / 48;
  };
  await t.test('in a session without speech', async () => {
    const { client } = newConversation({ limits });
    await client.speak(quiet(12_800));
    assert.equal(await committedMs(client), 6400);
  });
  await t.test('if turns cannot be detected', async () => {
    const { client, engines } = newConversation({ limits });
    engines.voiceActivity = {
      open: () => ({ frameMs: 32, push: () => Promise.reject(new Error('no model')), close() {} }),
    };
    for (let second = 0; second < 12; second += 1) await client.speak(speech(1000), 1000);
    await client.say(input({ turn_detection: null }));
    assert.equal(await committedMs(client), 6400);
  });
});

test('retained audio of items is bounded: the oldest is dropped, its transcript stays', async () => {
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

test('a client that sends audio faster than it is transcribed is read more slowly', async () => {
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
