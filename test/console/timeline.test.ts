import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { encodeBase64 } from '../../console/audio/pcm.js';
import type { ClientEvent, ServerEvent } from '../../console/session/record.js';
import { SessionRecord } from '../../console/session/record.js';
import { describeMark } from '../../console/timeline/describe.js';
import type { Row } from '../../console/timeline/mark-list.js';
import { Marks } from '../../console/timeline/marks.js';
import { tickMs, Viewport } from '../../console/timeline/viewport.js';

const pcm = (ms: number, value = 8000) => new Int16Array(ms * 24).fill(value);

/** A record, its marks, and functions that add what happens at a time. */
function newTimeline() {
  const record = new SessionRecord(new Date(0));
  const marks = new Marks();
  record.observe({
    onEntry: (entry) => marks.add(entry),
    onPlayed: (played, entry) => marks.played(played, entry),
  });
  return {
    record,
    receive: (atMs: number, event: object) =>
      record.add('received', { event_id: 'event', ...event } as ServerEvent, atMs, 100),
    send: (atMs: number, event: object) => record.add('sent', event as ClientEvent, atMs, 100),
    /** The microphone from one time to another, in chunks of 20 ms that are sent when they are complete. */
    talk(fromMs: number, untilMs: number) {
      for (let atMs = fromMs + 20; atMs <= untilMs; atMs += 20)
        record.add('sent', { type: 'input_audio_buffer.append', audio: encodeBase64(pcm(20)) }, atMs, 1300);
    },
    row: (row: Row) => marks.all.filter((mark) => mark.row === row),
    times: (row: Row) => marks.all.filter((mark) => mark.row === row).map(({ startMs, endMs }) => [startMs, endMs]),
  };
}

