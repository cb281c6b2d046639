/** Builds a request to a language model in the form of `/v1/chat/completions`. */

import type { AudioClip } from '../../../audio/audio-clip.ts';
import { isJsonObject, tryParseJson } from '../../../core/json.ts';
import type { ContextItem, ContextPart, ModelRequest } from '../../../session/ports/language-model.ts';
import type { ChatBody, ChatMessage, ChatPart } from '../chat-types.ts';
import { base64Wav } from '../in-turns.ts';
import { type CallIdOptions, callIdsFor } from './call-ids.ts';
import { type RoleOptions, strictRoles } from './message-roles.ts';

/** Optional fields that a server may refuse. */
export const optionalFields = [
  'stream_options',
  'parallel_tool_calls',
  'reasoning_effort',
  'temperature',
  'tool_choice',
] as const;

export interface ChatRequestOptions extends CallIdOptions {
  model: string;
  /** Most servers know `max_tokens`; OpenAI's newer models require the other. */
  tokenLimitField: 'max_tokens' | 'max_completion_tokens';
  /** Text added to the instructions of spoken answers; '' adds nothing. */
  spokenHint: string;
  /** Whether to leave out a field, or this value of it, because the server has refused it. */
  without: (field: string, value: unknown) => boolean;
  /** Whether the server requires a strict order of roles. */
  roles: RoleOptions | undefined;
}

export async function chatRequest(request: ModelRequest, options: ChatRequestOptions): Promise<ChatBody> {
  const { tools, toolChoice, maxOutputTokens, temperature, reasoningEffort, parallelToolCalls, speech } = request;
  const made = messages(request, options, await encodedAudio(request.items));
  const body: ChatBody = {
    model: options.model,
    messages: options.roles ? strictRoles(made, options.roles) : made,
    stream: true,
    stream_options: { include_usage: true },
  };
  if (maxOutputTokens !== 'inf') body[options.tokenLimitField] = maxOutputTokens;
  if (temperature !== undefined) body.temperature = temperature;
  if (reasoningEffort !== undefined) body.reasoning_effort = reasoningEffort;
  if (tools.length > 0) {
    body.tools = tools.map(({ name, description, parameters }) => ({
      type: 'function',
      function: {
        name,
        description,
        parameters: isJsonObject(parameters) ? parameters : undefined,
      },
    }));
    if (toolChoice !== 'auto') {
      body.tool_choice =
        typeof toolChoice === 'string' ? toolChoice : { type: 'function', function: { name: toolChoice.name } };
    }
    if (parallelToolCalls !== undefined) body.parallel_tool_calls = parallelToolCalls;
  }
  if (speech) {
    body.modalities = ['text', 'audio'];
    // The only format that can be streamed.
    body.audio = { voice: speech.voice, format: 'pcm16' };
  }
  const refused = (field: string, value: unknown) =>
    optionalFields.some((each) => each === field) && options.without(field, value);
  return Object.fromEntries(Object.entries(body).filter(([field, value]) => !refused(field, value))) as ChatBody;
}

/**
 * The conversation. Adjacent messages of one role are merged, because many models' templates require alternating roles;
 * the outputs of calls directly follow them, which every server requires.
 */
function messages(
  { instructions, items, spoken, speech }: ModelRequest,
  { spokenHint, ...options }: ChatRequestOptions,
  audio: EncodedAudio,
): ChatMessage[] {
  const hint = spoken && speech === undefined ? spokenHint : '';
  const system = [instructions, hint].filter((text) => text.trim() !== '').join('\n\n');
  const outputs = new Map(items.flatMap((item) => (item.type === 'call_output' ? [[item.callId, item.output]] : [])));
  const ids = callIdsFor(
    items.filter((item) => item.type === 'call'),
    options,
  );
  const made: ChatMessage[] = system === '' ? [] : [{ role: 'system', content: system }];
  for (let at = 0; at < items.length; at += 1) {
    const item = items[at];
    if (item?.type === 'message') {
      const message = contentMessage(item, audio);
      if (!mergeMessages(made.at(-1), message)) made.push(message);
    } else if (item?.type === 'call') {
      const calls = [item];
      for (let next = items[at + 1]; next?.type === 'call'; next = items[at + 1]) {
        calls.push(next);
        at += 1;
      }
      made.push(...callMessages(made, calls, { outputs, ids }));
    } else if (item?.type === 'call_output' && !ids.has(item.callId)) {
      // Its call is no longer in the context.
      made.push({ role: 'system', content: `A function call returned: ${item.output}` });
    }
  }
  return made.length > 0 ? made : [{ role: 'system', content: '' }];
}

