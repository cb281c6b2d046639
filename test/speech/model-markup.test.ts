import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ModelMarkup } from '../../src/session/speech/model-markup.ts';

function said(pieces: Iterable<string>, inside = false): string {
  const markup = new ModelMarkup({ inside });
  let text = '';
  for (const piece of pieces) text += markup.push(piece);
  return text + markup.flush();
}

const hidden: readonly [given: string, left: string][] = [
  ['<think>Hm.</think>\n\nHello.', 'Hello.'],
  ['Sure. <think>Hm.</think>Hello.', 'Sure. Hello.'],
  ['<THINK type="deep">Hm.</ThInK>Hello.', 'Hello.'],
  ['<thought>Hm.</thought>Hello.', 'Hello.'],
  ['<seed:think>Hm.</seed:think>Hello.', 'Hello.'],
  ['[THINK]Hm.[/THINK]Hello.', 'Hello.'],
  ['◁think▷Hm.◁/think▷Hello.', 'Hello.'],
  ['<|begin_of_thought|>Hm.<|end_of_thought|>Hello.', 'Hello.'],
  ['<|START_THINKING|>Hm.<|END_THINKING|>Hello.', 'Hello.'],
  ['<unused94>Hm.<unused95>Hello.', 'Hello.'],
  ['<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Hello.<|return|>', 'Hello.'],
  ['<|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"a":1}<|call|>', ''],
  ['<tool_call>\n{"name":"f"}\n</tool_call>', ''],
  ['<function=f>{"a":1}</function>Hello.', 'Hello.'],
  ['<invoke name="f"><parameter name="a">1</parameter></invoke>', ''],
  ['[TOOL_CALLS][{"name":"f"}]', ''],
  ['<|python_tag|>f()<|eom_id|>', ''],
  [
    '<|tool_calls_section_begin|><|tool_call_begin|>f:0<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>',
    '',
  ],
  ['<｜tool▁calls▁begin｜>f<｜tool▁sep｜>x<｜tool▁calls▁end｜><｜end▁of▁sentence｜>', ''],
  ['<|im_start|>assistant\nHello.<|im_end|>', 'Hello.'],
  ['<|start_header_id|>assistant<|end_header_id|>\n\nHello.<|eot_id|>', 'Hello.'],
  ['<start_of_turn>model\nHello.<end_of_turn>', 'Hello.'],
  ['Hello.<|im_end|>\n<|im_start|>user\nAnd you?<|im_end|>\n<|im_start|>assistant\nFine.', 'Hello.\n'],
  ['<s>[INST]Hello.[/INST]</s>', 'Hello.'],
  ['<answer>Hello.</answer>', 'Hello.'],
];
const untouched = [
  'if a < b then c > d',
  '[1], [x] and (y)',
  '<b>bold</b>',
  'a<',
  '[TOOL',
  'The `<think>` tag.',
  'I <3 you',
  '<|',
  '◁',
];

test('reasoning, calls, unrelated messages and tokens are removed, and nothing else', () => {
  for (const [given, left] of hidden) assert.equal(said([given]), left, given);
  for (const text of untouched) assert.equal(said([text]), text);
});

test('the splitting of text does not affect the result', () => {
  const parts = fc.constantFrom(...hidden.map(([given]) => given), ...untouched, ' and ', '\n', '<', '|>', '</think>');
  const text = fc.array(parts, { maxLength: 6 }).map((all) => all.join(''));
  fc.assert(
    fc.property(text, fc.array(fc.nat(40), { maxLength: 30 }), fc.boolean(), (whole, sizes, inside) => {
      const pieces: string[] = [];
      let at = 0;
      for (const size of sizes) {
        pieces.push(whole.slice(at, at + size));
        at += size;
      }
      pieces.push(whole.slice(at));
      assert.equal(said(pieces, inside), said([whole], inside));
    }),
  );
});

test('no template token remains between words', () => {
  const token = fc.constantFrom(
    '<|im_end|>',
    '<|eot_id|>',
    '</s>',
    '<|endoftext|>',
    '<｜end▁of▁sentence｜>',
    '<end_of_turn>',
    '[/INST]',
    '◁x▷',
  );
  const words = fc.stringMatching(/^[a-z .,]{0,12}$/);
  fc.assert(
    fc.property(fc.array(fc.tuple(words, token), { maxLength: 8 }), (parts) => {
      const left = said(Array.from(parts.map(([text, mark]) => text + mark).join('')));
      assert.equal(
        left.trim(),
        parts
          .map(([text]) => text)
          .join('')
          .trim(),
      );
    }),
  );
});

test('if an answer begins inside reasoning, text is held until its end, and sent whole if there is no end', () => {
  assert.equal(said(['They greet me,', ' so I do.\n</think>\n\nHello.'], true), 'Hello.');
  assert.equal(said(['Hello', ' there.'], true), 'Hello there.');
  assert.equal(said(['<think>Hm.</think>Hello.'], true), 'Hello.');
  const markup = new ModelMarkup({ inside: true });
  assert.equal(markup.push('Hello'), '');
  assert.equal(markup.release(), 'Hello');
  assert.equal(markup.push(' there.'), ' there.');
});

test('reasoning without an opening tag is detected', () => {
  const markup = new ModelMarkup();
  markup.push('Hm.</think>Hello.');
  assert.ok(markup.endedUnopened);
});
