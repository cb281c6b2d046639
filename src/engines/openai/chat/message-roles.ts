/** Messages in an order of roles that strict chat templates accept. */

import type { ChatMessage as Message } from '../chat-types.ts';

type UserMessage = Extract<Message, { role: 'user' }>;

export interface RoleOptions {
  /** The template has no system role: instructions go into the first message of the user. */
  withoutSystem: boolean;
  /** The template has no tools: calls and their outputs become text. */
  callsAsText: boolean;
}

/** Placeholder if a template requires a message of the user and there is none. */
const nobodySpoke = '(The assistant begins.)';
const goOn = '(The assistant goes on.)';
/** Placeholder if the assistant was interrupted before it commented on the outputs of its calls. */
const nothingSaid = '…';

/**
 * System text at the beginning only, then the user and the assistant alternately, beginning and ending with the user or
 * the output of a call. Nothing is left out: later system text is moved into the user's message.
 */
export function strictRoles(messages: readonly Message[], { withoutSystem, callsAsText }: RoleOptions): Message[] {
  const [first] = messages;
  const system = first?.role === 'system' ? textOf(first) : '';
  const rest = first?.role === 'system' ? messages.slice(1) : messages;
  const turns = inTurn(rest.map(systemAsUser).map((message) => (callsAsText ? callAsText(message) : message)));
  if (system === '') return turns;
  if (!withoutSystem) return [{ role: 'system', content: system }, ...turns];
  const [opening, ...others] = turns;
  return [opening?.role === 'user' ? joined({ role: 'user', content: system }, opening) : opening, ...others].filter(
    (message) => message !== undefined,
  );
}

function inTurn(messages: readonly Message[]): Message[] {
  const made: Message[] = [];
  for (const message of messages) {
    const last = made.at(-1);
    if (message.role === 'user') {
      if (last?.role === 'user') made.splice(-1, 1, joined(last, message));
      else made.push(...(last?.role === 'tool' ? [assistantSays(nothingSaid)] : []), message);
    } else if (message.role === 'assistant') {
      const mergeable = last?.role === 'assistant' && last.tool_calls === undefined;
      const content = [mergeable ? textOf(last) : '', textOf(message)].filter((text) => text !== '').join('\n');
      if (mergeable) made.pop();
      if (made.length === 0) made.push({ role: 'user', content: nobodySpoke });
      made.push({ ...message, content });
    } else made.push(message);
  }
  if (made.length === 0) return [{ role: 'user', content: nobodySpoke }];
  const last = made.at(-1);
  return last?.role === 'assistant' ? [...made, { role: 'user', content: goOn }] : made;
}

function systemAsUser(message: Message): Message {
  return message.role === 'system' ? { role: 'user', content: `(System: ${textOf(message)})` } : message;
}

function callAsText(message: Message): Message {
  if (message.role === 'tool') return { role: 'user', content: `(The function returned: ${textOf(message)})` };
  if (message.role !== 'assistant' || message.tool_calls === undefined) return message;
  const calls = message.tool_calls.flatMap((call) =>
    call.type === 'function' ? `(Calls the function ${call.function.name} with ${call.function.arguments})` : [],
  );
  return assistantSays([textOf(message), ...calls].filter((text) => text !== '').join('\n'));
}

function assistantSays(content: string): Message {
  return { role: 'assistant', content };
}

function textOf({ content }: Message): string {
  if (typeof content === 'string') return content;
  return (content ?? []).map((part) => (part.type === 'text' ? part.text : '')).join('\n');
}

function joined(one: UserMessage, other: UserMessage): UserMessage {
  const content =
    typeof one.content === 'string' && typeof other.content === 'string'
      ? `${one.content}\n\n${other.content}`
      : [...partsOf(one), ...partsOf(other)];
  return { role: 'user', content };
}

function partsOf({ content }: UserMessage): Exclude<UserMessage['content'], string> {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content;
}
