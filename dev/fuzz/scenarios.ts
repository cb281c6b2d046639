/** Typical sequences of client events: the basis of most cases. */

import type { WireDialect } from '../harness/official-events.ts';
import { orders } from './engines.ts';
import type { Random } from './random.ts';
import { audio } from './values.ts';

type Event = { type: string } & Record<string, unknown>;

const tool = {
  type: 'function',
  name: 'get_weather',
  description: 'The weather in a city',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};

const append = (bytes: string): Event => ({ type: 'input_audio_buffer.append', audio: bytes });
const commit: Event = { type: 'input_audio_buffer.commit' };
const clear: Event = { type: 'input_audio_buffer.clear' };
const cancel: Event = { type: 'response.cancel' };
const create: Event = { type: 'response.create' };

function message(role: 'user' | 'system' | 'assistant', part: object, id?: string): Event {
  return {
    type: 'conversation.item.create',
    item: { ...(id !== undefined && { id }), type: 'message', role, content: [part] },
  };
}

const user = (text: string, id?: string) => message('user', { type: 'input_text', text }, id);

/** An update of the session in the shape of a dialect. */
function update(
  dialect: WireDialect,
  parts: {
    speed?: number;
    tracing?: string;
    transcriptionPrompt?: string;
    vad?: 'server_vad' | 'semantic_vad' | null;
    tools?: boolean;
    text?: boolean;
    ulaw?: boolean;
  },
): Event {
  const detection = parts.vad === undefined ? undefined : parts.vad === null ? null : { type: parts.vad };
  const tools = parts.tools ? { tools: [tool], tool_choice: 'auto' } : {};
  const tracing = parts.tracing === undefined ? {} : { tracing: { workflow_name: parts.tracing } };
  const speed = parts.speed === undefined ? {} : { speed: parts.speed };
  const transcription = { model: 'whisper-1', ...(parts.transcriptionPrompt && { prompt: parts.transcriptionPrompt }) };
  if (dialect === 'beta') {
    return {
      type: 'session.update',
      session: {
        ...tools,
        ...tracing,
        ...speed,
        ...(detection !== undefined && { turn_detection: detection }),
        ...(parts.text && { modalities: ['text'] }),
        ...(parts.ulaw && { input_audio_format: 'g711_ulaw', output_audio_format: 'g711_alaw' }),
        input_audio_transcription: transcription,
      },
    };
  }
  const format = { format: { type: 'audio/pcmu' } };
  return {
    type: 'session.update',
    session: {
      type: 'realtime',
      ...tools,
      ...tracing,
      ...(parts.text && { output_modalities: ['text'] }),
      audio: {
        input: {
          ...(detection !== undefined && { turn_detection: detection }),
          ...(parts.ulaw && format),
          transcription,
        },
        ...((parts.ulaw || parts.speed) && { output: { ...(parts.ulaw && format), ...speed } }),
      },
    },
  };
}

const pairs = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']));

const outOfBand = (dialect: WireDialect): Event => ({
  type: 'response.create',
  response: {
    conversation: 'none',
    input: [{ type: 'item_reference', id: 'item_a' }],
    metadata: { topic: 'x' },
    ...(dialect === 'ga' ? { output_modalities: ['text'] } : { modalities: ['text'] }),
  },
});

const scenarios: readonly ((dialect: WireDialect) => Event[])[] = [
  () => [user('Hello.', 'item_a'), create],
  (dialect) => [update(dialect, { text: true }), user('Say exactly: one two three.', 'item_b'), create, cancel],
  (dialect) => [update(dialect, { vad: 'server_vad' }), append(audio.turn), append(audio.quiet), append(audio.quiet)],
  (dialect) => [update(dialect, { vad: 'semantic_vad' }), append(audio.loud), append(audio.turn), append(audio.turn)],
  (dialect) => [update(dialect, { vad: null }), append(audio.loud), append(audio.odd), commit, create],
  (dialect) => [update(dialect, { vad: null, ulaw: true }), append(audio.odd), append(audio.loud), commit, create],
  (dialect) => [
    update(dialect, { tools: true }),
    user('What is the weather in Paris?'),
    create,
    { type: 'conversation.item.create', item: { type: 'function_call_output', call_id: '@call', output: '{"t":20}' } },
    create,
  ],
  () => [
    {
      type: 'conversation.item.create',
      item: { type: 'function_call', call_id: 'call_a', name: 'f', arguments: '{}' },
    },
    { type: 'conversation.item.create', item: { type: 'function_call_output', call_id: 'call_a', output: 'x' } },
  ],
  () => [
    user('A question.'),
    create,
    { type: 'conversation.item.truncate', item_id: '@item', content_index: 0, audio_end_ms: 40 },
    { type: 'conversation.item.retrieve', item_id: '@item' },
    { type: 'conversation.item.delete', item_id: '@item' },
  ],
  () => [
    user('First.', 'item_a'),
    { ...user('Second.', 'item_b'), previous_item_id: 'root' },
    { type: 'conversation.item.delete', item_id: 'item_a' },
  ],
  (dialect) => [user('Context.', 'item_a'), outOfBand(dialect), outOfBand(dialect)],
  () => [
    message('user', { type: 'input_audio', audio: audio.loud }, 'item_c'),
    { type: 'conversation.item.retrieve', item_id: 'item_c' },
    create,
  ],
  () => [message('system', { type: 'input_text', text: 'Be brief.' }), append(audio.turn), clear, commit],
  (dialect) => [
    message('assistant', { type: dialect === 'ga' ? 'output_text' : 'text', text: 'I see.' }),
    create,
    append(audio.turn),
    cancel,
  ],
  (dialect) => [
    append(audio.turn),
    update(dialect, { vad: null }),
    append(audio.loud),
    update(dialect, { vad: 'server_vad' }),
    append(audio.turn),
  ],
  () => [user(orders.slowly), create, cancel, { ...cancel, response_id: '@response' }],
  () => [user(orders.slowly), create, append(audio.turn), append(audio.quiet)],
  (dialect) => [user(orders.slowly), create, create, update(dialect, { speed: 0.5 }), update(dialect, { speed: 1.5 })],
  (dialect) => [user(orders.slowly, 'item_a'), ...Array.from({ length: 10 }, () => outOfBand(dialect))],
  (dialect) => [update(dialect, { tracing: 'a' }), update(dialect, { tracing: 'b' })],
  (dialect) => [update(dialect, { vad: 'server_vad', transcriptionPrompt: orders.fail }), append(audio.turn)],
  () => [{ type: 'response.create', response: { metadata: pairs(17) } }],
  () => [message('user', { type: 'input_image', image_url: 'http://10.0.0.1/x.png' }), create],
  (dialect) => [update(dialect, { text: true }), user('word '.repeat(350)), create],
  () => [user(orders.fail), create, user(orders.mute), create],
  () => [{ type: 'output_audio_buffer.clear' }, create, create, cancel, cancel, clear],
];

/** Rare, because generating, sending and parsing it takes as long as hundreds of others. */
const tooManyValues = (): Event[] => [{ type: 'response.cancel', surplus: Array.from({ length: 50_001 }, () => 0) }];

/** The events of a few scenarios, consecutive or interleaved. */
export function scenarioEvents(random: Random, dialect: WireDialect): Event[] {
  const pick = () => (random.chance(0.001) ? tooManyValues : random.pick(scenarios))(dialect);
  const events = Array.from({ length: random.integer(2, 7) }, pick).flat();
  return random.chance(0.3) ? random.shuffled(events) : events;
}
