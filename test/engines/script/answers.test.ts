/** Text and calls of a script, from the view of a client. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { userText } from '../../support/conversation.ts';
import { answered, ask, follow, giveOutput, respond } from './scripted.ts';

const order = `
rules:
  - when: /order (?<number>\\d+)/i
    say: Let me look.
    call: look_up_order
    with: { order: { number: "{{number}}", urgent: true, tries: 2 }, said: "You said: {{heard}}" }
    then: Order {{number}} is {{output.status}}.
  - when: [goodbye, see you]
    say: Goodbye!
else: I did not understand "{{heard}}" in turn {{turn}}.
`;

test('exact text, a pattern with captures, and a list match; everything else gets the default answer', async () => {
  const scripted = await follow(order, { tools: ['look_up_order'] });
  assert.equal((await ask(scripted, 'GOODBYE, then!')).said, 'Goodbye!');
  assert.equal((await ask(scripted, "Well... see   you, I don't mind.")).said, 'Goodbye!');
  assert.equal((await ask(scripted, 'goodbyes')).said, 'I did not understand "goodbyes" in turn 3.');
  const { said, calls } = await ask(scripted, 'Where is Order 1234?');
  assert.equal(said, 'Let me look.');
  assert.deepEqual(
    calls.map((call) => ({ ...call, callId: '' })),
    [
      {
        callId: '',
        name: 'look_up_order',
        arguments: '{"order":{"number":"1234","urgent":true,"tries":2},"said":"You said: Where is Order 1234?"}',
      },
    ],
  );
});

test('after the output of a call the next step runs, with the output', async () => {
  const scripted = await follow(order, { tools: ['look_up_order'] });
  const [call] = (await ask(scripted, 'order 77')).calls;
  const answer = await giveOutput(scripted, call?.callId ?? '', '{"status":"on its way"}');
  assert.deepEqual([answer.said, answer.calls], ['Order 77 is on its way.', []]);
  assert.equal((await respond(scripted.client)).said, 'Order 77 is on its way.', 'asked again, it says it again');
});

test('an output that lacks a field that the script reads fails the response, with the fields that it has', async () => {
  const scripted = await follow(order, { tools: ['look_up_order'] });
  const [call] = (await ask(scripted, 'order 77')).calls;
  const { failure } = await giveOutput(scripted, call?.callId ?? '', '{"state":"lost","eta":3}');
  assert.equal(
    failure,
    "The language model failed: script: support.yaml:7:11: {{output.status}}: there is no 'status' in {{output}}; it has state, eta.",
  );
});

test('say, call, say, call, say: each step waits for the outputs of the previous one', async () => {
  const scripted = await follow(
    `
else:
  - say: First.
  - say: Then this.
    call: [{ name: a, with: { n: 1 } }, b]
  - say: I got {{outputs.a.x}} and {{outputs.b}}.
    call: c
  - say: And {{output}}.
`,
    { tools: ['a', 'b', 'c'] },
  );
  const first = await ask(scripted, 'go');
  assert.equal(first.said, 'First. Then this.');
  assert.deepEqual(
    first.calls.map((call) => [call.name, call.arguments]),
    [
      ['a', '{"n":1}'],
      ['b', '{}'],
    ],
  );
  const [a, b] = first.calls;
  const early = await giveOutput(scripted, a?.callId ?? '', '{"x":"one"}');
  assert.deepEqual([early.said, early.calls, early.response.status], ['', [], 'completed'], 'it waits for the other');
  const second = await giveOutput(scripted, b?.callId ?? '', 'two');
  assert.equal(second.said, 'I got one and two.');
  assert.deepEqual(
    second.calls.map(({ name }) => name),
    ['c'],
  );
  assert.equal((await giveOutput(scripted, second.calls[0]?.callId ?? '', '3')).said, 'And 3.');
});

test('a response.create before the output of a call fails and names the missing output', async () => {
  const scripted = await follow(order, { tools: ['look_up_order'] });
  await ask(scripted, 'order 77');
  assert.match((await respond(scripted.client)).failure ?? '', /the output of look_up_order is missing: send it as/);
});

test('text of arguments is sent as it is, white space at its end included', async () => {
  for (const [written, sent] of [
    ['\'{"a": 1}  \'', '{"a": 1}  '],
    ['|\n      {"a": 1}\n', '{"a": 1}\n'],
  ] as const) {
    const scripted = await follow(`rules:\n  - when: go\n    call: buy\n    with: ${written}\n`, { tools: ['buy'] });
    const [call] = (await ask(scripted, 'go')).calls;
    assert.equal(call?.arguments, sent);
  }
});

test('arguments may be text that is sent unchanged', async () => {
  const scripted = await follow(
    'rules:\n  - when: /(\\d+) eggs/\n    call: buy\n    with: \'{"eggs":   {{1}}}\'\n  - when: nothing\n    call: buy\n    with: \'{"eggs": broken off\'',
    { tools: ['buy'] },
  );
  assert.equal((await ask(scripted, '12 eggs')).calls[0]?.arguments, '{"eggs":   12}');
  assert.match((await ask(scripted, 'nothing')).failure ?? '', /arguments that are not one JSON object/);
});

test('an undeclared tool or a forbidden call fails the response', async () => {
  const scripted = await follow('else:\n  call: fly', { tools: ['walk', 'swim'] });
  assert.match(
    (await ask(scripted, 'go')).failure ?? '',
    /support\.yaml:2:9: this calls 'fly', which the session does not declare\. It declares: walk, swim\./,
  );
  const forbidding = await follow('else:\n  call: walk', { tools: ['walk'] });
  await forbidding.client.say(userText('go'));
  await forbidding.client.say({ type: 'response.create', response: { tool_choice: 'none' } });
  const { response } = forbidding.client.last('response.done');
  assert.match(JSON.stringify(response.status_details), /this calls 'walk', but tool_choice is 'none'/);
});

test('the first matching rule answers; a once rule answers one turn of a conversation', async () => {
  const scripted = await follow(`
rules:
  - when: hello
    once: true
    say: Nice to meet you.
  - when: hello
    say: We have met.
  - when: hello
    say: Never.
`);
  assert.equal((await ask(scripted, 'hello')).said, 'Nice to meet you.');
  assert.equal((await respond(scripted.client)).said, 'Nice to meet you.', 'it is still the same turn');
  assert.equal((await ask(scripted, 'hello again')).said, 'We have met.');
  assert.equal((await ask(scripted, 'hello')).said, 'We have met.');
});

test('turns are counted in the conversation, without out-of-band responses and deleted items', async () => {
  const scripted = await follow(`
rules:
  - { turn: 0, say: Welcome! }
  - { turn: 1, say: One. }
  - { turn: 2, when: never, say: No. }
  - { turn: 2, say: Two. }
else: Later.
`);
  const { client } = scripted;
  assert.equal((await respond(client)).said, 'Welcome!');
  assert.equal((await ask(scripted, 'a')).said, 'One.');
  for (let times = 0; times < 3; times += 1) {
    await client.say({ type: 'response.create', response: { conversation: 'none' } });
  }
  assert.equal((await ask(scripted, 'b')).said, 'Two.');
  const { item } =
    client.all('conversation.item.added').findLast(({ item }) => item.type === 'message' && item.role === 'user') ?? {};
  await client.say({ type: 'conversation.item.delete', item_id: item?.id });
  assert.equal((await ask(scripted, 'c')).said, 'Two.', 'a turn that was deleted is not counted');
  assert.equal((await ask(scripted, 'd')).said, 'Later.');
});

test('a turn that matches no rule fails the response with the text of the turn', async () => {
  const scripted = await follow('rules:\n  - { when: hello, say: Hi }');
  const { failure, response } = await ask(scripted, 'what?');
  assert.equal(response.status, 'failed');
  assert.equal(
    failure,
    `The language model failed: script: support.yaml: no rule matches turn 1, "what?". Add one, or 'else'.`,
  );
  assert.equal((await ask(scripted, 'hello')).said, 'Hi', 'the session continues');
});

test('a rule may end with a call', async () => {
  const scripted = await follow('else:\n  call: hang_up', { tools: ['hang_up'] });
  const [call] = (await ask(scripted, 'bye')).calls;
  const { failure } = await giveOutput(scripted, call?.callId ?? '', 'ok');
  assert.match(
    failure ?? '',
    /support\.yaml:2:3: nothing follows the last call here\. Add 'then' with the next step\./,
  );
});

test('usage and finish reason are those of the script', async () => {
  const scripted = await follow(`
usage: { input: 100, output: 20, cached: 60 }
rules:
  - { when: long, say: And so on, finish: length, usage: { input: 7, output: 3 } }
  - { when: rude, say: I, finish: content_filter }
else: Fine.
`);
  const { response } = await ask(scripted, 'hi');
  const { usage } = response;
  assert.deepEqual(
    [usage?.input_tokens, usage?.output_tokens, usage?.total_tokens, usage?.input_token_details?.cached_tokens],
    [100, 20, 120, 60],
  );
  const long = (await ask(scripted, 'long')).response;
  assert.deepEqual([long.status, long.usage?.total_tokens], ['incomplete', 10]);
  assert.deepEqual(long.status_details, { type: 'incomplete', reason: 'max_output_tokens' });
  const rude = (await ask(scripted, 'rude')).response;
  assert.deepEqual(rude.status_details, { type: 'incomplete', reason: 'content_filter' });
});

test('the token limit of a response applies', async () => {
  const scripted = await follow('else: one two three four five');
  await scripted.client.say(userText('go'));
  await scripted.client.say({ type: 'response.create', response: { max_output_tokens: 3 } });
  const { said, response } = answered(scripted.client);
  assert.equal(response.status, 'incomplete');
  assert.match(said, /^one two( three)?$/);
});

test('a script may be JSON instead of YAML', async () => {
  const scripted = await follow('{"rules": [{"when": "/h(.)llo/", "say": "H{{1}}!"}]}');
  assert.equal((await ask(scripted, 'hullo')).said, 'Hu!');
});
