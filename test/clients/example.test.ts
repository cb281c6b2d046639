/** The example of a custom engine works, with and without a tool. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createOwnEngines } from '../../examples/own-model.ts';
import { newServer } from '../support/server.ts';
import { WireClient } from '../support/wire-client.ts';

test('the example answers, calls a declared tool, and speaks its output', async (t) => {
  const { wsUrl } = await newServer(t, { engines: createOwnEngines() });
  const client = await WireClient.open(`${wsUrl}?model=gpt-realtime`);
  const inText = { output_modalities: ['text'] };
  client.send({ type: 'response.create', response: inText });
  assert.equal((await client.until('response.output_text.done')).text, 'Hello from my own model.');
  await client.until('response.done');

  const tools = [{ type: 'function', name: 'roll_dice' }];
  client.send({ type: 'response.create', response: { ...inText, tools } });
  const call = await client.until('response.function_call_arguments.done');
  assert.deepEqual([call.name, call.arguments], ['roll_dice', '{}']);
  await client.until('response.done');
  const item = { type: 'function_call_output', call_id: call.call_id, output: 'a six' };
  client.send({ type: 'conversation.item.create', item });
  client.send({ type: 'response.create', response: inText });
  assert.equal((await client.until('response.output_text.done')).text, 'The tool says: a six');
});
