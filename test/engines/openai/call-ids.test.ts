/** Ids of tool calls in requests: the server's own if they are unambiguous, in the form that it requires. */

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ChatModel } from '../../../src/engines/openai/chat-model.ts';
import type { ContextItem, EngineCall } from '../../../src/session/ports/language-model.ts';
import { answer } from '../contract/language-model.ts';
import { type ChatBody, chatBody, chatServer, ollama } from './servers/chat-servers.ts';
import { modelServer, sendJson } from './servers/model-server.ts';

const say = chatServer(ollama);

const called = (callId: string, engineCall?: EngineCall): ContextItem[] => [
  { type: 'call', callId, name: 'f', arguments: '{}', ...(engineCall && { engineCall }) },
  { type: 'call_output', callId, output: `result of ${callId}` },
];

/** By call, its id in the request and its result. */
function idsIn({ messages }: ChatBody): [string, unknown][] {
  const calls = messages.flatMap(({ tool_calls }) => (Array.isArray(tool_calls) ? tool_calls : []));
  const results = messages.filter(({ role }) => role === 'tool');
  return calls.map(({ id }: { id: string }) => {
    const own = results.filter(({ tool_call_id }) => tool_call_id === id);
    assert.equal(own.length, 1, `one result of ${id}`);
    return [id, own[0]?.content];
  });
}

async function requestOf(t: TestContext, items: readonly ContextItem[], model = 'm'): Promise<[string, unknown][]> {
  const server = await modelServer(t, say);
  const chat = new ChatModel({ url: server.url, model });
  t.after(() => chat.close());
  const named = items.map((item) =>
    item.type === 'call' && item.engineCall?.engine === 'SELF'
      ? { ...item, engineCall: { ...item.engineCall, engine: `${model} at ${server.url}` } }
      : item,
  );
  await answer(chat, [...named, { type: 'message', role: 'user', content: [{ type: 'text', text: 'Say: hello' }] }]);
  const [request] = server.requests;
  assert.ok(request);
  return idsIn(chatBody(request));
}

test('a server gets its own ids back, of any length, and never those of other engines', async (t) => {
  const long = `call_${'s'.repeat(900)}`;
  assert.deepEqual(
    await requestOf(t, [
      ...called('one', { engine: 'SELF', id: long }),
      ...called('two', { engine: 'other at http://127.0.0.1:9/v1', id: 'theirs' }),
      ...called('three', { id: 'of one that has no name' }),
      ...called('four'),
    ]),
    [
      [long, 'result of one'],
      ['two', 'result of two'],
      ['three', 'result of three'],
      ['four', 'result of four'],
    ],
  );
});

test('an ambiguous id of a server is not used', async (t) => {
  const seen = await requestOf(t, [
    ...called('one', { engine: 'SELF', id: 'call_0' }),
    ...called('two', { engine: 'SELF', id: 'call_0' }),
    ...called('three', { engine: 'SELF', id: 'four' }),
    ...called('four'),
  ]);
  assert.equal(new Set(seen.map(([id]) => id)).size, 4);
  assert.deepEqual(seen.slice(0, 3), [
    ['one', 'result of one'],
    ['two', 'result of two'],
    ['four', 'result of three'],
  ]);
});

for (const refusal of [
  'Tool call id was call_a but must be a-z, A-Z, 0-9, with a length of 9.',
  'Tool call IDs should be alphanumeric strings with length 9!',
]) {
  test(`a server that requires nine letters or digits gets them after its first refusal: ${refusal}`, async (t) => {
    const server = await modelServer(t, async (request, response) => {
      const legal = idsIn(chatBody(request)).every(([id]) => /^[a-zA-Z0-9]{9}$/.test(id));
      await (legal ? say(request, response) : sendJson(response, { object: 'error', message: refusal }, 400));
    });
    const chat = new ChatModel({ url: server.url, model: 'm' });
    t.after(() => chat.close());
    const engine = `m at ${server.url}`;
    const items = [
      ...called('call_a'),
      ...called('call_b', { engine, id: 'D681PevKs' }),
      ...called('call_c', { engine, id: 'too_long_an_id' }),
    ];
    await answer(chat, items);
    await answer(chat, items);
    const bodies = server.requests.map((request) => idsIn(chatBody(request)));
    assert.equal(bodies.length, 3, 'refused once');
    assert.deepEqual(bodies[1], bodies[2], 'the same ids each time');
    assert.equal(bodies[2]?.[1]?.[0], 'D681PevKs');
    assert.equal(new Set(bodies[2]?.map(([id]) => id)).size, 3);
  });
}
