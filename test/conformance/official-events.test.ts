/** The validator of frames: it accepts frames of the hosted service and detects each kind of defect. */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Type } from '../../dev/harness/official-declarations.ts';
import { OfficialCheck, officialEvents, type WireDialect } from '../../dev/harness/official-events.ts';
import { isObject } from '../../dev/harness/official-schema.ts';
import { recorded, recordedTypes } from './official-recordings.ts';

const dialects = ['ga', 'beta'] as const;

suite('the declarations of the official SDK are parsed completely', () => {
  const read = (type: Type, seen: Set<Type>): void => {
    if (seen.has(type)) return;
    seen.add(type);
    if (type.kind === 'reference') read(type.resolve(), seen);
    if (type.kind === 'array') read(type.element, seen);
    if (type.kind === 'union') for (const member of type.members) read(member, seen);
    if (type.kind === 'object') {
      for (const property of type.properties.values()) read(property.type, seen);
      if (type.others) read(type.others, seen);
    }
  };
  for (const [dialect, count] of [
    ['ga', 46],
    ['beta', 44],
  ] as const) {
    test(`${dialect}: ${count} events with all properties`, () => {
      const { events } = officialEvents(dialect);
      assert.equal(events.size, count);
      for (const type of events.values()) assert.doesNotThrow(() => read(type, new Set()));
    });
  }
});

suite('frames of the hosted service are accepted', () => {
  for (const dialect of dialects) {
    test(dialect, () => {
      const check = new OfficialCheck(dialect);
      for (const type of recordedTypes(dialect)) assert.deepEqual(check.complaints(recorded(dialect, type)), []);
    });
  }
});

/** Sets the value at a path such as `item.content.0.text`; undefined removes it. */
function changed(frame: string, path: string, value: unknown): string {
  const event: unknown = JSON.parse(frame);
  const names = path.split('.');
  const last = names.pop() ?? '';
  const container = names.reduce<unknown>((inner, name) => Object(inner)[name], event);
  assert.ok(isObject(container) || Array.isArray(container), `nothing at ${path}`);
  Reflect.set(container, last, value);
  return JSON.stringify(event);
}

const long = 'item_0123456789abcdef0123456789ab';
const audio = (bytes: number) => Buffer.alloc(bytes).toString('base64');

