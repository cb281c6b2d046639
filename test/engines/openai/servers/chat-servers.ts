/** `/v1/chat/completions` with the streaming behaviour of Ollama, vLLM, llama.cpp and the hosted API. */

import type { ServerResponse } from 'node:http';
import { type Handler, type Received, sendEvents, sendJson } from './model-server.ts';

export interface ChatBody {
  model: string;
  messages: { role: string; content: unknown; tool_calls?: unknown; tool_call_id?: string }[];
  tools?: { function: { name: string } }[];
  stream?: boolean;
  stream_options?: { include_usage?: boolean };
  [field: string]: unknown;
}

/** The answer of a server's model. */
interface Plan {
  words: string[];
  call: { name: string; arguments: string } | undefined;
  promptTokens: number;
}

export type ChatStyle = (plan: Plan, body: ChatBody) => unknown[];

/** A server in one of the styles below; other paths get 404. */
export function chatServer(style: ChatStyle): Handler {
  return async (request, response) => {
    if (request.path.startsWith('/v1/models')) return sendJson(response, { object: 'list', data: [] });
    if (request.path !== '/v1/chat/completions') return sendJson(response, { error: { message: 'not found' } }, 404);
    await answerChat(request, response, style);
  };
}

async function answerChat(request: Received, response: ServerResponse, style: ChatStyle): Promise<void> {
  const body = chatBody(request);
  if (body.messages.length === 0) return sendJson(response, { error: { message: '[] is too short' } }, 400);
  await sendEvents(response, style(planFor(body), body));
}

export function chatBody(request: Received): ChatBody {
  return JSON.parse(request.body.toString());
}

/** Echoes the text after "Say: ", calls a tool when asked about the weather, and repeats the result of a tool. */
function planFor({ messages, tools = [] }: ChatBody): Plan {
  const last = messages.at(-1);
  const text = plainText(last?.content);
  const [, city] = /weather in (\w+)/.exec(text) ?? [];
  const [tool] = tools;
  const said = last?.role === 'tool' ? `It says ${text}` : (text.split('Say: ').at(-1) ?? text);
  return {
    words: said.match(/\s*\S+/g) ?? [],
    call: city && tool ? { name: tool.function.name, arguments: JSON.stringify({ city }) } : undefined,
    promptTokens: messages.length * 10,
  };
}

function plainText(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content.map((part) => (part.type === 'text' ? part.text : '')).join('');
}

function chunk(delta: object | undefined, finish: string | null = null, more: object = {}): object {
  return {
    id: 'chatcmpl-7',
    object: 'chat.completion.chunk',
    created: 1_760_000_000,
    model: 'some-model',
    choices: delta === undefined ? [] : [{ index: 0, delta, finish_reason: finish }],
    ...more,
  };
}

function usage({ words, promptTokens }: Plan, more: object = {}): object {
  const [prompt_tokens, completion_tokens] = [promptTokens, words.length];
  return { usage: { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens, ...more } };
}

const done = 'data: [DONE]\n\n';

/** Sends the role in every chunk, each call in one chunk with index 0, and reasoning in `reasoning`. */
export const ollama: ChatStyle = (plan) => [
  chunk({ role: 'assistant', content: '', reasoning: 'The user wants' }),
  chunk({ role: 'assistant', content: '', reasoning: ' something.' }),
  ...(plan.call
    ? [
        chunk({
          role: 'assistant',
          content: '',
          tool_calls: [{ id: 'call_8zk2', index: 0, type: 'function', function: plan.call }],
        }),
        chunk({ role: 'assistant', content: '' }, 'tool_calls'),
      ]
    : [
        ...plan.words.map((content) => chunk({ role: 'assistant', content })),
        chunk({ role: 'assistant', content: '' }, 'stop'),
      ]),
  chunk(undefined, null, usage(plan)),
  done,
];

/** Starts with a role-only chunk, sends reasoning in `reasoning_content`, and ends calls with an empty piece. */
export const vllm: ChatStyle = (plan) => [
  chunk({ role: 'assistant', content: '' }, null, { prompt_token_ids: null }),
  chunk({ reasoning_content: 'Let me think.' }),
  ...(plan.call
    ? [
        chunk({
          tool_calls: [{ index: 0, id: 'chatcmpl-tool-1', type: 'function', function: { name: plan.call.name } }],
        }),
        ...halves(plan.call.arguments).map((text) =>
          chunk({ tool_calls: [{ index: 0, function: { arguments: text } }] }),
        ),
        chunk({ tool_calls: [{ index: 0, function: { arguments: '' } }] }, 'tool_calls'),
      ]
    : [...plan.words.map((content) => chunk({ content })), chunk({ content: '' }, 'stop', { stop_reason: null })]),
  chunk(undefined, null, usage(plan, { prompt_tokens_details: { cached_tokens: 4 } })),
  done,
];

/** `content: null`, empty ids, timings, and usage in the last chunk. */
export const llamaCpp: ChatStyle = (plan) => [
  chunk({ role: 'assistant', content: null }),
  ...(plan.call
    ? [
        chunk({
          tool_calls: [{ index: 0, id: '', type: 'function', function: { name: plan.call.name, arguments: '' } }],
        }),
        ...halves(plan.call.arguments).map((text) =>
          chunk({ tool_calls: [{ index: 0, function: { arguments: text } }] }),
        ),
        chunk({}, 'tool_calls'),
      ]
    : [...plan.words.map((content) => chunk({ content })), chunk({}, 'stop')]),
  chunk(undefined, null, { ...usage(plan), timings: { prompt_n: 12, predicted_per_second: 41.7 } }),
  done,
];

/** Pads its chunks, and sends null usage until the last. */
export const hosted: ChatStyle = (plan) => [
  chunk({ role: 'assistant', content: '', refusal: null }, null, {
    service_tier: 'default',
    usage: null,
    obfuscation: 'x9',
  }),
  ...(plan.call
    ? [
        chunk({
          tool_calls: [
            { index: 0, id: 'call_h1', type: 'function', function: { name: plan.call.name, arguments: '' } },
          ],
        }),
        ...halves(plan.call.arguments).map((text) =>
          chunk({ tool_calls: [{ index: 0, function: { arguments: text } }] }),
        ),
        chunk({}, 'tool_calls', { usage: null }),
      ]
    : [...plan.words.map((content) => chunk({ content }, null, { usage: null })), chunk({}, 'stop', { usage: null })]),
  chunk(undefined, null, usage(plan, { prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 } })),
  done,
];

export const chatStyles = { Ollama: ollama, vLLM: vllm, 'llama.cpp': llamaCpp, 'the hosted API': hosted };

function halves(text: string): string[] {
  const middle = Math.ceil(text.length / 2);
  return [text.slice(0, middle), text.slice(middle)];
}
