import { Responder } from '../../src/engines/embedded/responder/responder.ts';
import type { ContextItem, ModelEvent, ModelRequest } from '../../src/session/ports/language-model.ts';

/** Tuesday, 3 November 2026, 15:05 UTC. */
export const NOW = new Date(Date.UTC(2026, 10, 3, 15, 5));
export const responder = new Responder({ now: () => NOW, timeZone: 'UTC' });

export const user = (text: string): ContextItem => ({
  type: 'message',
  role: 'user',
  content: [{ type: 'text', text }],
});
export const assistant = (text: string): ContextItem => ({
  type: 'message',
  role: 'assistant',
  content: [{ type: 'text', text }],
});
export const system = (text: string): ContextItem => ({
  type: 'message',
  role: 'system',
  content: [{ type: 'text', text }],
});

export function requestOf(items: readonly ContextItem[], changes: Partial<ModelRequest> = {}): ModelRequest {
  return {
    model: 'gpt-realtime',
    instructions: '',
    items,
    tools: [],
    toolChoice: 'auto',
    maxOutputTokens: 'inf',
    spoken: false,
    signal: new AbortController().signal,
    ...changes,
  };
}

export async function eventsOf(request: ModelRequest): Promise<ModelEvent[]> {
  const events: ModelEvent[] = [];
  for await (const event of responder.generate(request)) events.push(event);
  return events;
}

export const textOf = (events: readonly ModelEvent[]) =>
  events.map((event) => (event.type === 'text' ? event.text : '')).join('');

export interface Call {
  name: string;
  arguments: unknown;
}

export function callsOf(events: readonly ModelEvent[]): Call[] {
  const calls: { name: string; json: string }[] = [];
  for (const event of events) {
    if (event.type === 'call') calls.push({ name: event.name, json: '' });
    const open = calls.at(-1);
    if (event.type === 'call_arguments' && open) open.json += event.delta;
  }
  return calls.map((call) => ({ name: call.name, arguments: JSON.parse(call.json) }));
}

/** The text of the answer to a conversation; a string is a single user message. */
export async function reply(
  said: string | readonly ContextItem[],
  changes: Partial<ModelRequest> = {},
): Promise<string> {
  const items = typeof said === 'string' ? [user(said)] : said;
  return textOf(await eventsOf(requestOf(items, changes)));
}
