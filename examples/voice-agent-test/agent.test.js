/** The agent, spoken to with real audio, against a Parley that answers as support.yaml says. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startServer } from 'parley-realtime';
import { SupportAgent } from './agent.js';

const here = (file) => fileURLToPath(new URL(file, import.meta.url));
const orders = { seven: { status: 'on its way', arrives: 'tomorrow' } };

let server;
let agent;

before(async () => {
  server = await startServer({ config: { port: 0, script: here('support.yaml'), logLevel: 'error' } });
  await server.ready;
  agent = new SupportAgent(`${server.wsUrl}?model=gpt-realtime`, { apiKey: 'any', orders });
  await agent.connect();
});
after(async () => {
  // Where the start failed, its own error is the one to see.
  agent?.close();
  await server?.close();
});

test('asked by voice, the agent looks the order up and says where it is', { timeout: 30_000 }, async () => {
  const wav = await readFile(here('question.wav'));
  const answer = await agent.hear(wav.subarray(44)); // 24 kHz, 16-bit PCM after the header
  assert.match(answer.heard, /where is my order/i);
  assert.deepEqual(answer.calls, [{ name: 'look_up_order', number: 'seven' }]);
  assert.equal(answer.said, 'One moment, please. Your order is on its way. It arrives tomorrow.');
  const words = answer.said.split(' ').length;
  assert.equal(answer.audio.length / 48, words * 250, 'all of it was spoken');
});

test('a model that breaks off becomes an apology, and the agent goes on', { timeout: 30_000 }, async () => {
  await assert.rejects(agent.read('What are your opening hours?'), /Please try again later: .*the model is overloaded/);
  assert.equal((await agent.read('Hello?')).said, 'I can tell you where an order is.');
});