suite('marks of the timeline', () => {
  test('speech is where its audio is on the axis, also after a pause of the microphone', () => {
    const { receive, talk, times, row } = newTimeline();
    talk(1000, 2000);
    talk(5000, 8000);
    receive(6000, { type: 'input_audio_buffer.speech_started', audio_start_ms: 1700, item_id: 'a' });
    receive(7520, { type: 'input_audio_buffer.speech_stopped', audio_end_ms: 3500, item_id: 'a' });
    receive(7530, { type: 'input_audio_buffer.committed', item_id: 'a', previous_item_id: null });
    assert.deepEqual(times('speech'), [[5700, 7500]]);
    assert.deepEqual(times('turns'), [[5700, 7530]]);
    const figures = describeMark(row('speech')[0] ?? assert.fail());
    assert.equal(
      figures,
      'Speech · 5.7 s to 7.5 s, 1.80 s · audio_start_ms: 1,700 ms · reported at: 6.000 s · audio_end_ms: 3,500 ms · decided at: 7.520 s',
    );
  });

  test('each connection counts its input audio from 0', () => {
    const { receive, talk, times } = newTimeline();
    talk(0, 3000);
    receive(4000, { type: 'session.created', session: { id: 'sess_2' } });
    talk(10_000, 12_000);
    receive(11_000, { type: 'input_audio_buffer.speech_started', audio_start_ms: 400, item_id: 'b' });
    assert.deepEqual(times('speech'), [[10_400, null]]);
  });

  test('in a call, whose audio is in no event, the earlier report of a turn aligns it', () => {
    const { receive, times } = newTimeline();
    receive(3400, { type: 'input_audio_buffer.speech_started', audio_start_ms: 2000, item_id: 'a' });
    receive(5050, { type: 'input_audio_buffer.speech_stopped', audio_end_ms: 4000, item_id: 'a' });
    assert.deepEqual(times('speech'), [[3050, 5050]]);
    receive(8000, { type: 'input_audio_buffer.speech_started', audio_start_ms: 6600, item_id: 'b' });
    assert.deepEqual(times('speech').at(-1), [7650, null]);
    // The browser has sent nothing for 2 s.
    receive(11_650, { type: 'input_audio_buffer.speech_stopped', audio_end_ms: 8600, item_id: 'b' });
    receive(14_000, { type: 'input_audio_buffer.speech_started', audio_start_ms: 10_600, item_id: 'c' });
    receive(15_650, { type: 'input_audio_buffer.speech_stopped', audio_end_ms: 12_600, item_id: 'c' });
    assert.deepEqual(times('speech').at(-1), [13_650, 15_650]);
  });

  test('a transcript lasts from the commit to its completion, a response to response.done', () => {
    const { receive, row } = newTimeline();
    receive(1000, { type: 'input_audio_buffer.committed', item_id: 'a', previous_item_id: null });
    const part = { item_id: 'a', content_index: 0 };
    receive(1100, { type: 'conversation.item.input_audio_transcription.delta', delta: 'What', ...part });
    receive(1200, { type: 'conversation.item.input_audio_transcription.completed', transcript: 'What?', ...part });
    const inItem = { response_id: 'r', item_id: 'i', content_index: 0, output_index: 0 };
    receive(1250, { type: 'response.created', response: { id: 'r' } });
    receive(1400, { type: 'response.output_audio.delta', delta: encodeBase64(pcm(20)), ...inItem });
    receive(1410, { type: 'response.output_audio_transcript.delta', delta: 'That.', ...inItem });
    const reason = { type: 'cancelled', reason: 'turn_detected' };
    receive(2000, {
      type: 'response.done',
      response: { id: 'r', status: 'cancelled', status_details: reason, usage: null },
    });
    assert.equal(row('transcripts').map(describeMark).join(), 'Transcript “What?” · 1 s to 1.2 s, 200 ms');
    assert.equal(
      row('responses').map(describeMark).join(),
      'Response “That.” · 1.25 s to 2 s, 750 ms · first audio: after 150 ms · status: cancelled: turn_detected',
    );
  });

  test('the waterfall begins at the end of speech, and ends at the first sound', () => {
    const { receive, talk, row } = newTimeline();
    talk(0, 4000);
    receive(3000, { type: 'input_audio_buffer.speech_started', audio_start_ms: 1000, item_id: 'a' });
    receive(4010, { type: 'input_audio_buffer.speech_stopped', audio_end_ms: 4000, item_id: 'a' });
    receive(4100, { type: 'response.created', response: { id: 'r' } });
    receive(6000, {
      type: 'parley.ledger',
      response_id: 'r',
      item_id: 'a',
      at_ms: { decided: 510, audible: 900 },
      parts_ms: { policy: 510, transcriber: 100, language_model: 0, voice: 250, parley: 40 },
    });
    assert.deepEqual(
      row('ledger').map(({ tone, startMs, endMs }) => [tone, startMs, endMs]),
      [
        ['policy', 3500, 4010],
        ['transcriber', 4010, 4110],
        ['voice', 4110, 4360],
        ['parley', 4360, 4400],
      ],
    );
  });

  test('without a turn by voice activity the waterfall begins with the response', () => {
    const { receive, row } = newTimeline();
    receive(100, { type: 'response.created', response: { id: 'r' } });
    receive(900, {
      type: 'parley.ledger',
      response_id: 'r',
      item_id: null,
      at_ms: { audible: 30 },
      parts_ms: { policy: 0, transcriber: 0, language_model: 10, voice: 15, parley: 5 },
    });
    assert.deepEqual(
      row('ledger').map(({ startMs }) => startMs),
      [100, 110, 125],
    );
  });

  test('a turn that the client commits begins with its audio', () => {
    const { receive, talk, times } = newTimeline();
    talk(2000, 3000);
    receive(3100, { type: 'input_audio_buffer.committed', item_id: 'a', previous_item_id: null });
    assert.deepEqual(times('turns'), [[2000, 3100]]);
  });

  test('a call of a tool lasts until its output is sent; truncations and errors are moments', () => {
    const { receive, send, row, times } = newTimeline();
    const item = { id: 'i', type: 'function_call', call_id: 'c', name: 'look', arguments: '' };
    receive(100, { type: 'response.output_item.added', response_id: 'r', output_index: 0, item });
    receive(150, {
      type: 'response.function_call_arguments.done',
      response_id: 'r',
      item_id: 'i',
      call_id: 'c',
      name: 'look',
      arguments: '{"at":1}',
      output_index: 0,
    });
    send(400, { type: 'conversation.item.create', item: { type: 'function_call_output', call_id: 'c', output: 'it' } });
    receive(500, { type: 'conversation.item.truncated', item_id: 'i', content_index: 0, audio_end_ms: 1200 });
    receive(600, { type: 'error', error: { type: 'server_error', code: 'broken', message: 'No.' } });
    assert.equal(
      row('tools').map(describeMark).join(),
      'Tool call “look({"at":1})” · 0.1 s to 0.4 s, 300 ms · output: it',
    );
    assert.deepEqual(times('notes'), [
      [500, 500],
      [600, 600],
    ]);
    assert.equal(row('notes').map(describeMark).at(-1), 'Error broken “No.” · at 0.6 s');
  });

  test('in a view, typed messages and outputs of tools come from the added items', () => {
    const { receive, row, times } = newTimeline();
    const session = { id: 'sess_1' };
    receive(0, { type: 'parley.view.opened', session });
    const added = (item: object) => ({ type: 'conversation.item.added', previous_item_id: null, item });
    const typed = { id: 'u', type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Look.' }] };
    receive(100, added(typed));
    receive(150, added({ ...typed, id: 'v', content: [{ type: 'input_audio', transcript: null }] }));
    const call = { id: 'i', type: 'function_call', call_id: 'c', name: 'look', arguments: '{}' };
    receive(200, { type: 'response.output_item.added', response_id: 'r', output_index: 0, item: call });
    receive(500, added({ id: 'o', type: 'function_call_output', call_id: 'c', output: 'it' }));
    assert.deepEqual(row('turns').map(describeMark), ['Typed “Look.” · at 0.1 s']);
    assert.deepEqual(times('tools'), [[200, 500]]);
  });

  test('after a gap in a view, or on another connection, earlier marks do not go on', () => {
    const { receive, row } = newTimeline();
    const session = { id: 'sess_1' };
    receive(0, { type: 'parley.view.opened', session });
    receive(100, { type: 'response.created', response: { id: 'r' } });
    receive(400, { type: 'response.output_text.delta', response_id: 'r', item_id: 'i', delta: 'It' });
    receive(3000, { type: 'parley.view.opened', session });
    receive(3100, { type: 'response.created', response: { id: 's' } });
    receive(3500, { type: 'session.created', session: { id: 'sess_2' } });
    assert.deepEqual(
      row('responses').map(({ startMs, endMs, facts }) => [startMs, endMs, facts.at(-1)?.[0]]),
      [
        [100, 400, 'end'],
        [3100, 3100, 'end'],
      ],
    );
    assert.deepEqual(
      row('notes').map(({ facts }) => facts),
      [[], [['missing', 'events from 0.400 s on']], []],
    );
  });
});

suite('the record of a session', () => {
  test('answers are on the track when and as far as they were played', () => {
    const { record, receive, times } = newTimeline();
    const inItem = { response_id: 'r', item_id: 'i', content_index: 0, output_index: 0 };
    for (let i = 0; i < 5; i++)
      receive(1000, { type: 'response.output_audio.delta', delta: encodeBase64(pcm(100, 1000 * (i + 1))), ...inItem });
    for (let ms = 20; ms <= 240; ms += 20)
      record.addPlayed({ itemId: 'i', contentIndex: 0, playedSamples: ms * 24 }, 2000 + ms + (ms % 40));
    assert.deepEqual(times('speech'), [[2020, 2260]]);
    assert.equal(record.assistant.endMs, 2260);
    const samples = record.assistant.samples(2010, 2270);
    assert.equal(samples.length, 260 * 24);
    assert.deepEqual(
      [samples[0], samples[10 * 24], samples[115 * 24], samples[245 * 24], samples.at(-1)],
      [0, 1000, 2000, 3000, 0],
    );
  });

  test('events are kept with their size and without their audio', () => {
    const { record, talk } = newTimeline();
    talk(0, 20);
    assert.deepEqual(record.entries, [
      {
        index: 0,
        atMs: 20,
        direction: 'sent',
        event: { type: 'input_audio_buffer.append', audio: '<960 B of audio>' },
        bytes: 1300,
        audio: { startMs: 0, durationMs: 20 },
      },
    ]);
  });

  test('late chunks follow each other, unless audio before them is missing', () => {
    const { record, talk } = newTimeline();
    talk(500, 1000);
    for (let i = 0; i < 20; i++) record.addUserAudio(pcm(20), 1400);
    talk(1400, 2000);
    assert.deepEqual([record.user.startMs, record.user.endMs], [500, 2000]);
    talk(2500, 4400);
    assert.equal(record.user.endMs, 3900);
    talk(4400, 5000);
    assert.equal(record.user.endMs, 5000);
    talk(9000, 9020);
    assert.equal(
      record.user.samples(5000, 9000).some((sample) => sample !== 0),
      false,
    );
  });

  test('a track knows its loudest samples', () => {
    const { record } = newTimeline();
    record.user.add(100, Int16Array.of(...pcm(10, 0), ...pcm(10, -16_384)));
    assert.equal(record.user.peak(0, 110), 0);
    assert.equal(Math.round(record.user.peak(105, 120) * 10) / 10, 0.5);
    assert.equal(record.user.peak(130, 200), 0);
  });
});

suite('the part of the axis that is shown', () => {
  test('it follows the present until it is held', () => {
    const viewport = new Viewport();
    viewport.update(100_000);
    assert.equal(viewport.untilMs, 100_800);
    viewport.zoom(0.5);
    assert.deepEqual([viewport.untilMs, viewport.spanMs], [100_800, 10_000]);
    viewport.pan(-5000);
    viewport.update(200_000);
    assert.equal(viewport.untilMs, 95_800);
    viewport.zoom(2, 90_800);
    assert.deepEqual([viewport.fromMs, viewport.untilMs], [80_800, 100_800]);
    viewport.fit(0, 50_000);
    assert.deepEqual([viewport.fromMs, viewport.untilMs], [0, 54_000]);
    viewport.follow(200_000);
    assert.ok(viewport.isLive && viewport.untilMs > 200_000);
  });

  test('labels have round distances', () => {
    assert.deepEqual(
      [500, 20_000, 600_000].map((spanMs) => tickMs(spanMs, 12)),
      [50, 2000, 60_000],
    );
  });
});
