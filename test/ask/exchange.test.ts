import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { TurnFollower, type TurnFollowerOptions } from '../../src/cli/ask/exchange.ts';
import { Playback } from '../../src/cli/ask/playback.ts';
import { Report } from '../../src/cli/ask/report.ts';
import type { UnsentError } from '../../src/protocol/errors/wire-errors.ts';
import type { ClientEvent } from '../../src/protocol/wire/client-events.ts';
import type { McpCallItem } from '../../src/protocol/wire/mcp-items.ts';
import type {
  ErrorDetails,
  ResponseResource,
  ResponseStatus,
  UnsentEvent,
} from '../../src/protocol/wire/server-events.ts';

type Received = Exclude<UnsentEvent, UnsentError> | { type: 'error'; error: ErrorDetails };

function conversation({ automatic = true, silence }: Pick<Partial<TurnFollowerOptions>, 'automatic' | 'silence'> = {}) {
  let nowMs = 0;
  let printed = '';
  const sent: ClientEvent[] = [];
  const out = new Writable({
    write(chunk, _encoding, done) {
      printed += String(chunk);
      done();
    },
  });
  const playback = new Playback(24_000);
  const turnFollower = new TurnFollower({
    report: new Report(out),
    playback,
    send: (event) => sent.push(event),
    now: () => nowMs,
    automatic,
    silence,
  });
  return {
    turnFollower,
    playback,
    sent,
    printed: () => printed,
    at(ms: number, event: Received) {
      nowMs = ms;
      turnFollower.receive({ event_id: 'event', ...event });
    },
  };
}

function response(id: string, status: ResponseStatus): ResponseResource {
  const cancelled = { type: 'cancelled', reason: 'turn_detected' } as const;
  return {
    object: 'realtime.response',
    id,
    status,
    status_details: status === 'cancelled' ? cancelled : null,
    output: [],
    conversation_id: 'conv',
    output_modalities: ['audio'],
    max_output_tokens: 'inf',
    audio: { output: { format: { type: 'audio/pcm', rate: 24_000 }, voice: 'alloy' } },
    usage: null,
    metadata: null,
  };
}

const second = Buffer.alloc(48_000).toString('base64');
const inPart = (id: string) => ({ response_id: id, item_id: `item_${id}`, output_index: 0, content_index: 0 });
const started = (id: string): Received => ({
  type: 'input_audio_buffer.speech_started',
  audio_start_ms: 0,
  item_id: id,
});
const stopped = (id: string): Received => ({
  type: 'input_audio_buffer.speech_stopped',
  audio_end_ms: 0,
  item_id: id,
});
const committed = (id: string): Received => ({
  type: 'input_audio_buffer.committed',
  previous_item_id: null,
  item_id: id,
});
const transcribed = (id: string, transcript: string): Received => ({
  type: 'conversation.item.input_audio_transcription.completed',
  item_id: id,
  content_index: 0,
  transcript,
  usage: { type: 'duration', seconds: 1 },
});
const created = (id: string): Received => ({ type: 'response.created', response: response(id, 'in_progress') });
const done = (id: string, status: ResponseStatus): Received => ({
  type: 'response.done',
  response: response(id, status),
});
const sound = (id: string): Received => ({ type: 'response.output_audio.delta', ...inPart(id), delta: second });
const words = (id: string, delta: string): Received => ({
  type: 'response.output_audio_transcript.delta',
  ...inPart(id),
  delta,
});

test('a spoken turn ends when its transcript and its response have arrived', () => {
  const { at, turnFollower, printed } = conversation();
  at(100, started('u1'));
  assert.match(turnFollower.awaited() ?? '', /end of the speech/);
  at(1000, stopped('u1'));
  at(1001, committed('u1'));
  assert.equal(turnFollower.awaited(), 'a transcript');
  at(1200, transcribed('u1', 'Hello there.'));
  assert.equal(turnFollower.awaited(), 'an answer');
  at(1201, created('r1'));
  at(1250, words('r1', 'Hello '));
  at(1300, sound('r1'));
  at(1301, words('r1', 'to you.'));
  assert.equal(turnFollower.awaited(), 'the rest of the answer');
  at(1400, done('r1', 'completed'));
  assert.equal(turnFollower.awaited(), null);
  assert.equal(turnFollower.answers, 1);
  assert.match(printed(), /1\.20 s {2}you {6}Hello there\.\n/);
  assert.match(printed(), /1\.25 s {2}parley {3}Hello to you\.\n/);
  assert.match(printed(), /transcript 200 ms · first word 250 ms · first sound 300 ms/);
});

test('speech during a response truncates it at the played position, and drops the rest', () => {
  const { at, sent, playback, printed } = conversation();
  at(0, committed('u1'));
  at(0, created('r1'));
  at(0, sound('r1'));
  at(0, sound('r1'));
  at(750, started('u2'));
  at(760, sound('r1'));
  at(770, done('r1', 'cancelled'));
  assert.deepEqual(sent, [
    { type: 'conversation.item.truncate', item_id: 'item_r1', content_index: 0, audio_end_ms: 750 },
  ]);
  assert.equal(playback.render().length, 18_000);
  assert.match(printed(), /interrupted after 750 ms/);
  assert.doesNotMatch(printed(), /error/);
});

test('nothing is truncated before playback has begun', () => {
  const { at, sent } = conversation();
  at(0, committed('u1'));
  at(0, created('r1'));
  at(10, started('u2'));
  assert.deepEqual(sent, []);
});

/** The speakers in the order of the lines, without times. */
const linesOf = (printed: string) =>
  printed
    .trimEnd()
    .split('\n')
    .map((line) => line.slice('   0.00 s  '.length).replace(/ {2,}/, ': '));

