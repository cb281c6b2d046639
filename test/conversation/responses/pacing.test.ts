/** Audio is sent at most `output-lead-ms` ahead of its playback. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServerEvent } from '../../../src/protocol/index.ts';
import { newConversation } from '../../support/conversation.ts';
import { settle } from '../../support/fake-clock.ts';
import { countTo, say, silence, tone } from '../../support/fake-engines.ts';
import { verifies } from '../../support/verifies.ts';
import { respond, truncate } from './support.ts';

const audioMs = (event: ServerEvent) =>
  event.type === 'response.output_audio.delta' ? Buffer.from(event.delta, 'base64').length / 48 : 0;

test('audio is sent at most the lead ahead of its playback; the done event follows the last of it', async () => {
  verifies('R3.31', 'R3.32', 'R4.15');
  const { client, clock, engines } = newConversation({ outputLeadMs: 3000 });
  engines.languageModel.script = () => say(countTo(24));
  await client.say(respond());
  for (let now = 0; now < 9000; now += 100) {
    const sent = client.events.reduce((sum, event) => sum + audioMs(event), 0);
    assert.ok(sent <= now + 3000 && sent > now + 3000 - 250, `${sent} ms were sent by ${now} ms`);
    assert.equal(client.all('response.output_audio.done').length, 0);
    await clock.advance(100);
  }
  await clock.advance(100);
  assert.equal(
    client.events.reduce((sum, event) => sum + audioMs(event), 0),
    12_000,
  );
  assert.equal(client.all('response.done').length, 1);
  for (const { delta } of client.all('response.output_audio.delta')) {
    const bytes = Buffer.from(delta, 'base64').length;
    assert.ok(bytes > 0 && bytes % 2 === 0 && bytes <= 200 * 48, `${bytes} bytes in a delta`);
  }
});

test('text is sent before its audio', async () => {
  verifies(
    'R3.8',
    'R3.44',
    'ga.server.response.output_audio_transcript.delta',
    'ga.server.response.output_audio_transcript.done',
  );
  const { client, clock, engines } = newConversation();
  engines.languageModel.script = () => say(countTo(12));
  await client.say(respond());
  await clock.advance(20_000);
  let wordsMs = 0;
  let soundMs = 0;
  for (const event of client.events) {
    if (event.type === 'response.output_audio_transcript.delta')
      wordsMs += (event.delta.match(/\S+/g)?.length ?? 0) * 250;
    soundMs += audioMs(event);
    assert.ok(soundMs <= wordsMs);
  }
  assert.equal(client.last('response.output_audio_transcript.done').transcript, countTo(12));
  const joined = client.all('response.output_audio_transcript.delta').map((event) => event.delta);
  assert.equal(joined.join(''), countTo(12));
});

test('an infinite lead sends everything as it is generated', async () => {
  const { client, engines } = newConversation({ outputLeadMs: Number.POSITIVE_INFINITY });
  engines.languageModel.script = () => say(countTo(120));
  await client.say(respond());
  assert.equal(client.all('response.done').length, 1);
  assert.equal(
    client.events.reduce((sum, event) => sum + audioMs(event), 0),
    60_000,
  );
});

test('pacing of the next response starts at the end or interruption of the previous one', async () => {
  const { client, clock, engines } = newConversation({ outputLeadMs: 1000 });
  engines.languageModel.script = () => say(countTo(4));
  await client.say(respond());
  await clock.advance(1000);
  client.forget();
  await client.say(respond());
  const sent = () => client.events.reduce((sum, event) => sum + audioMs(event), 0);
  assert.ok(sent() <= 250, 'one second of the first response is not played yet');
  await client.speak(tone(320, 24000));
  await client.speak(silence(600, 24000));
  client.forget();
  await settle();
  await client.say(respond({ conversation: 'none' }));
  assert.ok(sent() > 700);
});

test('a pause between responses does not increase the lead', async () => {
  const { client, clock, engines } = newConversation({ outputLeadMs: 1000 });
  engines.languageModel.script = () => say(countTo(20));
  await client.say(respond());
  await clock.advance(60_000);
  client.forget();
  await client.say(respond());
  assert.ok(client.events.reduce((sum, event) => sum + audioMs(event), 0) <= 1000);
});

test('after a truncation the next response has its whole lead, because playback has stopped', async () => {
  const { client, engines } = newConversation({ outputLeadMs: 2000 });
  engines.languageModel.script = () => say(countTo(20));
  await client.say(respond());
  const { item_id } = client.last('response.output_audio.delta');
  await client.say({ type: 'response.cancel' });
  await client.say(truncate(item_id, 300));
  client.forget();
  await client.say(respond());
  assert.ok(client.events.reduce((sum, event) => sum + audioMs(event), 0) > 1750);
});
