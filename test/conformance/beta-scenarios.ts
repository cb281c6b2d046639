/**
 * Scenarios have events in GA's form. To play one in the beta dialect, client events are converted to beta and server
 * events from beta, by the tables of docs/protocol.md §6.
 */

import { coreName } from '../../dev/harness/derive-requirements.ts';
import type { JsonObject } from '../../dev/recordings/format.ts';

/** Fields of a session and of a response: the path in GA, and the name in beta. */
const fields: Readonly<Record<'session' | 'response', readonly (readonly [ga: string, beta: string])[]>> = {
  session: [
    ['output_modalities', 'modalities'],
    ['max_output_tokens', 'max_response_output_tokens'],
    ['audio.input.format', 'input_audio_format'],
    ['audio.input.transcription', 'input_audio_transcription'],
    ['audio.input.noise_reduction', 'input_audio_noise_reduction'],
    ['audio.input.turn_detection', 'turn_detection'],
    ['audio.output.format', 'output_audio_format'],
    ['audio.output.voice', 'voice'],
    ['audio.output.speed', 'speed'],
  ],
  response: [
    ['output_modalities', 'modalities'],
    ['audio.output.format', 'output_audio_format'],
    ['audio.output.voice', 'voice'],
  ],
};
const formats: readonly (readonly [ga: JsonObject, beta: string])[] = [
  [{ type: 'audio/pcm', rate: 24_000 }, 'pcm16'],
  [{ type: 'audio/pcmu' }, 'g711_ulaw'],
  [{ type: 'audio/pcma' }, 'g711_alaw'],
];
const contents = { output_text: 'text', output_audio: 'audio' } as const;

/** A client event in the beta dialect. */
export function toBeta(event: JsonObject): JsonObject {
  const { session, response, item } = event;
  if (isObject(item)) return { ...event, item: betaItem(item) };
  if (isObject(response)) {
    const input = Array.isArray(response.input) && { input: response.input.map(betaItem) };
    return { ...event, response: { ...flat(response, 'response'), ...input } };
  }
  if (!isObject(session)) return event;
  const { type, ...rest } = session;
  const isTranscription = type === 'transcription';
  return {
    ...event,
    type: isTranscription ? 'transcription_session.update' : event.type,
    session: flat(rest, 'session'),
  };
}

/** A server event of the beta dialect in GA's form. */
export function fromBeta(event: JsonObject): JsonObject {
  const { session, response, error } = event;
  return {
    ...(gaContents(event) as JsonObject),
    type: coreName(String(event.type)),
    ...(isObject(session) && { session: nested(session, 'session') }),
    ...(isObject(response) && { response: nested(gaContents(response) as JsonObject, 'response') }),
    ...(isObject(error) && typeof error.param === 'string' && { error: { ...error, param: gaPath(error.param) } }),
  };
}

/** Whether beta has a server event. */
export function isInBeta({ type }: JsonObject): boolean {
  return type !== 'conversation.item.done';
}

function betaItem(item: unknown): unknown {
  if (!isObject(item) || item.role !== 'assistant' || !Array.isArray(item.content)) return item;
  const content = item.content.map((part) => ({ ...part, type: Reflect.get(contents, part.type) ?? part.type }));
  return { ...item, content };
}

/** Names of assistant content in items, at any depth; parts of `content_part` events have beta's names in both. */
function gaContents(value: unknown, isAssistant = false): unknown {
  if (Array.isArray(value)) return value.map((each) => gaContents(each, isAssistant));
  if (!isObject(value)) return value;
  const inside = isAssistant || value.role === 'assistant';
  const names = Object.entries(contents);
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      inside && name === 'type' ? (names.find(([, beta]) => beta === inner)?.[0] ?? inner) : gaContents(inner, inside),
    ]),
  );
}

function flat(object: JsonObject, kind: keyof typeof fields): JsonObject {
  const { audio: _, output_modalities: __, ...rest } = object;
  const renamed = fields[kind].flatMap(([ga, beta]): [string, unknown][] => {
    const value = ga.split('.').reduce<unknown>((at, name) => (isObject(at) ? at[name] : undefined), object);
    if (value === undefined) return [];
    delete rest[ga];
    return [[beta, betaValue(beta, value)]];
  });
  return { ...rest, ...Object.fromEntries(renamed) };
}

function nested(object: JsonObject, kind: keyof typeof fields): JsonObject {
  const rest = { ...object };
  const audio: Record<string, JsonObject> = { input: {}, output: {} };
  for (const [ga, beta] of fields[kind]) {
    if (!(beta in object)) continue;
    delete rest[beta];
    const [first = '', side = '', name = ''] = ga.split('.');
    const value = gaValue(beta, object[beta]);
    if (first !== 'audio') rest[first] = value;
    else audio[side] = { ...audio[side], [name]: value };
  }
  return { ...rest, audio };
}

function betaValue(name: string, value: unknown): unknown {
  if (name === 'modalities') return JSON.stringify(value) === '["audio"]' ? ['text', 'audio'] : value;
  if (!name.endsWith('_format') || !isObject(value)) return value;
  return formats.find(([{ type }]) => type === value.type)?.[1] ?? value;
}

function gaValue(name: string, value: unknown): unknown {
  if (name === 'modalities') return Array.isArray(value) && value.includes('audio') ? ['audio'] : value;
  return name.endsWith('_format') ? (formats.find(([, beta]) => beta === value)?.[0] ?? value) : value;
}

function gaPath(param: string): string {
  for (const [kind, names] of Object.entries(fields)) {
    for (const [ga, beta] of names) {
      const [whole, own] = [`${kind}.${beta}`, `${kind}.${ga}`];
      if (param === whole || param.startsWith(`${whole}.`)) return own + param.slice(whole.length);
    }
  }
  return param;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
