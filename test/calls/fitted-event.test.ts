import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fittedJson } from '../../src/transport/webrtc/fitted-event.ts';
import { verifies } from '../support/verifies.ts';

const image = { type: 'input_image', image_url: `data:image/png;base64,${'A'.repeat(5000)}`, detail: 'auto' };
const text = { type: 'input_text', text: 'What is this?' };

test('audio and images of content parts are left out first, and nothing else', () => {
  verifies('R10.6');
  const event = { type: 'conversation.item.added', item: { content: [text, image] }, audio: 'kept', image_url: 'kept' };
  assert.equal(fittedJson(event, 10_000), JSON.stringify(event));
  const { image_url: _leftOut, ...rest } = image;
  assert.deepEqual(JSON.parse(fittedJson(event, 1000) ?? ''), { ...event, item: { content: [text, rest] } });
  assert.equal(fittedJson({ ...event, audio: 'x'.repeat(1000) }, 1000), undefined);
});

test('the size counts in bytes of UTF-8', () => {
  const event = { type: 'x', text: '€'.repeat(100) };
  assert.equal(fittedJson(event, 200), undefined);
  assert.ok(fittedJson(event, 400));
});

test('response.done always fits, with whole calls and the start of each message', () => {
  verifies('R10.6');
  const part = fc.record({ type: fc.constant('output_text'), text: fc.string({ maxLength: 3000, unit: 'grapheme' }) });
  const message = fc.record({
    type: fc.constant('message'),
    id: fc.constant('item_1'),
    content: fc.array(part, { maxLength: 4 }),
  });
  const call = fc.record({ type: fc.constant('function_call'), arguments: fc.json() });
  fc.assert(
    fc.property(fc.array(fc.oneof(message, call), { maxLength: 20 }), (output) => {
      const event = { type: 'response.done', response: { id: 'resp_1', output } };
      const json = fittedJson(event, 4096);
      assert.ok(json !== undefined && Buffer.byteLength(json) <= 4096);
      const fitted = JSON.parse(json) as typeof event;
      const texts = (items: typeof output) =>
        items.flatMap((item) => ('content' in item ? item.content.map(({ text: each }) => each) : []));
      const whole = texts(output);
      const calls = output.map((item) => 'arguments' in item && item.arguments);
      for (const each of texts(fitted.response.output)) assert.ok(whole.some((original) => original.startsWith(each)));
      for (const item of fitted.response.output) if ('arguments' in item) assert.ok(calls.includes(item.arguments));
    }),
    { seed: 17 },
  );
});
