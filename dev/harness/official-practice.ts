/**
 * Requirements of clients on events beyond the official types (docs/protocol.md §3, §4): one row per rule, with the
 * consequence of breaking it.
 */

import type { WireDialect } from './official-exceptions.ts';
import { at, itemsOf, nulls, oneOf, partsOf, text, without } from './official-frames.ts';
import { isObject, type JsonObject, type Problem } from './official-schema.ts';

interface Format {
  bytesPerSecond: number;
  bytesPerSample: number;
}

const pcm: Format = { bytesPerSecond: 48_000, bytesPerSample: 2 };
const g711: Format = { bytesPerSecond: 8_000, bytesPerSample: 1 };
const maxDeltaSeconds = 0.2;

/** State from earlier events of a connection, for checks of later ones. */
export class Connection {
  readonly dialect: WireDialect;
  readonly eventIds = new Set<unknown>();
  readonly #formats = new Map<unknown, Format>();

  constructor(dialect: WireDialect) {
    this.dialect = dialect;
  }

  /** The format of a response's audio; undefined if the response started before this client attached. */
  formatOf(responseId: unknown): Format | undefined {
    return this.#formats.get(responseId);
  }

  remember(event: JsonObject): void {
    this.eventIds.add(event.event_id);
    if (event.type !== 'response.created') return;
    const name =
      this.dialect === 'ga'
        ? at(event, 'response.audio.output.format.type')
        : at(event, 'response.output_audio_format');
    this.#formats.set(at(event, 'response.id'), name === 'audio/pcm' || name === 'pcm16' ? pcm : g711);
  }
}

interface Rule {
  rule: string;
  /** The consequence of breaking the rule. */
  why: string;
  check: (event: JsonObject, connection: Connection) => Problem[];
}

const added = ['conversation.item.added', 'conversation.item.done', 'conversation.item.created'];
const placed = [...added, 'input_audio_buffer.committed'];
const parts = ['response.content_part.added', 'response.content_part.done'];
const responses = ['response.created', 'response.done'];
const audioDeltas = ['response.output_audio.delta', 'response.audio.delta'];
const ownItems = ['message', 'function_call', 'function_call_output'];

/** A rule for events of some types. */
const on =
  (types: readonly string[], check: Rule['check']): Rule['check'] =>
  (event, connection) =>
    types.includes(String(event.type)) ? check(event, connection) : [];

