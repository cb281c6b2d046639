import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readWrittenCalls } from '../../src/session/generation/written-calls.ts';
import { ModelMarkup } from '../../src/session/speech/model-markup.ts';
import { callsOf } from '../engines/contract/language-model.ts';

const tools = [
  {
    name: 'look_up',
    parameters: { type: 'object', properties: { city: { type: 'string' }, days: { type: 'number' } } },
  },
  { name: 'stop' },
];
const request = { tools, toolChoice: 'auto' } as const;

function readIn(pieces: Iterable<string>) {
  const markup = new ModelMarkup();
  let words = '';
  for (const piece of pieces) words += markup.push(piece);
  words += markup.flush();
  return { words: words.trim(), calls: callsOf(readWrittenCalls(markup.callText, request)) };
}

const args = '{"city": "Oslo", "days": 2}';
const json = `{"name": "look_up", "arguments": ${args}}`;

/** Calls of `look_up` for two days in Oslo, in the notations of models. */
const written: readonly [form: string, text: string][] = [
  ['Hermes, Qwen', `<tool_call>\n${json}\n</tool_call>`],
  ['Hermes without its end', `<tool_call>\n${json}`],
  ['Granite', `<|tool_call|>[${json}]`],
  ['Granite 4, the form of OpenAI', `<tool_call>{"type":"function","function":${json}}</tool_call>`],
  ['Llama 3.1', `<|python_tag|>{"name": "look_up", "parameters": ${args}}<|eom_id|>`],
  ['Llama, a tag', `<function=look_up>${args}</function>`],
  ['Mistral', `[TOOL_CALLS] [${json}]</s>`],
  ['Mistral, newer', `[TOOL_CALLS]look_up[ARGS]${args}`],
  ['Mistral, with an id', `[TOOL_CALLS]look_up[CALL_ID]a1B2c3D4e[ARGS]${args}`],
  ['Nemotron', `<TOOLCALL>[${json}]</TOOLCALL>`],
  [
    'DeepSeek V3',
    `<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>look_up\n\`\`\`json\n${args}\n\`\`\`<｜tool▁call▁end｜><｜tool▁calls▁end｜><｜end▁of▁sentence｜>`,
  ],
  [
    'DeepSeek V3.1',
    `<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>look_up<｜tool▁sep｜>${args}<｜tool▁call▁end｜><｜tool▁calls▁end｜>`,
  ],
  [
    'Kimi K2',
    `<|tool_calls_section_begin|><|tool_call_begin|>functions.look_up:0<|tool_call_argument_begin|>${args}<|tool_call_end|><|tool_calls_section_end|>`,
  ],
  ['harmony', `<|channel|>commentary to=functions.look_up <|constrain|>json<|message|>${args}<|call|>`],
  [
    'harmony, the recipient in the role',
    `<|start|>assistant to=functions.look_up<|channel|>commentary json<|message|>${args}<|call|>`,
  ],
  [
    'harmony, behind reasoning',
    `<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary to=functions.look_up json<|message|>${args}`,
  ],
  [
    'Qwen3-Coder',
    '<tool_call>\n<function=look_up>\n<parameter=city>\nOslo\n</parameter>\n<parameter=days>\n2\n</parameter>\n</function>\n</tool_call>',
  ],
  [
    'MiniMax',
    '<minimax:tool_call>\n<invoke name="look_up">\n<parameter name="city">Oslo</parameter>\n<parameter name="days">2</parameter>\n</invoke>\n</minimax:tool_call>',
  ],
  [
    'GLM',
    '<tool_call>look_up\n<arg_key>city</arg_key>\n<arg_value>Oslo</arg_value>\n<arg_key>days</arg_key>\n<arg_value>2</arg_value>\n</tool_call>',
  ],
];

