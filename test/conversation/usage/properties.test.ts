import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { Usage } from '../../../src/protocol/wire/server-events.ts';
import type { ModelEvent, ModelUsage } from '../../../src/session/ports/language-model.ts';
import { type Conversation, newConversation, update, userText } from '../../support/conversation.ts';
import { say, tone } from '../../support/fake-engines.ts';
import { verifies } from '../../support/verifies.ts';

const figures = fc.option(
  fc.record({ inputTokens: fc.nat(500), outputTokens: fc.nat(100), cachedInputTokens: fc.nat(600) }),
  { nil: undefined },
);
const step = fc.oneof(
  fc.record({ kind: fc.constant('text' as const), size: fc.nat(40) }),
  fc.record({ kind: fc.constant('audio' as const), size: fc.integer({ min: 100, max: 900 }) }),
  fc.record({ kind: fc.constant('image' as const), size: fc.nat(2) }),
  fc.record({ kind: fc.constant('instructions' as const), size: fc.nat(3) }),
  fc.record({ kind: fc.constant('delete' as const), size: fc.nat(20) }),
  fc.record({
    kind: fc.constant('respond' as const),
    modality: fc.constantFrom('text', 'audio'),
    maxTokens: fc.constantFrom('inf', 1, 7, 60),
    outOfBand: fc.boolean(),
    cancelAfterMs: fc.option(fc.nat(900), { nil: undefined }),
    figures,
  }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

async function take(conversation: Conversation, plan: Step): Promise<void> {
  const { client, clock, engines } = conversation;
  switch (plan.kind) {
    case 'text':
      return client.say(userText('word '.repeat(plan.size)));
    case 'audio':
      await client.speak(tone(plan.size, 24000), 100);
      return client.say({ type: 'input_audio_buffer.commit' });
    case 'image': {
      const image = { type: 'input_image', image_url: `data:image/png;base64,AAA${plan.size}`, detail: 'low' };
      const item = { type: 'message', role: 'user', content: [image] };
      return client.say({ type: 'conversation.item.create', item });
    }
    case 'instructions':
      return client.say(update({ instructions: 'be brief '.repeat(plan.size) }));
    case 'delete': {
      const added = client.all('conversation.item.added');
      const item_id = added[plan.size % Math.max(1, added.length)]?.item.id ?? 'none';
      return client.say({ type: 'conversation.item.delete', item_id });
    }
    case 'respond': {
      const model: ModelUsage | undefined = plan.figures;
      engines.languageModel.script = () => [
        ...say('Number one. Number two. Number three.').slice(0, -1),
        { type: 'finish', reason: 'stop', ...(model && { usage: model }) },
      ];
      const { modality, maxTokens, outOfBand, cancelAfterMs } = plan;
      const where = outOfBand ? { conversation: 'none' } : {};
      const response = { output_modalities: [modality], max_output_tokens: maxTokens, ...where };
      await client.say({ type: 'response.create', response });
      if (cancelAfterMs !== undefined) {
        await clock.advance(cancelAfterMs);
        await client.say({ type: 'response.cancel' });
      }
      return clock.advance(5000);
    }
  }
}

test('an answer that max_output_tokens cuts ends with a whole grapheme, however the model cut its text', async () => {
  verifies('R3.41');
  const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
  const part = fc.oneof(
    fc.constantFrom('👩‍👩‍👧', 'e\u0301', '🇩🇪', '👋🏽', 'क्‍ष', 'x'.repeat(70), ' and ', '\r\n', '1️⃣'),
    fc.string({ unit: 'grapheme', maxLength: 6 }),
  );
  const text = fc.array(part, { minLength: 1, maxLength: 30 }).map((parts) => parts.join('').toWellFormed());
  await fc.assert(
    fc.asyncProperty(
      text,
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 60 }),
      async (whole, size, limit) => {
        const { client, engines } = newConversation();
        const pieces = whole.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
        engines.languageModel.script = () => [
          ...pieces.map((piece): ModelEvent => ({ type: 'text', text: piece })),
          { type: 'finish', reason: 'stop' },
        ];
        await client.say({
          type: 'response.create',
          response: { output_modalities: ['text'], max_output_tokens: limit },
        });
        const [item] = client.last('response.done').response.output;
        const said = item?.type === 'message' && item.content[0]?.type === 'output_text' ? item.content[0].text : '';
        assert.ok(client.all('response.output_text.delta').every(({ delta }) => delta.isWellFormed()));
        assert.ok(whole.startsWith(said));
        const ends = Array.from(segmenter.segment(whole), ({ index, segment }) => index + segment.length);
        assert.ok(said === '' || ends.includes(said.length), JSON.stringify([said, whole]));
      },
    ),
    { numRuns: 200 },
  );
});

function checkSums({ input_token_details: input, output_token_details: output, ...totals }: Usage): void {
  const cached = input.cached_tokens_details;
  assert.equal(totals.total_tokens, totals.input_tokens + totals.output_tokens);
  assert.equal(totals.input_tokens, input.text_tokens + input.audio_tokens + input.image_tokens);
  assert.equal(totals.output_tokens, output.text_tokens + output.audio_tokens);
  assert.equal(input.cached_tokens, cached.text_tokens + cached.audio_tokens + cached.image_tokens);
  for (const kind of ['text_tokens', 'audio_tokens', 'image_tokens'] as const) {
    assert.ok(cached[kind] >= 0 && cached[kind] <= input[kind], `cached ${kind}`);
  }
}

test('property: usage adds up, cached tokens were in the context before, and estimates respect max_output_tokens', async () => {
  verifies('R3.34', 'R3.50', 'R3.51', 'R3.53');
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (plans) => {
      const conversation = newConversation({ outputLeadMs: 300 });
      const { client } = conversation;
      await client.say(update({ audio: { input: { turn_detection: null } } }));
      let before: Usage['input_token_details'] | undefined;
      for (const plan of plans) {
        const done = client.all('response.done').length;
        await take(conversation, plan);
        if (plan.kind !== 'respond') continue;
        const responses = client.all('response.done');
        assert.equal(responses.length, done + 1);
        const { usage, conversation_id: inConversation, status } = client.last('response.done').response;
        assert.ok(usage);
        checkSums(usage);
        const reported = plan.figures !== undefined && status === 'completed';
        if (!reported && plan.maxTokens !== 'inf') assert.ok(usage.output_tokens <= Number(plan.maxTokens));
        const { cached_tokens_details: cached } = usage.input_token_details;
        // The modality that only estimates count: its cached tokens were in the context before.
        assert.ok(cached.audio_tokens <= (before?.audio_tokens ?? 0), 'cached audio');
        assert.ok(cached.image_tokens <= (before?.image_tokens ?? 0), 'cached images');
        if (inConversation) before = usage.input_token_details;
      }
    }),
    { numRuns: 60 },
  );
});
