/** When the end of a turn creates a response, and when speech interrupts one. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concatSamples } from '../../../src/audio/pcm.ts';
import { newConversation, transcriptOf, userText } from '../../support/conversation.ts';
import { settle } from '../../support/fake-clock.ts';
import { countTo, gate, hang, say } from '../../support/fake-engines.ts';
import { verifies } from '../../support/verifies.ts';
import { input, quiet, speech, turn, vad } from './support.ts';

test('create_response false: the turn is committed and never answered', async () => {
  verifies('R3.26');
  const { client } = newConversation();
  await client.say(vad({ create_response: false }));
  await client.speak(turn);
  assert.equal(client.types().at(-1), 'conversation.item.done');
  await client.say(vad({ create_response: true }));
  await client.say({ type: 'response.create', response: { conversation: 'none', output_modalities: ['text'] } });
  assert.equal(client.all('response.created').length, 1, 'only what was asked for');
});

test('interrupt_response false: the response continues, and the turn is answered after it', async () => {
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

test('a blank transcript: the item stays, completed has "", and there is no response', async () => {
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
  assert.equal(client.all('response.created').length, 1, 'response.create always creates a response');
});

for (const fault of ['fails', 'stalls', 'ends early'] as const) {
  test(`a transcriber that ${fault}: the item and its response fail with the reason, and the session continues`, async () => {
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

test('a second turn that ends during transcription of the first is answered together with it', async () => {
  verifies('R8.8');
  const { client, engines } = newConversation({ overlap: 'off' });
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

test('a response that waits for the end of speech is created when the speech is cleared or its transcript is blank', async () => {
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

test('a response.create before the transcript is known results in one response, not two', async () => {
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

test('speech also cancels a response that has not begun to play', async () => {
  const { client, engines } = newConversation();
  engines.languageModel.script = ({ signal }) => hang(signal);
  await client.speak(turn);
  await client.speak(speech(320));
  const { response } = client.last('response.done');
  assert.deepEqual(response.status_details, { type: 'cancelled', reason: 'turn_detected' });
  assert.deepEqual(response.output, []);
  assert.equal(engines.languageModel.requests[0]?.signal.aborted, true);
});
