import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { encodeBase64 } from '../../console/audio/pcm.js';
import { readStereo, WavError, writeStereo } from '../../console/audio/wav.js';
import { SessionRecord } from '../../console/session/record.js';
import { formatAudio, formatEvents, parseSession, SessionFileError } from '../../console/session/session-file.js';

const speech = new Int16Array(480).fill(700);

function newRecord(): SessionRecord {
  const record = new SessionRecord(new Date('2026-11-29T08:00:00Z'));
  record.add('sent', { type: 'input_audio_buffer.append', audio: encodeBase64(speech) }, 70_020, 900);
  const inItem = { response_id: 'r', item_id: 'i', content_index: 0, output_index: 0 };
  const delta = encodeBase64(speech.map((sample) => -sample));
  record.add('received', { type: 'response.output_audio.delta', event_id: 'e', delta, ...inItem }, 70_500, 910);
  record.addPlayed({ itemId: 'i', contentIndex: 0, playedSamples: 480 }, 71_000);
  return record;
}

suite('a saved session', () => {
  test('opened again, it has the same events, and its audio at the same times', () => {
    const record = newRecord();
    const opened = parseSession(formatEvents(record), formatAudio(record));
    assert.deepEqual(opened.entries, record.entries);
    assert.deepEqual(opened.played, [{ itemId: 'i', startMs: 70_980, endMs: 71_000 }]);
    assert.deepEqual(opened.startedAt, record.startedAt);
    assert.deepEqual(opened.user.samples(69_990, 70_050), record.user.samples(69_990, 70_050));
    assert.deepEqual(opened.assistant.samples(70_970, 71_010), record.assistant.samples(70_970, 71_010));
    assert.equal(opened.assistant.samples(70_980, 70_981)[0], -700);
  });

  test('the WAV starts with the first audio, the user on the left', () => {
    const audio = formatAudio(newRecord()) ?? assert.fail();
    const { left, right, startMs } = readStereo(audio);
    assert.deepEqual([startMs, left.length], [70_000, 24_000]);
    assert.deepEqual([left[0], left[479], left[480], right[0], right.at(-1)], [700, 700, 0, 0, -700]);
  });

  test('without audio there is no WAV, and the events can be opened alone', () => {
    const record = new SessionRecord(new Date());
    assert.equal(formatAudio(record), null);
    assert.ok(parseSession(formatEvents(newRecord()), null).user.isEmpty);
  });

  test('what cannot be opened is named', () => {
    const first = '{"parley_session":1,"started_at":"2026-11-29T08:00:00Z"}\n';
    const event = (fields: object) => `${first}${JSON.stringify({ ms: 1, direction: 'sent', bytes: 2, ...fields })}\n`;
    const received = (fields: object) => event({ direction: 'received', event: fields });
    const message = (part: unknown) => ({ id: 'i', type: 'message', role: 'user', content: [part] });
    for (const [text, problem] of [
      ['', /^Line 1 is not a JSON object/],
      ['{}', /^Line 1 is not the first line/],
      ['{"parley_session":1,"started_at":"never"}', /^Line 1 has no valid started_at/],
      [`${first}[`, /^Line 2 is not a JSON object/],
      [event({}), /^Line 2 is not an event that this page knows/],
      [event({ event: { type: 1 } }), /^Line 2 is not an event/],
      [event({ event: { type: 'session.created' } }), /^Line 2 is not an event/],
      [event({ event: { type: 'error' } }), /^Line 2 is not an event/],
      [
        received({ type: 'conversation.item.added', item: { id: 'i', type: 'message', role: 'user' } }),
        /^Line 2 is not/,
      ],
      [received({ type: 'conversation.item.added', item: message(null) }), /^Line 2 is not/],
      [
        received({ type: 'conversation.item.added', item: message({ type: 'input_image', image_url: 1 }) }),
        /^Line 2 is/,
      ],
      [received({ type: 'response.done', response: { id: 'r', status_details: null, usage: null } }), /^Line 2 is not/],
      [received({ type: 'response.output_text.delta', item_id: 'i' }), /^Line 2 is not/],
      [event({ ms: '1', event: { type: 'response.create' } }), /^Line 2 is not an event/],
      [`${first}{"played":{"item_id":"i","start_ms":-1,"end_ms":2}}`, /^Line 2 is not an event/],
    ] as const) {
      assert.throws(() => parseSession(text, null), { message: problem, constructor: SessionFileError }, text);
    }
    const mono = new Uint8Array(writeStereo(speech, speech, 0));
    mono[22] = 1;
    const late = writeStereo(speech, speech, 10 ** 10);
    for (const audio of [new ArrayBuffer(3), new ArrayBuffer(60), mono.buffer, late])
      assert.throws(() => parseSession(first, audio), WavError);
  });

  test('beyond 200 MB of events, the oldest are dropped; audio that was replaced does not count', () => {
    const record = new SessionRecord(new Date());
    const entry = (type: 'response.create' | 'input_audio_buffer.append', atMs: number) => ({
      ...{ atMs, direction: 'sent' as const, bytes: 10_000_000, audio: null },
      event: type === 'response.create' ? { type } : { type, audio: '<7.50 MB of audio>' },
    });
    for (let i = 0; i < 30; i++) record.restore(entry('input_audio_buffer.append', i));
    assert.equal(record.entries.length, 30);
    for (let i = 30; i < 90; i++) record.restore(entry('response.create', i));
    assert.ok(record.entries.length <= 20, `${record.entries.length} events`);
    assert.equal(record.entries.at(-1)?.atMs, 89);
  });

  test('beyond 20,000 stretches of played answers, the oldest are dropped', () => {
    const record = new SessionRecord(new Date());
    for (let i = 0; i <= 20_000; i++) record.restorePlayed({ itemId: 'i', startMs: i, endMs: i + 1 });
    assert.equal(record.played.length, 18_001);
  });

  test('an event of a type that the page does not know is shown', () => {
    const later = JSON.stringify({ ms: 1, direction: 'received', bytes: 2, event: { type: 'later.event', x: [1] } });
    const opened = parseSession(`{"parley_session":1,"started_at":"2026-11-29T08:00:00Z"}\n${later}\n`, null);
    assert.equal(opened.entries.length, 1);
  });
});