for (const [form, text] of written) {
  test(`a call is read from text: ${form}`, () => {
    for (const [size, before] of [
      [1, ''],
      [7, 'One moment. '],
      [text.length, '<think>Hm.</think>'],
    ] as const) {
      const whole = before + text;
      const pieces = whole.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
      const { words, calls } = readIn(pieces);
      assert.equal(words, before.startsWith('One') ? 'One moment.' : '');
      assert.equal(calls.length, 1);
      assert.equal(calls[0]?.name.replace(/^functions\./, ''), 'look_up');
      assert.deepEqual(JSON.parse(calls[0]?.arguments ?? ''), { city: 'Oslo', days: 2 });
    }
  });
}

test('several calls are read in order, and calls without arguments', () => {
  const of = (text: string) => readIn([text]).calls.map(({ name, arguments: given }) => [name, JSON.parse(given)]);
  const both = [
    ['look_up', { city: 'Oslo', days: 2 }],
    ['stop', {}],
  ];
  assert.deepEqual(of(`<tool_call>${json}</tool_call>\n<tool_call>{"name":"stop"}</tool_call>`), both);
  assert.deepEqual(of(`[TOOL_CALLS]look_up[ARGS]${args}[TOOL_CALLS]stop[ARGS]{}`), both);
  assert.deepEqual(of(`[TOOL_CALLS][${json}, {"name":"stop","arguments":{}}]`), both);
  assert.deepEqual(of('<invoke name="stop"></invoke>'), [['stop', {}]]);
  assert.deepEqual(
    of('<function=look_up><parameter=city>12</parameter><parameter=other>[1]</parameter></function>'),
    [['look_up', { city: '12', other: [1] }]],
    'a string stays one; another value is read as JSON',
  );
});

/** Not one clear call. */
const unclear = [
  '<tool_call>look_up</tool_call>',
  '<tool_call>{"name": "look_up", "arguments": {"city": "Os',
  '<tool_call>{"city": "Oslo"}</tool_call>',
  '<tool_call>Call look_up with Oslo.</tool_call>',
  '<tool_call>{"name": "look_up"} or {"name": "stop"}</tool_call>',
  `<tool_call>look_up ${args} ${args}</tool_call>`,
  '<|python_tag|>look_up(city="Oslo")<|eom_id|>',
  '<tool_response>{"temperature": 5}</tool_response>',
  '<function=look_up><parameter=city>Oslo</function>',
  '[TOOL_CALLS]',
  `<tool_call>{"name":"stop","arguments":{"a":${'['.repeat(30_000)}${']'.repeat(30_000)}}}</tool_call>`,
  `<function=stop><parameter=a>${'['.repeat(30_000)}${']'.repeat(30_000)}</parameter></function>`,
  `<tool_call>${'{"name":"stop"},'.repeat(200)}</tool_call>`,
  `<tool_call>{"name":"stop","arguments":{"text":"${'x'.repeat(65_536)}"}}</tool_call>`,
];

test('nothing is called that is not clear, and where the model was not to call', () => {
  for (const text of unclear) assert.deepEqual(readIn([text]).calls, [], text.slice(0, 80));
  const markup = new ModelMarkup();
  markup.push(written[0]?.[1] ?? '');
  assert.deepEqual(readWrittenCalls(markup.callText, { tools: [], toolChoice: 'auto' }), []);
  assert.deepEqual(readWrittenCalls(markup.callText, { tools, toolChoice: 'none' }), []);
});

test('text of any parts of calls neither fails nor reaches a listener in part', () => {
  const parts = fc.constantFrom(
    ...written.flatMap(([, text]) => text.split(/(?<=[>}\]\n])/)),
    args,
    '"',
    '{',
    '}',
    'look_up',
    ' and ',
  );
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 12 }), (pieces) => {
      const { words, calls } = readIn(pieces);
      assert.doesNotMatch(words, /<\/?tool_call>|\[TOOL_CALLS\]|<[|｜]/);
      for (const call of calls) {
        assert.ok(call.name !== '');
        assert.doesNotThrow(() => JSON.parse(call.arguments));
      }
    }),
    { numRuns: 500 },
  );
});
