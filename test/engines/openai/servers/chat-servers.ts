/** `/v1/chat/completions` as Ollama, vLLM, llama.cpp and the hosted API stream it, each with its own habits. */

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

/** What a server's model has decided to answer. */
interface Plan {
  words: string[];
  call: { name: string; arguments: string } | undefined;
  promptTokens: number;
}

export type ChatStyle = (plan: Plan, body: ChatBody) => unknown[];

/** A server in one of the styles below; other paths are not found. */
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

/** Says back what follows "Say: ", calls a tool when asked about the weather, and tells what a tool returned. */
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

/** Names the role in every chunk, sends a call whole and numbers all with 0, and reasons in `reasoning`. */
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

/** Begins with a chunk of nothing but the role, reasons in `reasoning_content`, and ends calls in an empty piece. */
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

/** `content: null`, ids that are empty, timings, figures in the last chunk of all. */
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

/** Pads its chunks, and tells figures as null until the last. */
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
