/**
 * Slightly invalid frames (docs/protocol.md §5), in either dialect: each gets an error or takes effect; the session
 * continues, and no internal error occurs.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BetaClient, Client, newConversation } from '../support/conversation.ts';
import { settle } from '../support/fake-clock.ts';
import { say } from '../support/fake-engines.ts';

const audio = Buffer.alloc(9600, 7).toString('base64');
const tool = { type: 'function', name: 'f', description: 'd', parameters: { type: 'object', properties: {} } };
const common = [
  { type: 'input_audio_buffer.append', audio },
  { type: 'input_audio_buffer.commit' },
  { type: 'input_audio_buffer.clear' },
  { type: 'conversation.item.truncate', item_id: 'item_a', content_index: 0, audio_end_ms: 100 },
  { type: 'conversation.item.delete', item_id: 'item_a' },
  { type: 'conversation.item.retrieve', item_id: 'item_a' },
  { type: 'response.cancel', response_id: 'resp_a' },
  {
    type: 'conversation.item.create',
    previous_item_id: 'root',
    item: { id: 'item_a', type: 'message', role: 'user', content: [{ type: 'input_audio', audio, transcript: null }] },
  },
  {
    type: 'conversation.item.create',
    item: { type: 'function_call', call_id: 'call_a', name: 'f', arguments: '{}' },
  },
  { type: 'conversation.item.create', item: { type: 'function_call_output', call_id: 'call_a', output: 'x' } },
];
const frames = {
  ga: [
    ...common,
    {
      type: 'session.update',
      session: {
        type: 'realtime',
        instructions: 'i',
        output_modalities: ['text'],
        tools: [tool],
        tool_choice: { type: 'function', name: 'f' },
        max_output_tokens: 100,
        tracing: { workflow_name: 'w' },
        truncation: { type: 'retention_ratio', retention_ratio: 0.5, token_limits: { post_instructions: 10 } },
        audio: {
          input: { format: { type: 'audio/pcmu' }, turn_detection: { type: 'server_vad', threshold: 0.4 } },
          output: { voice: 'marin', speed: 1.1 },
        },
      },
    },
    {
      type: 'response.create',
      response: {
        conversation: 'none',
        input: [{ type: 'item_reference', id: 'item_a' }],
        metadata: { k: 'v' },
        audio: { output: { voice: 'alloy' } },
      },
    },
  ],
  beta: [
    ...common,
    {
      type: 'session.update',
      session: {
        modalities: ['text', 'audio'],
        voice: 'verse',
        input_audio_format: 'pcm16',
        turn_detection: { type: 'none' },
        tools: [tool],
        temperature: 0.8,
        max_response_output_tokens: 'inf',
      },
    },
    { type: 'response.create', response: { modalities: ['text'], max_output_tokens: 5, temperature: 0.9 } },
  ],
} satisfies Record<string, object[]>;

/** Sets (or removes) the value of key number `which` of a frame, counting keys at all depths. */
function mutated(frame: object, which: number, value: unknown): object {
  const copy = structuredClone(frame);
  const places: { holder: object; key: string }[] = [];
  const visit = (holder: object) => {
    for (const [key, child] of Object.entries(holder)) {
      places.push({ holder, key });
      if (typeof child === 'object' && child !== null) visit(child);
    }
  };
  visit(copy);
  const place = places[which % places.length];
  if (!place) return copy;
  if (value === undefined) Reflect.deleteProperty(place.holder, place.key);
  else Reflect.set(place.holder, place.key, value);
  return copy;
}

const odd = fc.oneof(
  fc.constantFrom<unknown>(
    undefined,
    null,
    '',
    'root',
    0,
    -1,
    1.5,
    1e308,
    true,
    [],
    {},
    [[]],
    '\u0000',
    '💥',
    'a'.repeat(2000),
  ),
  fc.jsonValue({ maxDepth: 2 }),
);

for (const dialect of ['ga', 'beta'] as const) {
  const frame = fc.constantFrom<object>(...frames[dialect]);
  const garbled = fc.oneof(
    {
      weight: 5,
      arbitrary: fc
        .tuple(frame, fc.nat(60), odd)
        .map(([each, which, value]) => JSON.stringify(mutated(each, which, value))),
    },
    { weight: 1, arbitrary: fc.tuple(frame, fc.nat(200)).map(([each, end]) => JSON.stringify(each).slice(0, end)) },
    { weight: 1, arbitrary: frame.map((each) => JSON.stringify({ ...each, surplus: 1 })) },
    { weight: 1, arbitrary: fc.string() },
    { weight: 2, arbitrary: frame.map((each) => JSON.stringify(each)) },
  );

  test(`${dialect}: no mutated frame ends a session or causes an internal error`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(garbled, { minLength: 5, maxLength: 40 }), async (texts) => {
        const { session, clock, engines, client: witness, log } = newConversation();
        engines.languageModel.script = () => say('Yes.');
        const client = dialect === 'ga' ? new Client(session) : new BetaClient(session);
        for (const text of texts) client.postText(text);
        await clock.advance(1000);

        assert.deepEqual(witness.all('error'), [], 'errors go to their originator only');
        await clock.advance(60_000);
        witness.forget();
        await witness.say({
          type: 'response.create',
          response: { output_modalities: ['text'], input: [], tool_choice: 'none' },
        });
        await settle();
        await clock.advance(60_000);
        assert.equal(witness.last('response.done').response.status, 'completed');
        assert.deepEqual(log.faults, []);
        assert.deepEqual([client.closed, witness.closed], [undefined, undefined]);
      }),
      { numRuns: 60 },
    );
  });
}
