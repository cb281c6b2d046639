/** Requests in the instructions of a response, which SDKs use instead of a user message. */

import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { fakeEngines } from '../support/fake-engines.ts';
import { fakeEngineSet, newServer } from '../support/server.ts';
import { WireClient } from '../support/wire-client.ts';
import { assistant, callsOf, eventsOf, reply, requestOf, user } from './drive.ts';

const weather = {
  name: 'get_weather',
  description: 'Get the current weather in a city.',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};

describe('instructions of a response are followed like a request of the user', () => {
  for (const [instructions, expected] of [
    ['Ask the caller for their name.', 'Could you give me your name?'],
    ['Please ask the caller for the order number, and then look it up.', 'Could you give me the order number?'],
    ['You are a clerk. Ask the customer to confirm their address.', 'Could you confirm your address, please?'],
    ['Ask the user whether they want a receipt.', 'Could you tell me whether you want a receipt?'],
    ['Ask for their date of birth.', 'Could you give me your date of birth?'],
    ['Greet the user.', 'Hello! How can I help?'],
    ['Greet the caller and ask for their name.', 'Hello! Could you give me your name?'],
    ['Introduce yourself.', /stand-in for a language model/],
    ['What time is it?', 'It is 3:05 PM.'],
    ['What is twelve times seven?', 'That is 84.'],
    ['Say exactly: it works.', 'it works.'],
  ] as const) {
    it(instructions, async () => {
      for (const items of [[], [user('Hello'), assistant('Hello!')], [user('The sky is green.')]]) {
        const answer = await reply(items, { instructions, instructionsOfResponse: true });
        if (typeof expected === 'string') assert.equal(answer, expected);
        else assert.match(answer, expected);
      }
    });
  }
});

test('instructions of a response can call a tool, and its output is spoken', async () => {
  const instructions = 'What is the weather in Paris? Use the tool.';
  const request = { instructions, instructionsOfResponse: true, tools: [weather] };
  assert.deepEqual(callsOf(await eventsOf(requestOf([], request))), [
    { name: 'get_weather', arguments: { city: 'Paris' } },
  ]);
  const done = [
    { type: 'call', callId: 'c1', name: 'get_weather', arguments: '{"city":"Paris"}' },
    { type: 'call_output', callId: 'c1', output: 'It is sunny.' },
  ] as const;
  assert.equal(await reply(done, request), 'It is sunny.');
});

test('instructions without a request leave the answer to the user message', async () => {
  for (const instructions of ['Be brief.', 'You are a friendly assistant who helps callers with their orders.']) {
    assert.equal(await reply('What is 2 plus 3?', { instructions, instructionsOfResponse: true }), 'That is 5.');
  }
  // The session's instructions describe a role and are not a request.
  const instructions = 'Ask the caller for their name.';
  assert.equal(await reply('What is 2 plus 3?', { instructions }), 'That is 5.');
});

test('only a response with its own instructions has them marked', async (t) => {
  const engines = fakeEngines();
  const marks: unknown[] = [];
  engines.languageModel.script = ({ instructionsOfResponse }) => {
    marks.push(instructionsOfResponse);
    return [
      { type: 'text', text: 'Yes.' },
      { type: 'finish', reason: 'stop' },
    ];
  };
  const { wsUrl } = await newServer(t, { engines: fakeEngineSet(engines) });
  const client = await WireClient.open(`${wsUrl}?model=m`);
  for (const response of [{}, { instructions: 'Ask for their name.' }]) {
    client.send({ type: 'response.create', response });
    await client.until('response.done');
  }
  assert.deepEqual(marks, [undefined, true]);
});
