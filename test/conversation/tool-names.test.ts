/** Models get valid and unique tool names; clients see their own. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Conversation, newConversation, update, userText } from '../support/conversation.ts';
import { call, say } from '../support/fake-engines.ts';

const tool = (name: string, description = name) => ({
  type: 'function',
  name,
  description,
  parameters: { type: 'object' },
});

async function withTools(...tools: ReturnType<typeof tool>[]): Promise<Conversation> {
  const conversation = newConversation();
  await conversation.client.say(update({ tools, output_modalities: ['text'] }));
  await conversation.client.say(userText('Go.'));
  return conversation;
}

/** The model's tool names, by the client's names. */
function toolNames({ engines }: Conversation): [string, string | undefined][] {
  const tools = engines.languageModel.requests.at(-1)?.tools ?? [];
  return tools.map(({ name, description }) => [name, description]);
}

test('names do not change, and each is used once', async () => {
  const conversation = await withTools(tool('get_weather'), tool('get_weather_2'), tool('get_weather', 'the second'));
  await conversation.client.say({ type: 'response.create' });
  assert.deepEqual(toolNames(conversation), [
    ['get_weather', 'get_weather'],
    ['get_weather_2', 'get_weather_2'],
    ['get_weather_3', 'the second'],
  ]);
});

test('the client sees a call under its own name, and the model under its own', async () => {
  const { client, engines } = await withTools(tool('get_weather'), tool('get_weather', 'the second'));
  engines.languageModel.script = () => call('get_weather_2', { city: 'Paris' });
  await client.say({ type: 'response.create' });
  const { name, call_id } = client.last('response.function_call_arguments.done');
  assert.equal(name, 'get_weather');
  engines.languageModel.script = () => say('Sunny.');
  const output = { type: 'function_call_output', call_id, output: 'sun' };
  await client.say({ type: 'conversation.item.create', item: output });
  await client.say({ type: 'response.create' });
  const made = engines.languageModel.requests.at(-1)?.items.find(({ type }) => type === 'call');
  assert.equal(made?.type === 'call' && made.name, 'get_weather');
});

test('a call of a removed tool is not mistaken for a call of another', async () => {
  const conversation = await withTools(tool('get_weather'));
  const { client, engines } = conversation;
  const item = { type: 'function_call', call_id: 'call_1', name: 'get weather', arguments: '{}' };
  await client.say({ type: 'conversation.item.create', item });
  await client.say({ type: 'response.create' });
  const made = engines.languageModel.requests.at(-1)?.items.find(({ type }) => type === 'call');
  assert.equal(made?.type === 'call' && made.name, 'get_weather_2');
});

for (const [called, namespace] of [
  ['functions.get_news', 'of a template'],
  ['default_api:get_news', 'of another template'],
  [' get_news\n', 'nothing but white space'],
  ['get_news<|channel|>commentary', 'a token behind it'],
] as const) {
  test(`a tool is recognised despite leftovers of a template: ${namespace}`, async () => {
    const { client, engines } = await withTools(tool('get_news'));
    engines.languageModel.script = () => call(called, {});
    await client.say({ type: 'response.create' });
    assert.equal(client.last('response.function_call_arguments.done').name, 'get_news');
  });
}

for (const made of ['get news', 'news', 'get_news_2', '__proto__', '', 'functions.', '<|x|>', 'x'.repeat(5000)]) {
  test(`a call of a tool that the session does not have is not sent: ${made.slice(0, 20)}`, async () => {
    const { client, engines } = await withTools(tool('get_weather'), tool('get_news'));
    engines.languageModel.script = () => call(made, {});
    await client.say({ type: 'response.create' });
    const { status, status_details, output } = client.last('response.done').response;
    assert.deepEqual([status, output], ['failed', []]);
    assert.ok(status_details?.type === 'failed');
    assert.equal(status_details.error.code, 'language_model_failed');
    assert.match(
      status_details.error.message,
      /it called the tool '.*', which the session does not have\. It has 'get_weather', 'get_news'\.$/,
    );
    assert.ok(status_details.error.message.length < 300);
    assert.deepEqual(client.all('response.function_call_arguments.delta'), []);
  });
}