export const practice: readonly Rule[] = [
  {
    rule: 'every event has an event_id of its own',
    why: 'without one, one SDK demotes every event and another throws',
    check: ({ event_id }, { eventIds }) =>
      typeof event_id === 'string' && event_id !== '' && !eventIds.has(event_id)
        ? []
        : [{ path: 'event_id', expected: 'an id that no event had', got: text(event_id) }],
  },
  {
    rule: 'previous_item_id is there, null at the head',
    why: 'without it, history comes out reversed',
    check: on(placed, (event) => without(event, ['previous_item_id'])),
  },
  {
    rule: 'item ids have at most 32 characters',
    why: 'clients send them back, where longer ones are refused',
    check: (event) =>
      [
        ...itemsOf(event).map(({ path, item }) => ({ path: `${path}.id`, id: item.id, required: true })),
        { path: 'item_id', id: event.item_id, required: 'item_id' in event },
        { path: 'previous_item_id', id: event.previous_item_id ?? undefined, required: false },
      ].flatMap(({ path, id, required }) => {
        // Characters are code points, as in a schema's `maxLength`.
        const good = typeof id === 'string' && id !== '' && [...id].length <= 32;
        return good || (id === undefined && !required)
          ? []
          : [{ path, expected: 'an id of 1 to 32 characters', got: text(id) }];
      }),
  },
  {
    rule: 'optional item fields are left out, not null',
    why: 'one client drops the item, and with it the history',
    check: (event) =>
      itemsOf(event)
        .filter(({ item }) => ownItems.includes(String(item.type)))
        .flatMap(({ path, item }) => [
          ...nulls(path, item, () => false),
          ...partsOf(path, item).flatMap((part) => nulls(part.path, part.part, isHeardTranscript)),
        ]),
  },
  {
    rule: 'user audio has a transcript, or null',
    why: 'one client crashes where the key is missing',
    check: (event) =>
      itemsOf(event)
        .flatMap(({ path, item }) => partsOf(path, item))
        .filter(({ part }) => part.type === 'input_audio')
        .flatMap(({ path, part }) => without(part, ['transcript'], path)),
  },
  {
    rule: 'assistant content is of the dialect',
    why: 'clients know only their own names for it, and lose the text',
    check: (event, { dialect }) => {
      const known = dialect === 'ga' ? ['output_text', 'output_audio'] : ['text', 'audio'];
      return itemsOf(event)
        .filter(({ item }) => item.role === 'assistant')
        .flatMap(({ path, item }) => partsOf(path, item))
        .flatMap(({ path, part }) => oneOf(`${path}.type`, part.type, known));
    },
  },
  {
    rule: 'content_part events say text or audio, with what was said so far',
    why: 'clients know these parts by these names in both dialects',
    check: on(parts, (event) => [
      ...oneOf('part.type', at(event, 'part.type'), ['text', 'audio']),
      ...without(Object(event.part), [at(event, 'part.type') === 'text' ? 'text' : 'transcript'], 'part'),
    ]),
  },
  {
    rule: 'bytes of audio are in deltas and in conversation.item.retrieved only',
    why: 'a long conversation would be sent over and over',
    check: (event) => {
      if (event.type === 'conversation.item.retrieved') return [];
      return [
        ...itemsOf(event).flatMap(({ path, item }) => partsOf(path, item)),
        ...(isObject(event.part) ? [{ path: 'part', part: event.part }] : []),
      ]
        .filter(({ part }) => 'audio' in part)
        .map(({ path }) => ({ path: `${path}.audio`, expected: 'no such property here', got: 'audio' }));
    },
  },
  {
    rule: 'deltas of audio hold whole samples, at most 200 ms',
    why: 'half a sample turns all that follows into noise, and long deltas cannot be interrupted',
    check: on(audioDeltas, (event, connection) => {
      const bytes = Buffer.from(String(event.delta), 'base64');
      const { bytesPerSecond, bytesPerSample } = connection.formatOf(event.response_id) ?? {
        ...pcm,
        bytesPerSample: 1,
      };
      const expected = `base64 of 1 to ${bytesPerSecond * maxDeltaSeconds} bytes, in samples of ${bytesPerSample}`;
      const good =
        bytes.toString('base64') === event.delta &&
        bytes.length > 0 &&
        bytes.length <= bytesPerSecond * maxDeltaSeconds &&
        bytes.length % bytesPerSample === 0;
      return good ? [] : [{ path: 'delta', expected, got: `${bytes.length} bytes` }];
    }),
  },
  {
    rule: 'an item of a response begins in progress and empty',
    why: 'a function call that is already completed runs its tool without arguments',
    check: on(['response.output_item.added'], ({ item }) => [
      ...(ownItems.includes(String(at(item, 'type'))) ? oneOf('item.status', at(item, 'status'), ['in_progress']) : []),
      ...(['function_call', 'mcp_call'].includes(String(at(item, 'type')))
        ? oneOf('item.arguments', at(item, 'arguments'), [''])
        : []),
      ...(at(item, 'type') === 'message' ? oneOf('item.content.length', at(item, 'content.length'), [0]) : []),
    ]),
  },
  {
    rule: 'finished arguments are not empty',
    why: 'clients parse them as JSON',
    check: on(['response.function_call_arguments.done', 'response.mcp_call_arguments.done'], (event) =>
      event.arguments === '' ? [{ path: 'arguments', expected: 'at least {}', got: '""' }] : [],
    ),
  },
  {
    rule: 'a call of a tool has its output, or null',
    why: 'one client refuses the item where the key is missing',
    check: (event) =>
      itemsOf(event)
        .filter(({ item }) => item.type === 'mcp_call')
        .flatMap(({ path, item }) => without(item, ['output'], path)),
  },
  {
    rule: 'a response has all its fields, and metadata',
    why: 'clients match their request to its response by its metadata, and read the others unasked',
    check: on(responses, (event) =>
      without(
        Object(event.response),
        ['id', 'object', 'status', 'status_details', 'output', 'conversation_id', 'metadata', 'usage'],
        'response',
      ),
    ),
  },
  {
    rule: 'response.created is in progress, with nothing in it',
    why: 'clients take its status for the state of the response',
    check: on(['response.created'], ({ response }) => [
      ...oneOf('response.status', at(response, 'status'), ['in_progress']),
      ...oneOf('response.output.length', at(response, 'output.length'), [0]),
      ...oneOf('response.usage', at(response, 'usage'), [null]),
    ]),
  },
  {
    rule: 'response.done has a whole usage, also when cancelled',
    why: 'clients add it up without looking',
    check: on(['response.done'], ({ response }) =>
      [
        ['total_tokens', 'input_tokens', 'output_tokens'],
        ['input_token_details.text_tokens', 'input_token_details.audio_tokens', 'input_token_details.cached_tokens'],
        ['output_token_details.text_tokens', 'output_token_details.audio_tokens'],
      ]
        .flat()
        .map((path) => `usage.${path}`)
        .filter((path) => !Number.isInteger(at(response, path)))
        .map((path) => ({ path: `response.${path}`, expected: 'a whole number', got: text(at(response, path)) })),
    ),
  },
  {
    rule: 'status_details say how a response ended',
    why: 'clients read the reason, or the message of the error, without looking',
    check: on(['response.done'], ({ response }) => {
      const status = at(response, 'status');
      const ended = oneOf('response.status', status, ['completed', 'cancelled', 'incomplete', 'failed']);
      const details = at(response, 'status_details');
      if (status === 'completed' && details === null) return ended;
      const reason = status === 'failed' ? 'error.message' : 'reason';
      return [
        ...ended,
        ...oneOf('response.status_details.type', at(details, 'type'), [status]),
        ...(status === 'completed' || typeof at(details, reason) === 'string'
          ? []
          : [{ path: `response.status_details.${reason}`, expected: 'a string', got: text(at(details, reason)) }]),
      ];
    }),
  },
  {
    rule: 'an error has all its fields',
    why: 'clients match it to their event by its event_id, null or not',
    check: on(['error'], (event) =>
      without(Object(event.error), ['type', 'code', 'message', 'param', 'event_id'], 'error'),
    ),
  },
  {
    rule: 'a failed transcription says why',
    why: 'clients show the message',
    check: on(['conversation.item.input_audio_transcription.failed'], (event) =>
      without(Object(event.error), ['type', 'code', 'message'], 'error'),
    ),
  },
  {
    rule: 'the whole effective session is sent',
    why: 'clients replace their own with it',
    check: on(['session.created', 'session.updated'], ({ session }, { dialect }) => {
      if (at(session, 'type') === 'transcription')
        return without(Object(session), ['id', 'object', 'audio'], 'session');
      return wholeSession[dialect]
        .filter((path) => at(session, path) === undefined)
        .map((path) => ({ path: `session.${path}`, expected: 'a value, or null', got: 'nothing' }));
    }),
  },
];

const wholeSession: Record<WireDialect, readonly string[]> = {
  ga: [
    ...['type', 'object', 'id', 'model', 'output_modalities', 'instructions', 'tools', 'tool_choice'],
    ...['max_output_tokens', 'tracing', 'truncation', 'prompt', 'expires_at', 'include'],
    ...['format', 'transcription', 'noise_reduction', 'turn_detection'].map((name) => `audio.input.${name}`),
    ...['format', 'voice', 'speed'].map((name) => `audio.output.${name}`),
  ],
  beta: [
    ...['id', 'object', 'model', 'modalities', 'instructions', 'voice', 'input_audio_format', 'output_audio_format'],
    ...['input_audio_transcription', 'turn_detection', 'tools', 'tool_choice', 'temperature'],
    ...['max_response_output_tokens', 'expires_at'],
  ],
};

function isHeardTranscript(name: string, part: JsonObject): boolean {
  return name === 'transcript' && part.type === 'input_audio';
}
