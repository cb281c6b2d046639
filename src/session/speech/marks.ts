/**
 * Marks of language models and their chat templates in the text of an answer. All of them begin with `<`, `[` or `◁`,
 * and are case-insensitive. Sources: the chat templates of the named models, and OpenAI's description of the harmony
 * format (gpt-oss).
 */

import { textBounds } from './text-bounds.ts';

export type Mark =
  /** The start or the end of reasoning. */
  | { type: 'reasoning' | 'reasoning_end' }
  /** The start or the end of a tool call, or of a tool's output. */
  | { type: 'call' | 'call_end' }
  /**
   * The start of a message's head: a role, a channel. `line`: a role that extends to the end of its line; otherwise the
   * head ends at `head_end`.
   */
  | { type: 'head'; line: boolean }
  | { type: 'head_end' }
  /** The end of a message. */
  | { type: 'message_end' }
  /** The start of a message, of the model itself or of another role. */
  | { type: 'own' | 'foreign' }
  /** Removed without other effects. */
  | { type: 'other' };

/**
 * Tags whose content is reasoning: `<think>`, `[THINK]` (Magistral), `◁think▷` (Kimi), `<seed:think>`,
 * `<|START_THINKING|>` (Command A).
 */
const reasoningNames =
  'think|thinks|thinking|thought|thoughts|reason|reasoning|reflection|scratchpad|monologue|inner_monologue|inner_thoughts|analysis|ant_?thinking|chain_of_thought|cot';
/** Hermes, Qwen, Llama, Granite, Nemotron, LFM2, FunctionGemma, MiniMax, GLM, DeepSeek, Kimi K2, InternLM. */
const callNames =
  'tool_?calls?|function_?calls?|tool_?calls?_section|tool_?(?:response|outputs?|results?)|function_?(?:response|outputs?|results?)|tools?_?(?:use|code|list)|available_tools|invoke|action|plugin|toolcall|arg_key|arg_value|tool_call_argument';
/** Tags around the answer itself, whose content is kept. */
const answerNames = 'answer|response|final|final_answer|final_response|output|solution|assistant|reply|speak';
/** `<s>`, `<bos>`, `<pad>`, `<unused94>`. */
const tokenNames =
  's|bos|eos|pad|unk|mask|sep|cls|eod|eom|eot|unused\\d{1,4}|extra_id_\\d{1,4}|reserved_special_token_\\d{1,4}|0x[0-9a-f]{2}';

const prefix = '(?:[a-z]{1,12}:)?';
const attributes = '(?:[\\s=][^<>]{0,64})?';

/** The syntax and the meaning of marks; the first match counts. */
const table: readonly (readonly [pattern: string, mark: Mark])[] = [
  // Tags, as in XML.
  [`<\\s?${prefix}(?:${reasoningNames})${attributes}>`, { type: 'reasoning' }],
  [`<\\s?/\\s?${prefix}(?:${reasoningNames})\\s?>`, { type: 'reasoning_end' }],
  ['<unused94>', { type: 'reasoning' }],
  ['<unused95>', { type: 'reasoning_end' }],
  [
    `<\\s?${prefix}(?:${callNames}|function|functions|start_function_call|start_function_response)${attributes}>`,
    { type: 'call' },
  ],
  [`<\\s?/\\s?${prefix}(?:${callNames}|functions?)\\s?>|<end_function_(?:call|response)>`, { type: 'call_end' }],
  ['<start_of_turn>', { type: 'head', line: true }],
  ['<end_of_turn>|<end_of_utterance>|<eos>|<eot>|</s>', { type: 'message_end' }],
  [`<\\s?/?\\s?(?:${answerNames}|${tokenNames})\\s?>|<</?SYS>>`, { type: 'other' }],
  // Words in brackets.
  ['\\[(?:THINK|THINKING|REASONING)\\]', { type: 'reasoning' }],
  ['\\[/(?:THINK|THINKING|REASONING)\\]', { type: 'reasoning_end' }],
  ['\\[(?:TOOL_CALLS?|TOOL_RESULTS|TOOL_CONTENT|AVAILABLE_TOOLS|FUNCTION_CALL)\\]', { type: 'call' }],
  ['\\[/(?:TOOL_CALLS?|TOOL_RESULTS|TOOL_CONTENT|AVAILABLE_TOOLS|FUNCTION_CALL)\\]', { type: 'call_end' }],
  ['\\[/?(?:INST|SYSTEM_PROMPT|BOS|EOS|PAD|UNK|CLS|SEP|MASK|ARGS|CALL_ID)\\]', { type: 'other' }],
  // Kimi.
  ['◁\\s?think\\s?▷', { type: 'reasoning' }],
  ['◁\\s?/\\s?think\\s?▷', { type: 'reasoning_end' }],
  ['◁[^\\s◁▷]{1,48}▷', { type: 'other' }],
];

