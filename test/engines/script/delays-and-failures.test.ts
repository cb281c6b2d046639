/** Delays, failures and transcripts of a script, on a fake clock. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultSessionSettings } from '../../../src/session/settings.ts';
import { userText } from '../../support/conversation.ts';
import { settle } from '../../support/fake-clock.ts';
import { tone } from '../../support/fake-engines.ts';
import { answered, ask, follow, type Scripted } from './scripted.ts';

const { stageStallMs } = defaultSessionSettings.limits;

/** Speaks a turn, without turn detection. */
async function sayAloud({ client }: Scripted): Promise<void> {
  await client.speak(tone(400, 24_000));
  await client.say({ type: 'input_audio_buffer.commit' });
}

test('the first token and the following ones are delayed as configured', async () => {
  const scripted = await follow('else: one two three\ndelays: { first-token: 300, between-tokens: 0.05s }');
  const { client, clock } = scripted;
  await client.say(userText('go'));
  await client.say({ type: 'response.create' });
  const deltas = () => client.all('response.output_text.delta').map(({ delta }) => delta);
  await clock.advance(299);
  assert.deepEqual(deltas(), []);
  await clock.advance(1);
  assert.deepEqual(deltas(), ['one']);
  await clock.advance(49);
  assert.deepEqual(deltas(), ['one']);
  await clock.advance(1);
  assert.deepEqual(deltas(), ['one', ' two']);
  await clock.advance(50);
  assert.equal(answered(client).said, 'one two three');
});

test('delays of a rule override those of the script', async () => {
  const scripted = await follow(`
delays: { first-token: 1s }
rules:
  - { when: quick, say: Done., delays: { first-token: 0 } }
else: Slow.
`);
  assert.equal((await ask(scripted, 'quick')).said, 'Done.');
  await scripted.client.say(userText('go'));
  scripted.client.forget();
  await scripted.client.say({ type: 'response.create' });
  assert.equal(scripted.client.all('response.done').length, 0);
  await scripted.clock.advance(1000);
  assert.equal(answered(scripted.client).said, 'Slow.');
});

test('a cancelled response does not wait for its delays', async () => {
  const { client, clock } = await follow('else: Slow.\ndelays: { first-token: 5s }');
  await client.say(userText('go'));
  await client.say({ type: 'response.create' });
  await client.say({ type: 'response.cancel' });
  assert.equal(answered(client).response.status, 'cancelled');
  await clock.advance(6000);
  assert.deepEqual(client.all('response.output_text.delta'), []);
});

test('the voice waits before each clause, and yields a tone of the configured duration', async () => {
  const { client, clock } = await follow(
    'else: Hello there. And goodbye.\nvoice: { sound: tone, per-word: 100ms }\ndelays: { voice: 200ms }',
    { spoken: true },
  );
  await client.say(userText('go'));
  await client.say({ type: 'response.create' });
  const milliseconds = () =>
    client
      .all('response.output_audio.delta')
      .reduce((ms, { delta }) => ms + Buffer.from(delta, 'base64').length / 48, 0);
  await clock.advance(199);
  assert.equal(milliseconds(), 0);
  await clock.advance(1);
  assert.equal(milliseconds(), 200);
  await clock.advance(200);
  assert.equal(milliseconds(), 400);
  assert.equal(answered(client).said, 'Hello there. And goodbye.');
});

test('silent audio has only zeros, and every run has the same samples', async () => {
  const audioOf = async (voice: string) => {
    const { client } = await follow(`else: Hello there.\nvoice: ${voice}`, { spoken: true });
    await client.say(userText('go'));
    await client.say({ type: 'response.create' });
    return Buffer.concat(client.all('response.output_audio.delta').map(({ delta }) => Buffer.from(delta, 'base64')));
  };
  const silence = await audioOf('{ sound: silence, length: 1s }');
  assert.equal(silence.length, 48_000);
  assert.ok(silence.every((byte) => byte === 0));
  const sound = await audioOf('tone');
  assert.ok(sound.some((byte) => byte !== 0));
  assert.deepEqual(sound, await audioOf('tone'));
});

