/** A session with a speech-to-speech model over HTTP, without transcriber and voice. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { samplesToBytes } from '../../../src/audio/pcm.ts';
import { readWav } from '../../../src/audio/wav.ts';
import { ChatModel } from '../../../src/engines/openai/chat-model.ts';
import { newConversation, update } from '../../support/conversation.ts';
import { tone } from '../../support/fake-engines.ts';
import { modelServer, sendEvents } from './servers/model-server.ts';

interface AudioRequest {
  messages: { role: string; content: { type: string; input_audio?: { data: string } }[] }[];
  modalities: string[];
}

test('user audio is sent to the server, and its audio is returned', async (t) => {
  const answered = tone(300, 24_000);
  const sound = Buffer.from(samplesToBytes(answered));
  const data = sound.toString('base64');
  const delta = (delta: object, finish_reason: string | null = null) => ({ choices: [{ delta, finish_reason }] });
  const usage = {
    ...{ prompt_tokens: 60, completion_tokens: 20 },
    prompt_tokens_details: { audio_tokens: 45, cached_tokens: 0 },
    completion_tokens_details: { audio_tokens: 16 },
  };
  const server = await modelServer(t, (_request, response) =>
    sendEvents(response, [
      delta({ role: 'assistant', audio: { id: 'audio_1', transcript: 'Good ' } }),
      delta({ audio: { transcript: 'day.' } }),
      // Servers split anywhere, even inside a sample.
      delta({ audio: { data: sound.subarray(0, 1001).toString('base64') } }),
      delta({ audio: { data: sound.subarray(1001).toString('base64') } }),
      delta({}, 'stop'),
      { choices: [], usage },
      'data: [DONE]\n\n',
    ]),
  );
  const model = new ChatModel({ url: server.url, model: 'm', hearsAudio: true, speaks: true });
  t.after(() => model.close());
  const { client, engines, session } = newConversation();
  Object.assign(engines, { languageModel: model });
  await client.say(update({ audio: { input: { turn_detection: null } } }));
  const said = tone(400, 24_000);
  await client.speak(said);
  await client.say({ type: 'input_audio_buffer.commit' });
  await client.say({ type: 'response.create' });
  await session.drain();

  const body = JSON.parse((await server.request(1)).body.toString()) as AudioRequest;
  const part = body.messages.at(-1)?.content[0];
  assert.equal(part?.type, 'input_audio');
  const clip = readWav(Buffer.from(part.input_audio?.data ?? '', 'base64'));
  assert.deepEqual(clip, { samples: said, sampleRateHz: 24_000 });
  assert.deepEqual(body.modalities, ['text', 'audio']);

  const { status, usage: spent } = client.last('response.done').response;
  assert.equal(status, 'completed');
  const audio = client.all('response.output_audio.delta').map((event) => Buffer.from(event.delta, 'base64'));
  assert.equal(Buffer.concat(audio).toString('base64'), data);
  assert.equal(client.last('response.output_audio_transcript.done').transcript, 'Good day.');
  assert.deepEqual([spent?.input_token_details.text_tokens, spent?.input_token_details.audio_tokens], [15, 45]);
  assert.deepEqual(spent?.output_token_details, { text_tokens: 4, audio_tokens: 16 });
  assert.deepEqual([engines.transcriber.clips, engines.voice.spoken], [[], []]);
});