test('the lines of a turn have a fixed order, however much of the response was played', () => {
  const { at, printed } = conversation();
  const ask = (ms: number, turn: number) => {
    at(ms, stopped(`u${turn}`));
    at(ms, committed(`u${turn}`));
    at(ms + 100, transcribed(`u${turn}`, `Question ${turn}.`));
    at(ms + 100, created(`r${turn}`));
    at(ms + 150, words(`r${turn}`, `Answer ${turn}.`));
  };
  ask(0, 1);
  at(190, started('u2'));
  at(195, sound('r1'));
  at(200, done('r1', 'cancelled'));

  ask(1000, 2);
  at(1200, sound('r2'));
  at(1500, started('u3'));
  at(1510, done('r2', 'cancelled'));

  ask(2000, 3);
  at(2200, sound('r3'));
  at(2210, done('r3', 'completed'));
  at(2500, started('u4'));

  ask(3000, 4);
  at(3200, sound('r4'));
  at(4500, started('u5'));
  at(4510, done('r4', 'cancelled'));

  assert.deepEqual(linesOf(printed()), [
    'you: Question 1.',
    'parley: Answer 1.',
    'timing: turn 1: transcript 100 ms · first word 150 ms after its end',
    'parley: – interrupted before its first sound',
    'you: Question 2.',
    'parley: Answer 2.',
    'timing: turn 2: transcript 100 ms · first word 150 ms · first sound 200 ms after its end',
    'parley: – interrupted after 300 ms',
    'you: Question 3.',
    'parley: Answer 3.',
    'timing: turn 3: transcript 100 ms · first word 150 ms · first sound 200 ms after its end',
    'parley: – interrupted after 300 ms',
    'you: Question 4.',
    'parley: Answer 4.',
    'timing: turn 4: transcript 100 ms · first word 150 ms · first sound 200 ms after its end',
    'parley: – interrupted',
  ]);
});

test('a turn that the user continues is printed with the turn whose response covers both', () => {
  const { at, printed } = conversation();
  at(0, committed('u1'));
  at(100, transcribed('u1', 'What time'));
  at(110, started('u2'));
  at(900, stopped('u2'));
  at(900, committed('u2'));
  at(1000, transcribed('u2', 'is it?'));
  at(1000, created('r1'));
  at(1050, words('r1', 'It is noon.'));
  at(1100, sound('r1'));
  at(1110, done('r1', 'completed'));
  assert.deepEqual(linesOf(printed()), [
    'you: What time',
    'you: is it?',
    'timing: turn 1: transcript 100 ms after its end · answered with turn 2',
    'parley: It is noon.',
    'timing: turn 2: transcript 100 ms · first word 150 ms · first sound 200 ms after its end',
  ]);
});

test('latency is measured from the end of speech, and includes the silence of turn detection', () => {
  const { at, printed } = conversation({ silence: { policy: 'server_vad', ms: 500 } });
  at(0, stopped('u1'));
  at(0, committed('u1'));
  at(100, transcribed('u1', 'Hello.'));
  at(100, created('r1'));
  at(150, words('r1', 'Hello.'));
  at(200, sound('r1'));
  at(300, done('r1', 'completed'));
  assert.equal(
    linesOf(printed()).at(-1),
    'timing: turn 1: transcript 600 ms · first word 650 ms · first sound 700 ms after the end of speech ' +
      '(500 ms of it: the silence that server_vad waits for)',
  );
});

test('a turn without words needs no response', () => {
  const { at, turnFollower } = conversation();
  at(0, committed('u1'));
  at(10, transcribed('u1', ' '));
  assert.equal(turnFollower.awaited(), null);
  assert.equal(turnFollower.answers, 0);
});

test('a refused response.create is not waited for', () => {
  const { at, turnFollower, sent, printed } = conversation({ automatic: false });
  turnFollower.requestResponse();
  assert.equal(turnFollower.awaited(), 'an answer');
  const requestId = sent[0]?.event_id ?? null;
  const error = { type: 'invalid_request_error', code: 'some_code', message: 'No.', param: null, event_id: requestId };
  at(5, { type: 'error', error });
  assert.equal(turnFollower.awaited(), null);
  assert.match(printed(), /No\. \(some_code\)/);
});

test('the answer to results of the server’s tools is requested, unless the server gives it by itself', () => {
  const { at, sent, turnFollower, printed } = conversation();
  const args = { name: 'search', arguments: '{}', output: null };
  const item: McpCallItem = { id: 'c1', type: 'mcp_call', server_label: 'docs', ...args };
  at(0, created('r1'));
  at(1, { type: 'response.output_item.done', response_id: 'r1', output_index: 0, item });
  at(2, done('r1', 'completed'));
  at(3, { type: 'conversation.item.done', previous_item_id: null, item: { ...item, output: 'Found.' } });
  const request = sent.find(({ type }) => type === 'response.create');
  at(4, created('r2'));
  const code = 'conversation_already_has_active_response';
  const error = { type: 'invalid_request_error', code, message: 'Active.', param: null };
  at(5, { type: 'error', error: { ...error, event_id: request?.event_id ?? null } });
  assert.ok(request?.event_id);
  assert.doesNotMatch(printed(), /Active/);
  assert.equal(turnFollower.awaited(), 'the rest of the answer');
  at(6, done('r2', 'completed'));
  assert.equal(turnFollower.awaited(), null);
});

test('a failed response is printed with its reason', () => {
  const { at, printed } = conversation();
  const failed = response('r1', 'failed');
  at(0, created('r1'));
  failed.status_details = { type: 'failed', error: { type: 'server_error', code: 'x', message: 'The voice is gone.' } };
  at(5, { type: 'response.done', response: failed });
  assert.match(printed(), /The answer failed: The voice is gone\./);
});
