import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AutoModel } from '../../../src/engines/openai/auto-model.ts';
import { findLocalModel } from '../../../src/engines/openai/local-models.ts';
import { FakeModel } from '../../support/fake-engines.ts';
import { answer, textOf, userSays } from '../contract/language-model.ts';
import { chatServer, ollama } from './servers/chat-servers.ts';
import { type Handler, modelServer, sendJson } from './servers/model-server.ts';

const nowhere = 'http://127.0.0.1:9/v1';
const serves =
  (...models: { id: string; owned_by?: string }[]): Handler =>
  (request, response) =>
    request.path === '/v1/models'
      ? sendJson(response, { object: 'list', data: models })
      : chatServer(ollama)(request, response);

test('the first server with a chat model is selected', async (t) => {
  const page = await modelServer(t, (_, response) => void response.end('<html>'));
  const locked = await modelServer(t, (_, response) => sendJson(response, { error: 'key?' }, 401));
  const self = await modelServer(t, serves({ id: 'gpt-realtime', owned_by: 'parley' }));
  const found = await modelServer(
    t,
    serves({ id: 'nomic-embed-text' }, { id: 'llama3.2:latest', owned_by: 'library' }),
  );
  const later = await modelServer(t, serves({ id: 'other' }));
  const urls = [nowhere, page.url, locked.url, self.url, found.url, later.url];
  assert.deepEqual(await findLocalModel(urls), { url: found.url, model: 'llama3.2:latest' });
  assert.equal(await findLocalModel([nowhere, page.url]), undefined);
});

test('a local model answers', async (t) => {
  const { url } = await modelServer(t, serves({ id: 'llama3.2' }));
  const notices: string[] = [];
  const model = new AutoModel({ urls: [url], standIn: new FakeModel(), onNotice: (notice) => notices.push(notice) });
  t.after(() => model.close());
  assert.equal(textOf(await answer(model, [userSays('Say: hello')])), 'hello');
  assert.deepEqual(notices, [`The language model is llama3.2 at ${url}`]);
});

test('without a server the stand-in answers, and each session searches again', async (t) => {
  const notices: string[] = [];
  let models: { id: string }[] = [];
  const { url } = await modelServer(t, (request, response) => serves(...models)(request, response));
  const { promise: found, resolve } = Promise.withResolvers<void>();
  const onNotice = (notice: string) => {
    notices.push(notice);
    if (notice.startsWith('The language model')) resolve();
  };
  const model = new AutoModel({ urls: [url], standIn: new FakeModel(), onNotice });
  t.after(() => model.close());
  assert.equal(textOf(await answer(model, [userSays('Say: hello')])), 'Fine, thank you. And you?');
  models = [{ id: 'llama3.2' }];
  model.warm();
  await found;
  assert.equal(textOf(await answer(model, [userSays('Say: hello')])), 'hello');
  assert.equal(notices.length, 2);
  assert.match(notices[0] ?? '', /No language model answers on this machine .* stand-in/);
});
