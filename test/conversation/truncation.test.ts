import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { ContextItem, TokenCounter } from '../../src/session/ports/language-model.ts';
import { type Conversation, newConversation, update, userText } from '../support/conversation.ts';
import { say } from '../support/fake-engines.ts';
import { verifies } from '../support/verifies.ts';

/** One token per word. */
const words: TokenCounter = { count: (text) => text.match(/\S+/g)?.length ?? 0 };
const inText = (response: object = {}) => ({
  type: 'response.create',
  response: { output_modalities: ['text'], ...response },
});
const budget = 20;

/** A session whose model takes 20 words. */
function smallContext(): Conversation {
  const made = newConversation({ contextTokens: [{ tokens: budget }] }, { tokens: words });
  made.engines.languageModel.script = () => say('Yes.');
  return made;
}

function userWords(name: string, count: number): object {
  return userText([name, ...new Array<string>(count - 1).fill('word')].join(' '));
}

/** The model's last input: the first words of each item, and the ids of calls. */
function lastInput({ engines }: Conversation): (string | undefined)[] {
  return (engines.languageModel.requests.at(-1)?.items ?? []).map(nameOf);
}

function nameOf(item: ContextItem): string | undefined {
  if (item.type !== 'message') return `${item.type} ${item.callId}`;
  const part = item.content[0];
  return part?.type === 'text' ? part.text.split(' ')[0] : undefined;
}

function made(callId: string, length = 1): object {
  const item = { type: 'function_call', call_id: callId, name: 'f', arguments: new Array(length).fill('x').join(' ') };
  return { type: 'conversation.item.create', item };
}

function answered(callId: string, length = 1): object {
  const item = { type: 'function_call_output', call_id: callId, output: new Array(length).fill('y').join(' ') };
  return { type: 'conversation.item.create', item };
}

test('auto: the oldest items are left out until the rest fits; they stay in the conversation', async () => {
  verifies('R3.55', 'R3.57');
  const conversation = smallContext();
  const { client, engines, log } = conversation;
  await client.say(update({ instructions: 'Be brief.' }));
  for (const name of ['a', 'b', 'c', 'd']) await client.say(userWords(name, 5));
  await client.say(inText());
  assert.deepEqual(lastInput(conversation), ['b', 'c', 'd'], '2 + 3 × 5 of 20');
  assert.equal(engines.languageModel.requests.at(-1)?.instructions, 'Be brief.');
  assert.equal(client.last('response.done').response.usage?.input_tokens, 2 + 15);
  const first = client.all('conversation.item.added')[0]?.item;
  assert.ok(first);
  assert.equal((await client.retrieve(first.id)).id, first.id);
  assert.deepEqual(log.warnings, []);
});

test('truncated items stay left out even if there is room again; the retained beginning is cached', async () => {
  verifies('R3.57', 'R3.51');
  const conversation = smallContext();
  const { client } = conversation;
  for (const name of ['a', 'b', 'c']) await client.say(userWords(name, 8));
  await client.say(inText());
  assert.deepEqual(lastInput(conversation), ['b', 'c']);
  const third = client.all('conversation.item.added')[2]?.item.id;
  await client.say({ type: 'conversation.item.delete', item_id: third });
  await client.say(inText());
  assert.deepEqual(lastInput(conversation), ['b', 'Yes.']);
  assert.equal(client.last('response.done').response.usage?.input_token_details.cached_tokens, 8);
});

test('retention_ratio: above the limit, items are left out down to that fraction of it', async () => {
  verifies('R3.56');
  const conversation = smallContext();
  const { client } = conversation;
  await client.say(
    update({ instructions: 'Be brief.', truncation: { type: 'retention_ratio', retention_ratio: 0.5 } }),
  );
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) await client.say(userWords(name, 3));
  await client.say(inText());
  assert.deepEqual(lastInput(conversation), ['a', 'b', 'c', 'd', 'e', 'f'], '18 of 18 behind the instructions');
  await client.say(userWords('g', 3));
  await client.say(inText());
  assert.deepEqual(lastInput(conversation), ['f', 'Yes.', 'g'], '7 of the 9 that are half of 18');
});

