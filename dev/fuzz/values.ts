/** Random values of declared types: the official SDK's declarations define the events. */

import { declarationFile, membersOf, type Type } from '../harness/official-declarations.ts';
import type { WireDialect } from '../harness/official-events.ts';
import { orders } from './engines.ts';
import type { Random } from './random.ts';

const resources = new URL('../../node_modules/openai/resources/', import.meta.url);

/** A type that one of the SDK's files declares. */
export function officialType(file: string, name: string): Type {
  return declarationFile(new URL(file, resources)).type(name);
}

const clientEvents: Record<WireDialect, readonly Type[]> = {
  ga: membersOf(officialType('realtime/realtime.d.ts', 'RealtimeClientEvent')),
  beta: membersOf(officialType('beta/realtime/realtime.d.ts', 'RealtimeClientEvent')),
};

/** An event of any type that clients of a dialect may send. */
export function officialClientEvent(random: Random, dialect: WireDialect): object {
  return objectOf(random, random.pick(clientEvents[dialect]));
}

/** An object of a declared type. */
export function objectOf(random: Random, type: Type): object {
  const value = anyOf(random, type, '', 0);
  return typeof value === 'object' && value !== null ? value : {};
}

function anyOf(random: Random, type: Type, name: string, depth: number): unknown {
  switch (type.kind) {
    case 'reference':
      return anyOf(random, type.resolve(), name, depth);
    case 'literal':
      return type.value;
    case 'union':
      return anyOf(random, random.pick(type.members), name, depth);
    case 'array':
      return Array.from(
        {
          length: random.weighted([
            [2, 0],
            [4, 1],
            [2, 2],
            [1, 3],
          ]),
        },
        () => anyOf(random, type.element, name, depth + 1),
      );
    case 'object':
      return membersIn(random, type, depth);
    case 'unknown':
      return { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
    case 'primitive':
      if (type.name === 'boolean') return random.chance(0.5);
      return type.name === 'number' ? random.pick(numbersFor(name)) : random.pick(stringsFor(name));
  }
}

function membersIn(random: Random, type: Extract<Type, { kind: 'object' }>, depth: number): object {
  const object: Record<string, unknown> = {};
  // Rarely all optional properties: the more an event has, the more likely it is refused.
  const share = depth > 4 ? 0.15 : random.pick([0.1, 0.3, 0.8]);
  for (const [name, { type: inner, optional }] of type.properties) {
    if (!optional || random.chance(share)) object[name] = anyOf(random, inner, name, depth + 1);
  }
  if (type.others && random.chance(0.5)) object.key = anyOf(random, type.others, 'value', depth + 1);
  return object;
}

/** Appended audio: 100 ms loud, 100 ms quiet, half a second of both, and odd lengths. At 24 kHz. */
export const audio = {
  loud: pcm(100, 12_000),
  quiet: pcm(100, 0),
  turn: Buffer.concat([pcmBytes(200, 12_000), pcmBytes(700, 0)]).toString('base64'),
  odd: pcmBytes(10, 12_000).subarray(0, 333).toString('base64'),
};

function pcm(ms: number, amplitude: number): string {
  return pcmBytes(ms, amplitude).toString('base64');
}

function pcmBytes(ms: number, amplitude: number): Buffer {
  const samples = Int16Array.from({ length: 24 * ms }, (_, index) => (index % 2 === 0 ? amplitude : -amplitude));
  return Buffer.from(samples.buffer);
}

/** `@item`, `@response` and `@call` stand for the last ids that the server has sent on the connection. */
const ids = ['item_a', 'item_b', 'item_c', '@item'];
const words = [
  'Say exactly: one two three.',
  'What is the weather in Paris?',
  'Please repeat after me: hello.',
  'What did I say? What is 2 + 2?',
  'Hello {{name}}. Мир! 世界 💥',
  ...Object.values(orders),
];

const stringPools: Record<string, readonly string[]> = {
  audio: [audio.loud, audio.quiet, audio.turn, audio.odd, ''],
  item_id: ids,
  id: ids,
  previous_item_id: ['root', ...ids],
  call_id: ['call_a', '@call'],
  response_id: ['@response'],
  model: ['gpt-realtime', 'gpt-4o-mini-transcribe', 'whisper-1'],
  voice: ['alloy', 'ash', 'marin', 'verse'],
  language: ['en', 'fr', ''],
  instructions: words,
  text: words,
  transcript: words,
  prompt: words,
  name: ['get_weather', 'f'],
  arguments: ['{}', '{"city":"Paris"}'],
  output: ['{"temperature":20}', 'x', ''],
  image_url: [
    'data:image/png;base64,iVBORw0KGgo=',
    'http://127.0.0.1:9/x.png',
    'http://[::ffff:127.0.0.1]/',
    'https://localhost/',
  ],
  server_url: ['https://127.0.0.1:9/'],
  type: ['function', 'server_vad', 'auto'],
  expires_at: ['created_at'],
};

const numberPools: Record<string, readonly number[]> = {
  threshold: [0, 0.5, 1],
  prefix_padding_ms: [0, 100, 300, 5000],
  silence_duration_ms: [0, 100, 200, 500],
  idle_timeout_ms: [5000, 6000, 30_000],
  audio_end_ms: [0, 1, 50, 100, 2000],
  content_index: [0, 1],
  speed: [0.25, 1, 1.5],
  temperature: [0.6, 0.8, 1.2],
  rate: [24_000],
  retention_ratio: [0, 0.5, 1],
  post_instructions: [0, 10, 1000],
  seconds: [10, 600, 7200],
  expires_at: [1_900_000_000],
};

function stringsFor(name: string): readonly string[] {
  return stringPools[name] ?? ['x', 'value', 'wf'];
}

function numbersFor(name: string): readonly number[] {
  return numberPools[name] ?? [0, 1, 16, 4096];
}