/** Special tokens of vocabularies, by the text between `<|` and `|>`, or DeepSeek's `<｜` and `｜>`. */
const tokens: readonly (readonly [pattern: RegExp, mark: Mark])[] = [
  [/^(?:begin_of_thoughts?|start_thinking|thinking|think|thought|reasoning|inner_prefix)$/, { type: 'reasoning' }],
  [
    /^(?:end_of_thoughts?|end_thinking|\/thinking|\/think|\/thought|\/reasoning|inner_suffix)$/,
    { type: 'reasoning_end' },
  ],
  [/^(?:tool_calls_section|tool_calls|tool_outputs|action|plugin)[_ ]?(?:begin|start)$/, { type: 'call' }],
  [/^(?:tool_calls_section|tool_calls|tool_outputs|action|plugin)[_ ]?end$/, { type: 'call_end' }],
  [
    /^(?:tool_call|tool_calls|start_action|python_tag|tool_call_start|tool_list_start|tool_response_start|assistant_tool_call|function_call|tool_response|tools_prefix)$/,
    { type: 'call' },
  ],
  [
    /^(?:\/tool_call|\/tool_calls|\/tool_response|end_action|tool_call_end|tool_list_end|tool_response_end|tools_suffix)$/,
    { type: 'call_end' },
  ],
  [/^im_start$/, { type: 'head', line: true }],
  [/^(?:start|start_header_id|start_of_role|header_start|channel)$/, { type: 'head', line: false }],
  [/^(?:message|end_header_id|end_of_role|header_end|im_sep|im_middle)$/, { type: 'head_end' }],
  [
    /^(?:im_end|end|return|call|eot|eot_id|eom_id|end_of_text|endoftext|end_of_turn|end_of_sentence|eos|eod_id|end_of_turn_token|end▁of▁sentence)$/,
    { type: 'message_end' },
  ],
  // Roles as separate tokens: Phi, GLM, DeepSeek.
  [/^(?:assistant|model|chatbot_token)$/, { type: 'own' }],
  [/^(?:user|system|tool|observation|human|user_token|system_token|environment|ipython)$/, { type: 'foreign' }],
];

const token = /<(?:\||｜)\s?([^<>\s]{1,64}?)\s?(?:\||｜)>/y;
const marks = new RegExp(table.map(([pattern]) => `(${pattern})`).join('|'), 'iy');
/** Text that may become a mark with more text: an incomplete name, or the attributes of a known one. */
const beginning = new RegExp(
  `(?:<\\s?/?\\s?[a-z_:\\d]{0,40}\\s?|<\\s?${prefix}(?:${reasoningNames}|${callNames}|function)[\\s=][^<>]{0,64}|<[|｜]\\s?[^<>\\s]{0,64}\\s?|<</?[a-z]{0,3}>?|\\[/?[a-z_]{0,20}|◁[^\\s◁▷]{0,48}\\s?)$`,
  'iy',
);

/** Characters that can start a mark. */
export const markStart = /<(?=[a-z\d/|｜\s]|<\/?s|$)|\[(?=[a-z/]|$)|◁/gi;
/** The general syntax of marks, which is checked before the lookup. */
const shape = /<<?[^<>]{1,94}>>?|\[[a-z_/]{1,24}\]|◁[^◁▷]{1,50}▷/iy;

/** The mark at a position, with its length. */
export function markAt(text: string, at: number): { mark: Mark; length: number; name: string } | undefined {
  shape.lastIndex = at;
  if (!shape.test(text)) return undefined;
  token.lastIndex = at;
  const found = token.exec(text);
  if (found) {
    const name = (found[1] ?? '').toLowerCase().replaceAll('▁', '_');
    const [, mark] = tokens.find(([pattern]) => pattern.test(name)) ?? [undefined, { type: 'other' } as const];
    return { mark, length: found[0].length, name };
  }
  marks.lastIndex = at;
  const match = marks.exec(text);
  if (!match) return undefined;
  const index = match.findIndex((group, number) => number > 0 && group !== undefined) - 1;
  const [, mark] = table[index] ?? [undefined, { type: 'other' } as const];
  return { mark, length: match[0].length, name: match[0].toLowerCase() };
}

/** Whether the rest of the text from a position may be the start of a mark. */
export function mayBeMark(text: string, at: number): boolean {
  if (text.length - at > textBounds.mark) return false;
  beginning.lastIndex = at;
  return beginning.test(text);
}