/** By defect: the event, the path, the value there, and the expected problem. */
// biome-ignore format: a table
const defects: Record<string, [WireDialect, string, string, unknown, RegExp]> = {
  'an unknown event': ['ga', 'error', 'type', 'response.thinking', /^response\.thinking \(ga\): no such event/],
  'an event of the beta dialect': ['ga', 'response.output_audio.delta', 'type', 'response.audio.delta', /no such event/],
  'an event of the GA dialect': ['beta', 'response.audio.delta', 'type', 'response.output_audio.delta', /no such event/],
  'an unknown property': ['ga', 'error', 'error.hint', 'x', /error\.hint: expected no such property, got "x"/],
  'a missing property': ['ga', 'response.output_audio.delta', 'output_index', undefined, /output_index: expected number/],
  'a wrong type': ['ga', 'response.output_audio.delta', 'output_index', '0', /output_index: expected number, got "0"/],
  'a value outside a list': ['ga', 'session.created', 'session.audio.input.format.rate', 16000, /rate: expected 24000, got 16/],
  'a wrong kind of item': ['ga', 'conversation.item.added', 'item.type', 'note', /item: expected RealtimeConversationItemSystem/],
  'an object for an array': ['ga', 'rate_limits.updated', 'rate_limits', {}, /rate_limits: expected an array of /],
  'a wrong element': ['ga', 'session.created', 'session.output_modalities.0', 'video', /modalities\[0\]: expected "text" \| "au/],
  'a temperature in a GA session': ['ga', 'session.created', 'session.temperature', 0.8, /temperature: expected no such/],
  'a temperature in a GA response': ['ga', 'response.created', 'response.temperature', 0.8, /temperature: expected no such/],
  'GA modalities in beta': ['beta', 'response.created', 'response.output_modalities', [], /modalities: expected no such/],
  'a name with beta arguments': ['beta', 'response.function_call_arguments.done', 'name', 'x', /name: expected no such/],
  'beta images': ['beta', 'response.done', 'response.usage.input_token_details.image_tokens', 0, /image_tokens: expected no/],
  'null outside session and response': ['ga', 'error', 'error.message', null, /error\.message: expected string, got null/],
  'null in a content part': ['ga', 'response.content_part.added', 'part.transcript', null, /part\.transcript: .*got null/],
  'null for what the session requires': ['ga', 'session.created', 'session.type', null, /session\.type: expected "realtime", got null/],
  'no event_id': ['ga', 'error', 'event_id', undefined, /event_id: expected string, got nothing/],
  'an empty event_id': ['ga', 'error', 'event_id', '', /event_id: expected an id that no event had/],
  'no previous_item_id': ['ga', 'conversation.item.added', 'previous_item_id', undefined, /previous_item_id: .*got nothing/],
  'no previous_item_id on commit': ['ga', 'input_audio_buffer.committed', 'previous_item_id', undefined, /previous_item_id/],
  'no beta previous_item_id': ['beta', 'conversation.item.created', 'previous_item_id', undefined, /previous_item_id/],
  'an item id that is too long': ['ga', 'conversation.item.added', 'item.id', long, /item\.id: expected an id of 1 to 32/],
  'an item without id': ['ga', 'conversation.item.added', 'item.id', undefined, /item\.id: expected an id of 1 to 32/],
  'a previous item id that is too long': ['ga', 'conversation.item.added', 'previous_item_id', long, /1 to 32/],
  'a null status': ['ga', 'conversation.item.added', 'item.status', null, /item\.status: .*got null/],
  'a null call_id in a response': ['ga', 'response.done', 'response.output.0.status', null, /left out, not null/],
  'a null transcript of output': ['ga', 'response.done', 'response.output.0.content.0.transcript', null, /left out, not null/],
  'user audio without a transcript': ['ga', 'conversation.item.done', 'item.content.0.transcript', undefined, /transcript/],
  'beta content in a GA item': ['ga', 'response.done', 'response.output.0.content.0.type', 'audio', /"output_audio", got "audio"/],
  'GA content in a beta item': ['beta', 'response.done', 'response.output.0.content.0.type', 'output_audio', /got "output_audio"/],
  'output_audio for a part': ['ga', 'response.content_part.added', 'part.type', 'output_audio', /part\.type: .*"audio", got/],
  'a part without its words': ['ga', 'response.content_part.added', 'part.transcript', undefined, /part\.transcript: .*nothing/],
  'audio in an added item': ['ga', 'conversation.item.done', 'item.content.0.audio', audio(4), /no such property here, got audio/],
  'audio in a response': ['ga', 'response.done', 'response.output.0.content.0.audio', audio(4), /no such property here/],
  'audio in a part': ['ga', 'response.content_part.added', 'part.audio', audio(4), /no such property here/],
  'half a sample': ['ga', 'response.output_audio.delta', 'delta', audio(3), /in samples of 2, got 3 bytes/],
  'a delta of more than 200 ms': ['ga', 'response.output_audio.delta', 'delta', audio(9602), /9600 bytes.*got 9602/],
  'an empty delta of audio': ['beta', 'response.audio.delta', 'delta', '', /got 0 bytes/],
  'audio that is not base64': ['beta', 'response.audio.delta', 'delta', 'no, it is not', /delta: expected base64/],
  'a call that begins completed': ['ga', 'response.output_item.added', 'item.status', 'completed', /item\.status: .*in_progress/],
  'a call that begins with arguments': ['ga', 'response.output_item.added', 'item.arguments', '{}', /item\.arguments/],
  'empty arguments': ['beta', 'response.function_call_arguments.done', 'arguments', '', /at least \{\}/],
  'no metadata': ['ga', 'response.created', 'response.metadata', undefined, /response\.metadata: .*got nothing/],
  'a response that begins completed': ['ga', 'response.created', 'response.status', 'completed', /"in_progress"/],
  'a response that never ends': ['ga', 'response.done', 'response.status', 'in_progress', /response\.status/],
  'no usage': ['ga', 'response.done', 'response.usage', null, /usage\.total_tokens: expected a whole number/],
  'a usage without details': ['beta', 'response.done', 'response.usage.output_token_details', undefined, /whole number/],
  'no status_details': ['beta', 'response.done', 'response.status_details', null, /status_details\.type: expected "cancelled"/],
  'a cancel without a reason': ['beta', 'response.done', 'response.status_details.reason', undefined, /reason: expected a st/],
  'a failure without a message': ['ga', 'response.done', 'response.status', 'failed', /error\.message: expected a string/],
  'an error without param': ['ga', 'error', 'error.param', undefined, /error\.param: .*got nothing/],
  'a session without its format': ['ga', 'session.created', 'session.audio.output.format', undefined, /output\.format: .*nothing/],
  'a beta session without a voice': ['beta', 'session.created', 'session.voice', undefined, /session\.voice: .*nothing/],
};

suite('a defect is reported with the event’s type and the path', () => {
  for (const [name, [dialect, type, path, value, complaint]] of Object.entries(defects)) {
    test(name, () => {
      const check = new OfficialCheck(dialect);
      if (type !== 'response.created') check.complaints(recorded(dialect, 'response.created'));
      const found = check.complaints(changed(recorded(dialect, type), path, value));
      assert.notDeepEqual(found, []);
      for (const line of found) assert.match(line, new RegExp(`^[a-z_.]+ \\(${dialect}\\): `));
      assert.match(found.join('\n'), complaint);
    });
  }

  test('a repeated event_id is reported', () => {
    const check = new OfficialCheck('ga');
    check.complaints(recorded('ga', 'error'));
    assert.match(check.complaints(recorded('ga', 'error')).join(), /event_id: expected an id that no event had/);
  });

  test('G.711 deltas are counted in their own bytes', () => {
    const check = new OfficialCheck('ga');
    const format = { type: 'audio/pcmu' };
    check.complaints(changed(recorded('ga', 'response.created'), 'response.audio.output.format', format));
    const delta = (bytes: number) => changed(recorded('ga', 'response.output_audio.delta'), 'delta', audio(bytes));
    assert.deepEqual(check.complaints(delta(1599)), []);
    assert.match(new OfficialCheck('ga').complaints(delta(9601)).join(), /got 9601 bytes/);
  });
});