test('post_instructions lowers the limit, and never fails a response', async () => {
  verifies('R3.56', 'R3.58');
  const conversation = smallContext();
  const { client } = conversation;
  const truncation = { type: 'retention_ratio', retention_ratio: 1, token_limits: { post_instructions: 6 } };
  await client.say(update({ truncation }));
  for (const name of ['a', 'b', 'c']) await client.say(userWords(name, 3));
  await client.say(inText());
  assert.deepEqual(lastInput(conversation), ['b', 'c']);
  await client.say(userWords('long', 12));
  await client.say(inText());
  assert.deepEqual(lastInput(conversation), ['long'], 'the last user message stays');
  assert.equal(client.last('response.done').response.status, 'completed');
});

test('post_instructions above the context size of the model is refused', async () => {
  verifies('R5.44');
  const { client } = smallContext();
  const truncation = { type: 'retention_ratio', retention_ratio: 0.8, token_limits: { post_instructions: 21 } };
  await client.say(update({ truncation }));
  const { code, param, message } = client.lastError();
  assert.equal(code, 'integer_above_max_value');
  assert.equal(param, 'session.truncation.token_limits.post_instructions');
  assert.match(message, /Expected a value <= 20, but got 21 instead/);
  assert.deepEqual(client.all('session.updated'), []);
});

test('disabled: the response fails with the size of the excess; the session continues', async () => {
  verifies('R3.59', 'R5.41', 'R3.52');
  const conversation = smallContext();
  const { client, engines } = conversation;
  await client.say(update({ truncation: 'disabled' }));
  for (const name of ['a', 'b', 'c']) await client.say(userWords(name, 8));
  await client.say(inText());
  const { response } = client.last('response.done');
  assert.ok(response.status_details?.type === 'failed');
  const { type, code, message } = response.status_details.error;
  assert.deepEqual([type, code], ['invalid_request_error', 'context_length_exceeded']);
  assert.match(message, /has 24 tokens, which exceeds the model's context of 20/);
  assert.equal(response.usage?.total_tokens, 0);
  assert.equal(engines.languageModel.requests.length, 0);
  await client.say(update({ truncation: 'auto' }));
  await client.say(inText());
  assert.deepEqual(lastInput(conversation), ['b', 'c']);
});

test('a last message that does not fit beside the instructions fails the response', async () => {
  verifies('R3.58', 'R3.59');
  const { client } = smallContext();
  await client.say(update({ instructions: 'one two three four five' }));
  await client.say(userWords('a', 2));
  await client.say(userWords('long', 16));
  await client.say(inText());
  const { status_details: details } = client.last('response.done').response;
  assert.ok(details?.type === 'failed');
  assert.equal(details.error.code, 'context_length_exceeded');
  assert.match(details.error.message, /has 21 tokens/);
});

test('a call is not separated from its output', async () => {
  verifies('R3.58');
  const conversation = smallContext();
  const { client } = conversation;
  await client.say(userWords('a', 4));
  await client.say(made('one'));
  await client.say(userWords('b', 6));
  await client.say(answered('one', 3));
  await client.say(userWords('c', 6));
  await client.say(inText());
  assert.deepEqual(lastInput(conversation), ['call one', 'b', 'call_output one', 'c']);
  await client.say(userWords('d', 3));
  await client.say(inText());
  assert.deepEqual(lastInput(conversation), ['b', 'c', 'Yes.', 'd'], 'both are left out');
});

test('the input of a response has the same budget, and does not affect the conversation', async () => {
  verifies('R3.55', 'R3.59');
  const conversation = smallContext();
  const { client } = conversation;
  await client.say(userWords('a', 5));
  const message = (name: string) => ({
    type: 'message',
    role: 'user',
    content: [{ type: 'input_text', text: `${name} ${'word '.repeat(8)}` }],
  });
  await client.say(inText({ conversation: 'none', input: [message('x'), message('y'), message('z')] }));
  assert.deepEqual(lastInput(conversation), ['y', 'z']);
  await client.say(inText());
  assert.deepEqual(lastInput(conversation), ['a']);
});

test('each model has its configured budget', async () => {
  verifies('R3.55');
  const contextTokens = [{ tokens: 1000 }, { model: 'gpt-realtime', tokens: 5 }, { model: 'other', tokens: 10 }];
  const conversation = newConversation({ contextTokens }, { tokens: words });
  await conversation.client.say(userWords('a', 3));
  await conversation.client.say(userWords('b', 3));
  await conversation.client.say(inText());
  assert.deepEqual(lastInput(conversation), ['b']);
});

test('a session logs once that it truncates the context', async () => {
  const logged: string[] = [];
  const conversation = smallContext();
  const { client, log } = conversation;
  Object.assign(log, { info: (event: string) => logged.push(event) });
  for (let index = 0; index < 6; index += 1) {
    await client.say(userWords(`m${index}`, 9));
    await client.say(inText());
  }
  assert.equal(logged.filter((event) => event === 'context_truncated').length, 1);
});

// ---- Properties ----

const truncations = fc.oneof(
  fc.constant('auto'),
  fc.record({
    type: fc.constant('retention_ratio'),
    retention_ratio: fc.double({ min: 0, max: 1, noNaN: true }),
    token_limits: fc.record({ post_instructions: fc.integer({ min: 0, max: budget }) }),
  }),
);
const steps = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('user' as const), size: fc.integer({ min: 1, max: 9 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('call' as const), size: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('output' as const), size: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), size: fc.nat(20) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('respond' as const), size: fc.constant(0) }) },
);