type Call = Extract<ContextItem, { type: 'call' }>;

/** The message with the calls, merged with the assistant's text before them, and one message for each output. */
function callMessages(
  before: ChatMessage[],
  calls: readonly Call[],
  { outputs, ids }: { outputs: ReadonlyMap<string, string>; ids: ReadonlyMap<string, string> },
): ChatMessage[] {
  const last = before.at(-1);
  const content = last?.role === 'assistant' && last.tool_calls === undefined ? last.content : undefined;
  if (content !== undefined) before.pop();
  return [
    {
      role: 'assistant',
      content: content ?? null,
      tool_calls: calls.map((call) => ({
        id: ids.get(call.callId) ?? call.callId,
        type: 'function',
        function: { name: call.name, arguments: isJsonObject(tryParseJson(call.arguments)) ? call.arguments : '{}' },
      })),
    },
    ...calls.map(
      ({ callId }): ChatMessage => ({
        role: 'tool',
        tool_call_id: ids.get(callId) ?? callId,
        content: outputs.get(callId) ?? 'There is no result yet.',
      }),
    ),
  ];
}

/** WAVE files in base64, by clip. */
type EncodedAudio = ReadonlyMap<AudioClip, string>;

async function encodedAudio(items: readonly ContextItem[]): Promise<EncodedAudio> {
  const encoded = new Map<AudioClip, string>();
  const spoken = items.flatMap((item) => (item.type === 'message' && item.role === 'user' ? item.content : []));
  for (const part of spoken) {
    if (part.type === 'audio' && !encoded.has(part.clip)) encoded.set(part.clip, await base64Wav(part.clip));
  }
  return encoded;
}

function contentMessage(
  { role, content }: Extract<ContextItem, { type: 'message' }>,
  audio: EncodedAudio,
): ChatMessage {
  const plain = plainText(content);
  if (role === 'user' && content.some(({ type }) => type !== 'text'))
    return { role, content: content.map((part) => userPart(part, audio)) };
  return { role, content: plain };
}

/** Text as a string if there are no other parts: some servers do not accept a list of parts. */
function plainText(content: readonly ContextPart[]): string {
  return content
    .map((part) => (part.type === 'text' ? part.text : part.type === 'audio' ? (part.transcript ?? '') : ''))
    .filter((text) => text !== '')
    .join('\n');
}

function userPart(part: ContextPart, audio: EncodedAudio): ChatPart {
  switch (part.type) {
    case 'text':
      return { type: 'text', text: part.text };
    case 'image': {
      const detail = imageDetails.find((each) => each === part.detail);
      return { type: 'image_url', image_url: { url: part.url, detail } };
    }
    case 'audio': {
      const data = audio.get(part.clip) ?? '';
      return { type: 'input_audio', input_audio: { data, format: 'wav' } };
    }
  }
}

const imageDetails = ['auto', 'low', 'high'] as const;

/** Adds a message, merging it with the previous one if both have the same role. */
function mergeMessages(before: ChatMessage | undefined, message: ChatMessage): boolean {
  if (before === undefined || before.role !== message.role) return false;
  if (before.role === 'user' && message.role === 'user') {
    const plain = typeof before.content === 'string' && typeof message.content === 'string';
    before.content = plain
      ? `${before.content}\n${message.content}`
      : [...partsOf(before.content), ...partsOf(message.content)];
    return true;
  }
  if (before.role === 'assistant' && before.tool_calls !== undefined) return false;
  if (typeof before.content !== 'string' || typeof message.content !== 'string') return false;
  before.content = `${before.content}\n${message.content}`;
  return true;
}

function partsOf(content: string | ChatPart[]): ChatPart[] {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content;
}
