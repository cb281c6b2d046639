/** Requests to the server of a language model. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { readWav } from '../../../src/audio/wav.ts';
import { ChatModel, type ChatModelOptions } from '../../../src/engines/openai/chat-model.ts';
import type { ContextItem, ModelRequest } from '../../../src/session/ports/language-model.ts';
import { answer, assistantSays, textOf, userSays, weatherTool } from '../contract/language-model.ts';
import { type ChatBody, chatBody, chatServer, ollama } from './servers/chat-servers.ts';
import { modelServer, sendJson } from './servers/model-server.ts';

async function requestFor(
  t: TestContext,
  items: readonly ContextItem[],
  options: Partial<ModelRequest> = {},
  model: Partial<ChatModelOptions> = {},
): Promise<{ body: ChatBody; headers: Record<string, unknown> }> {
  const server = await modelServer(t, chatServer(ollama));
  const chat = new ChatModel({ url: server.url, model: 'llama3.2', ...model });
  t.after(() => chat.close());
  await answer(chat, items, options);
  const request = await server.request(1);
  return { body: chatBody(request), headers: request.headers };
}

test('instructions precede the conversation, and consecutive messages of one role are merged', async (t) => {
  const items = [
    userSays('Hello.'),
    assistantSays('Hi.'),
    assistantSays('How are you?'),
    userSays('Fine.'),
    userSays('Say: it'),
  ];
  const { body } = await requestFor(t, items, { instructions: 'Be kind.', spoken: false });
  assert.deepEqual(body.messages, [
    { role: 'system', content: 'Be kind.' },
    { role: 'user', content: 'Hello.' },
    { role: 'assistant', content: 'Hi.\nHow are you?' },
    { role: 'user', content: 'Fine.\nSay: it' },
  ]);
  assert.equal(body.model, 'llama3.2');
  assert.equal(body.stream, true);
  assert.deepEqual(body.stream_options, { include_usage: true });
  assert.equal('max_tokens' in body, false);
  assert.equal('tools' in body, false);
});

test('a model whose answer is spoken gets a hint, unless the hint is disabled', async (t) => {
  const spoken = await requestFor(t, [userSays('Say: it')], { instructions: 'Be kind.', spoken: true });
  assert.match(String(spoken.body.messages[0]?.content), /^Be kind\.\n\n.*spoken aloud/s);
  const plain = await requestFor(
    t,
    [userSays('Say: it')],
    { instructions: 'Be kind.', spoken: true },
    { spokenHint: '' },
  );
  assert.equal(plain.body.messages[0]?.content, 'Be kind.');
});

test('limits, temperature, effort, tools and tool choice are sent', async (t) => {
  const { body } = await requestFor(t, [userSays('Say: it')], {
    maxOutputTokens: 200,
    temperature: 0.7,
    reasoningEffort: 'low',
    tools: [weatherTool],
    toolChoice: { name: 'get_weather' },
    parallelToolCalls: false,
  });
  assert.equal(body.max_tokens, 200);
  assert.equal(body.temperature, 0.7);
  assert.equal(body.reasoning_effort, 'low');
  assert.deepEqual(body.tools, [{ type: 'function', function: weatherTool }]);
  assert.deepEqual(body.tool_choice, { type: 'function', function: { name: 'get_weather' } });
  assert.equal(body.parallel_tool_calls, false);
});

test('calls share one message with the text before them, and are followed by their outputs', async (t) => {
  const items: ContextItem[] = [
    userSays('Weather, please.'),
    assistantSays('One moment.'),
    { type: 'call', callId: 'a', name: 'get_weather', arguments: '{"city":"Paris"}' },
    { type: 'call', callId: 'b', name: 'get_weather', arguments: '{"city":"Ro' },
    { type: 'call_output', callId: 'b', output: 'rain' },
    userSays('And?'),
    { type: 'call_output', callId: 'a', output: 'sun' },
    { type: 'call_output', callId: 'lost', output: 'hail' },
  ];
  const { body } = await requestFor(t, items, { instructions: '', spoken: false });
  const call = (id: string, args: string) => ({
    id,
    type: 'function',
    function: { name: 'get_weather', arguments: args },
  });
  assert.deepEqual(body.messages, [
    { role: 'user', content: 'Weather, please.' },
    { role: 'assistant', content: 'One moment.', tool_calls: [call('a', '{"city":"Paris"}'), call('b', '{}')] },
    { role: 'tool', tool_call_id: 'a', content: 'sun' },
    { role: 'tool', tool_call_id: 'b', content: 'rain' },
    { role: 'user', content: 'And?' },
    { role: 'system', content: 'A function call returned: hail' },
  ]);
});

test('images are sent as parts with a data: URL', async (t) => {
  const url = 'data:image/png;base64,iVBORw0KGgo=';
  const content: Extract<ContextItem, { type: 'message' }>['content'] = [
    { type: 'text', text: 'Say: seen' },
    { type: 'image', url, detail: 'low' },
  ];
  const { body } = await requestFor(t, [userSays('Look.'), { type: 'message', role: 'user', content }], {
    instructions: '',
    spoken: false,
  });
  assert.deepEqual(body.messages, [
    {
      role: 'user',
      content: [
        { type: 'text', text: 'Look.' },
        { type: 'text', text: 'Say: seen' },
        { type: 'image_url', image_url: { url, detail: 'low' } },
      ],
    },
  ]);
});

test('a speech-to-speech model gets audio and the name of its voice', async (t) => {
  const clip = { samples: Int16Array.of(1, 2, 3), sampleRateHz: 24_000 };
  const { body } = await requestFor(
    t,
    [{ type: 'message', role: 'user', content: [{ type: 'audio', clip }] }],
    { instructions: '', speech: { voice: 'marin', speed: 1 } },
    { hearsAudio: true, speaks: true },
  );
  const [message] = body.messages;
  assert.ok(Array.isArray(message?.content));
  const { type, input_audio: audio } = message.content[0];
  assert.deepEqual([type, audio.format], ['input_audio', 'wav']);
  assert.deepEqual(readWav(Buffer.from(audio.data, 'base64')), clip);
  assert.deepEqual(body.modalities, ['text', 'audio']);
  assert.deepEqual(body.audio, { voice: 'marin', format: 'pcm16' });
});

test("without a configured model, the client's model name is sent", async (t) => {
  const server = await modelServer(t, chatServer(ollama));
  const model = new ChatModel({ url: server.url });
  t.after(() => model.close());
  await answer(model, [userSays('Say: it')], { model: 'qwen3' });
  assert.equal(chatBody(await server.request(1)).model, 'qwen3');
});

test('the key is sent as a bearer token, URL credentials as basic, and no environment variables are used', async (t) => {
  const variables = { OPENAI_API_KEY: 'sk-env', OPENAI_ORG_ID: 'org-env', OPENAI_CUSTOM_HEADERS: 'x-secret: env' };
  Object.assign(process.env, variables);
  t.after(() => {
    for (const name of Object.keys(variables)) delete process.env[name];
  });
  const withKey = await requestFor(t, [userSays('Say: it')], {}, { key: 'sk-local' });
  assert.equal(withKey.headers.authorization, 'Bearer sk-local');
  const server = await modelServer(t, chatServer(ollama));
  const model = new ChatModel({ url: server.url.replace('//', '//me:p%40ss@'), model: 'llama3.2' });
  t.after(() => model.close());
  await answer(model, [userSays('Say: it')]);
  const { headers } = await server.request(1);
  assert.equal(headers.authorization, `Basic ${Buffer.from('me:p@ss').toString('base64')}`);
  const without = await requestFor(t, [userSays('Say: it')]);
  assert.equal(without.headers.authorization, undefined);
  for (const sent of [withKey.headers, headers, without.headers]) assert.doesNotMatch(JSON.stringify(sent), /env/);
});

test('an optional field that a server refuses is omitted from then on, and logged once', async (t) => {
  const refuse = ['stream_options', 'reasoning_effort'];
  const served = chatServer(ollama);
  const server = await modelServer(t, (request, response) => {
    const body = chatBody(request);
    const refused = refuse.find((field) => field in body);
    if (refused === undefined) return served(request, response);
    sendJson(response, { error: { message: `Unrecognized request argument supplied: ${refused}` } }, 400);
  });
  const notices: string[] = [];
  const model = new ChatModel({ url: server.url, model: 'old', onNotice: (notice) => notices.push(notice) });
  t.after(() => model.close());
  for (const words of ['one', 'two']) {
    assert.equal(textOf(await answer(model, [userSays(`Say: ${words}`)], { reasoningEffort: 'low' })), words);
  }
  assert.equal(server.requests.length, 4);
  assert.equal(notices.length, 2);
  assert.match(notices[0] ?? '', /stream_options/);
});

test('a model that requires max_completion_tokens gets it', async (t) => {
  const served = chatServer(ollama);
  const server = await modelServer(t, (request, response) => {
    if (!('max_tokens' in chatBody(request))) return served(request, response);
    const message = "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead.";
    sendJson(response, { error: { message } }, 400);
  });
  const model = new ChatModel({ url: server.url, model: 'o9' });
  t.after(() => model.close());
  await answer(model, [userSays('Say: it')], { maxOutputTokens: 99 });
  assert.equal(chatBody(await server.request(2)).max_completion_tokens, 99);
});