test('property: instructions, order, pairs and the last message are retained, the rest fits, and no truncation is undone', async () => {
  verifies('R3.55', 'R3.57', 'R3.58', 'R3.50');
  await fc.assert(
    fc.asyncProperty(truncations, fc.array(steps, { maxLength: 30 }), async (truncation, plan) => {
      const conversation = smallContext();
      const { client, engines } = conversation;
      await client.say(update({ instructions: 'Be very brief.', truncation }));
      const names: string[] = [];
      const calls: string[] = [];
      const ids = new Map<string, string>();
      let leftOut = new Set<string>();
      const add = async (name: string, event: object) => {
        await client.say(event);
        names.push(name);
        ids.set(name, client.last('conversation.item.added').item.id);
      };
      for (const [index, { kind, size }] of plan.entries()) {
        if (kind === 'user') await add(`u${index}`, userWords(`u${index}`, size));
        if (kind === 'call') {
          calls.push(`c${index}`);
          await add(`call c${index}`, made(`c${index}`, size));
        }
        const open = calls[0];
        if (kind === 'output' && open) {
          calls.shift();
          await add(`call_output ${open}`, answered(open, size));
        }
        const doomed = kind === 'delete' ? names[size % Math.max(1, names.length)] : undefined;
        if (doomed?.startsWith('u')) {
          await client.say({ type: 'conversation.item.delete', item_id: ids.get(doomed) });
          names.splice(names.indexOf(doomed), 1);
        }
        if (kind !== 'respond') continue;

        const answer = `a${index}`;
        engines.languageModel.script = () => say(answer);
        const asked = engines.languageModel.requests.length;
        await client.say(inText());
        const { status, usage } = client.last('response.done').response;
        if (engines.languageModel.requests.length === asked) {
          assert.equal(status, 'failed');
          continue;
        }
        const seen = lastInput(conversation).map((name) => name ?? '');
        assert.equal(engines.languageModel.requests.at(-1)?.instructions, 'Be very brief.');
        assert.deepEqual(
          seen,
          names.filter((name) => seen.includes(name)),
          'in order, and nothing else',
        );
        const last = names.findLast((name) => name.startsWith('u'));
        if (last && !leftOut.has(last)) assert.ok(seen.includes(last), 'the last message');
        for (const name of names) {
          const other = name.startsWith('call ') ? name.replace('call ', 'call_output ') : undefined;
          if (other && names.includes(other))
            assert.equal(seen.includes(name), seen.includes(other), `${name}: a pair`);
        }
        assert.ok(usage && usage.input_tokens <= budget);
        assert.ok(usage.input_token_details.cached_tokens <= usage.input_tokens);
        for (const name of seen) assert.ok(!leftOut.has(name), `${name} was left out before`);
        leftOut = new Set([...leftOut, ...names.filter((name) => !seen.includes(name))]);
        names.push(answer);
        ids.set(answer, client.last('conversation.item.added').item.id);
      }
    }),
    { numRuns: 60 },
  );
});
