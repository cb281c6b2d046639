/** Settings of a transcription that have an effect, and those that have none (docs/protocol.md, R2.26). */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HttpTranscriber } from '../../../src/engines/openai/http-transcriber.ts';
import type { TranscribeOptions } from '../../../src/session/ports/transcriber.ts';
import { modelServer, sendJson } from '../../engines/openai/servers/model-server.ts';
import { clipOf, transcriptionForm } from '../../engines/openai/servers/speech-servers.ts';
import { newConversation } from '../../support/conversation.ts';
import { verifies } from '../../support/verifies.ts';
import { input, turn } from './support.ts';

test('hints are sent to the transcriber', async () => {
  const { client, engines } = newConversation();
  const asked: TranscribeOptions[] = [];
  engines.transcriber.hear = (_clip, options) => {
    asked.push(options);
    return 'hello';
  };
  const hints = { prompt: 'A call.', keywords: ['Parley', 'Moonshine'] };
  await client.say(input({ transcription: { ...hints, languages: ['en', 'de'] } }));
  await client.speak(turn);
  await client.say(input({ transcription: { languages: ['fr'] } }));
  await client.speak(turn);
  assert.deepEqual(
    asked.map(({ language, languages, keywords, prompt }) => ({ language, languages, keywords, prompt })),
    [
      { language: undefined, languages: ['en', 'de'], ...hints },
      { language: 'fr', languages: undefined, keywords: undefined, prompt: undefined },
    ],
  );
});

test('settings without effect are accepted, and logged once per session', async () => {
  verifies('R2.26');
  const { client, log, engines } = newConversation();
  Object.assign(engines.transcriber, { languages: ['en'], settings: [] });
  const all = { language: 'tlh', languages: ['en', 'de'], keywords: ['a'], prompt: 'b', delay: 'low' };
  for (const transcription of [all, { ...all, keywords: ['c'] }, { language: 'tlh' }]) {
    await client.say(input({ transcription }));
    assert.equal(client.last('session.updated').session.audio.input.transcription?.language, 'tlh');
  }
  assert.deepEqual(client.all('error'), []);
  assert.deepEqual(
    log.warnings.map((warning) => ({ ...warning, session: undefined })),
    [
      { event: 'transcription_settings_ignored', session: undefined, settings: ['keywords', 'prompt', 'delay'] },
      { event: 'transcription_languages_unknown', session: undefined, languages: ['tlh', 'de'], known: ['en'] },
    ],
  );
});

test('delay has an effect on words during speech only', async () => {
  verifies('R2.26');
  for (const [model, settings] of [
    ['gpt-realtime-whisper', []],
    ['whisper-1', ['delay']],
  ] as const) {
    const { client, log, engines } = newConversation();
    Object.assign(engines.transcriber, { settings: ['delay'] });
    await client.say(input({ transcription: { model, delay: 'high' } }));
    assert.deepEqual(
      log.warnings,
      settings.map((name) => ({ event: 'transcription_settings_ignored', settings: [name] })),
    );
  }
});

test('a known language is not reported in any notation, and an unknown transcriber is assumed to support it', async () => {
  verifies('R2.26');
  const { client, log, engines } = newConversation();
  Object.assign(engines.transcriber, { languages: ['en'], settings: [] });
  for (const language of ['en', 'EN', 'en-US', 'en_GB', 'English', '']) {
    await client.say(input({ transcription: { language } }));
  }
  const remote = newConversation();
  await remote.client.say(input({ transcription: { language: 'tlh', keywords: ['a'], prompt: 'b' } }));
  assert.deepEqual([...log.warnings, ...remote.log.warnings], []);
});

test('settings that the model of a remote transcriber does not support are reported', async () => {
  verifies('R2.26');
  for (const [model, expected] of [
    ['whisper-1', ['languages', 'delay']],
    ['gpt-transcribe', ['delay']],
  ] as const) {
    const { client, log, engines } = newConversation();
    const { settings } = new HttpTranscriber({ url: 'http://127.0.0.1:9/v1', model });
    Object.assign(engines.transcriber, { settings });
    await client.say(input({ transcription: { languages: ['de'], keywords: ['a'], prompt: 'b' } }));
    assert.deepEqual(log.warnings, []);
    await client.say(input({ transcription: { language: 'en', languages: ['en', 'de'], delay: 'high' } }));
    assert.deepEqual(log.warnings, [{ event: 'transcription_settings_ignored', settings: expected }]);
  }
});

test('only the first of hundreds of unknown languages are logged', async () => {
  verifies('R2.26');
  const { client, log, engines } = newConversation();
  Object.assign(engines.transcriber, { languages: ['en'], settings: [] });
  for (let count = 0; count < 200; count += 1) await client.say(input({ transcription: { language: `x${count}` } }));
  assert.ok(log.warnings.length <= 64, `${log.warnings.length} warnings`);
});

for (const [model, expected] of Object.entries({
  'whisper-1': { prompt: 'A call. Parley, Moonshine', languages: [], keywords: [] },
  'gpt-transcribe': { prompt: 'A call.', languages: ['en', 'de'], keywords: ['Parley', 'Moonshine'] },
})) {
  test(`hints in the form that ${model} accepts`, async (t) => {
    const forms: FormData[] = [];
    const server = await modelServer(t, async (request, response) => {
      const type = request.headers['content-type'] ?? '';
      forms.push(await new Response(new Uint8Array(request.body), { headers: { 'content-type': type } }).formData());
      assert.equal((await transcriptionForm(request)).fields.language, undefined);
      sendJson(response, { text: 'Hi.' });
    });
    const transcriber = new HttpTranscriber({ url: server.url, model, attempts: 1 });
    t.after(() => transcriber.close());
    const hints = { prompt: 'A call.', languages: ['en', 'de'], keywords: ['Parley', 'Moonshine'] };
    await Array.fromAsync(transcriber.transcribe(clipOf(0), { ...hints, signal: new AbortController().signal }));
    const [form] = forms;
    const found = {
      prompt: form?.get('prompt'),
      languages: form?.getAll('languages[]'),
      keywords: form?.getAll('keywords[]'),
    };
    assert.deepEqual(found, expected);
  });
}