test('transcripts are those of the script, turn by turn, after the delay', async () => {
  const scripted = await follow(`
hears:
  - Where is order 12?
  - { text: "", delay: 0 }
  - { listen: true, delay: 0 }
delays: { transcriber: 150ms }
rules:
  - { when: /order (\\d+)/, say: "{{1}} is here." }
  - { when: hello there, say: Heard by the transcriber itself. }
`);
  const { client, clock } = scripted;
  const transcripts = () =>
    client.all('conversation.item.input_audio_transcription.completed').map((event) => event.transcript);
  await sayAloud(scripted);
  await clock.advance(149);
  assert.deepEqual(transcripts(), []);
  await clock.advance(1);
  assert.deepEqual(transcripts(), ['Where is order 12?']);
  const words = client.all('conversation.item.input_audio_transcription.delta').map(({ delta }) => delta);
  assert.equal(words.join(''), 'Where is order 12?');
  await client.say({ type: 'response.create' });
  assert.equal(answered(client).said, '12 is here.');
  await sayAloud(scripted);
  await sayAloud(scripted);
  assert.deepEqual(transcripts(), ['Where is order 12?', '', 'hello there']);
  await client.say({ type: 'response.create' });
  assert.equal(answered(client).said, 'Heard by the transcriber itself.');
});

test('a spoken turn beyond those of the script fails with a message', async () => {
  const scripted = await follow('hears: [hello]\nelse: Hi.');
  await sayAloud(scripted);
  await sayAloud(scripted);
  const { error } = scripted.client.last('conversation.item.input_audio_transcription.failed');
  assert.match(error.message ?? '', /support\.yaml:1:8: 'hears' has 1 spoken turns, and this is number 2\. Add it, or/);
});

for (const [how, told] of [
  ['throw', 'The transcriber failed: the script says so (support.yaml:3:34)'],
  ['end', 'The transcriber failed: it ended without a transcript.'],
  ['stall', `The transcriber produced no output for ${stageStallMs / 1000} s and was stopped.`],
]) {
  test(`a transcriber that fails: ${how}`, async () => {
    const scripted = await follow(`
hears:
  - { text: one two three, fail: { after: 2, how: ${how} } }
  - and on
else: Hi.
`);
    const { client, clock } = scripted;
    await sayAloud(scripted);
    await clock.advance(stageStallMs);
    const words = client.all('conversation.item.input_audio_transcription.delta').map(({ delta }) => delta);
    assert.equal(words.join(''), 'one two');
    const { error } = client.last('conversation.item.input_audio_transcription.failed');
    assert.equal(error.message, told);
    await sayAloud(scripted);
    assert.equal(client.last('conversation.item.input_audio_transcription.completed').transcript, 'and on');
  });
}

for (const [how, told] of [
  ['throw', 'The language model failed: out of memory'],
  ['end', 'The language model failed: it ended without finishing.'],
  ['stall', `The language model produced no output for ${stageStallMs / 1000} s and was stopped.`],
]) {
  test(`a model that fails during its answer: ${how}`, async () => {
    const scripted = await follow(`
rules:
  - { when: break, say: one two three, fail: { how: ${how}, after: 2, message: out of memory } }
else: Fine.
`);
    const { client, clock } = scripted;
    await client.say(userText('break'));
    await client.say({ type: 'response.create' });
    await clock.advance(stageStallMs);
    const { said, failure, response } = answered(client);
    assert.deepEqual([said, failure, response.status], ['one two', told, 'failed']);
    assert.equal((await ask(scripted, 'hello')).said, 'Fine.', 'the session continues');
  });
}

test('a voice that fails has sent the audio before', async () => {
  const scripted = await follow(
    `
rules:
  - { when: break, say: Hello there. And good day to you., fail: { stage: voice, how: throw, after: 300ms } }
else: Hello there.
voice: { sound: tone, per-word: 100ms }
`,
    { spoken: true },
  );
  const { client } = scripted;
  await client.say(userText('break'));
  await client.say({ type: 'response.create' });
  const bytes = client
    .all('response.output_audio.delta')
    .reduce((sum, { delta }) => sum + Buffer.from(delta, 'base64').length, 0);
  assert.equal(bytes, 300 * 48);
  assert.match(answered(client).failure ?? '', /^The voice failed: the script says so \(support\.yaml:3:/);
  await ask(scripted, 'hello');
  assert.equal(answered(client).response.status, 'completed', 'the same words, said by another rule');
});

test('a dropped connection closes the session with 1006 during its response', async () => {
  const { client } = await follow('else: { say: one two three, fail: { how: drop, after: 1 } }');
  await client.say(userText('go'));
  await client.say({ type: 'response.create' });
  await settle();
  assert.deepEqual(client.closed, { code: 1006, reason: 'dropped' });
  assert.deepEqual(
    client.all('response.output_text.delta').map(({ delta }) => delta),
    ['one'],
  );
});
