/**
 * The listener's side of a conversation: follows the server's events, plays the answers, and tracks outstanding ones.
 */

import { bytesToSamples } from '../../audio/pcm.ts';
import type { ClientEvent } from '../../protocol/wire/client-events.ts';
import type { FunctionCallItem } from '../../protocol/wire/items.ts';
import type { LedgerEvent } from '../../protocol/wire/ledger.ts';
import type { ErrorDetails, ResponseResource, ServerEvent, ServerEventOf } from '../../protocol/wire/server-events.ts';
import type { Playback } from './playback.ts';
import { formatMs, type Report } from './report.ts';
import { ServerCalls } from './server-calls.ts';

const responseRequestId = 'ask_response';
/** Of a request for the answer to the results of the server's tools. */
const resultsRequestId = 'ask_results';

/** One question and the times of its events, in milliseconds since the start. */
interface Turn {
  number: number;
  endedMs: number;
  transcript: 'awaited' | 'blank' | 'known' | 'none';
  transcriptMs?: number;
  firstWordMs?: number;
  firstSoundMs?: number;
  /** A response to it started, or the user continued to speak before there was one. */
  closed: boolean;
  /** A response started, which answers it and everything else since the previous response. */
  answered: boolean;
}

export interface TurnFollowerOptions {
  report: Report;
  playback: Playback;
  send(event: ClientEvent): void;
  /** Milliseconds since the start. */
  now(): number;
  /** Whether the server responds to each turn by itself. */
  automatic: boolean;
  /** Silence before the server ends a spoken turn; undefined where there is none in real time. */
  silence?: { policy: string; ms: number } | undefined;
  /** Results of functions that the model may call, by their names. */
  outputs?: ReadonlyMap<string, string>;
  /** Whether a call of a tool that the server runs is approved; none is by default. */
  approve?: () => Promise<boolean>;
}

export class TurnFollower {
  readonly #options: TurnFollowerOptions;
  readonly #turns = new Map<string, Turn>();
  /** Active responses, each with the turn that it answers. */
  readonly #running = new Map<string, Turn | undefined>();
  readonly #interrupted = new Set<string>();
  readonly #answering = new Set<string>();
  readonly #speechEnds = new Map<string, number>();
  readonly #serverCalls: ServerCalls;
  /** Tools of the server have finished, and no response has been requested since. */
  #hasResults = false;
  #asked: Turn | undefined;
  /** A response to the results of functions was requested, and has not begun. */
  #continues = false;
  #speaking = false;
  #lastEventMs = 0;
  #answers = 0;

  constructor(options: TurnFollowerOptions) {
    this.#options = options;
    const { report, send, approve = async () => false } = options;
    this.#serverCalls = new ServerCalls({ report, send, approve });
  }

  /** Number of responses with output. */
  get answers(): number {
    return this.#answers;
  }

  /** Number of questions that the server has accepted. */
  get turns(): number {
    return this.#turns.size;
  }

  /** The current time while the user decides about a call. */
  get lastEventMs(): number {
    return this.#serverCalls.deciding ? this.#options.now() : this.#lastEventMs;
  }

  /** Requests a response; latency is measured from here. */
  requestResponse(): void {
    this.#asked = this.#newTurn(this.#options.now(), 'none');
    this.#options.send({ type: 'response.create', event_id: responseRequestId });
  }

  /** A description of what is outstanding; null if nothing is. */
  awaited(): string | null {
    if (this.#speaking) return 'the end of the speech';
    if (this.#running.size > 0) return 'the rest of the answer';
    if (this.#serverCalls.running) return 'the result of a tool';
    if (this.#continues || (this.#asked !== undefined && !this.#asked.closed)) return 'an answer';
    const turns = [...this.#turns.values()];
    if (turns.some(({ transcript }) => transcript === 'awaited')) return 'a transcript';
    if (!this.#options.automatic) return null;
    return turns.some(({ transcript, closed }) => transcript === 'known' && !closed) ? 'an answer' : null;
  }

  receive(event: ServerEvent | LedgerEvent): void {
    const nowMs = this.#options.now();
    this.#lastEventMs = nowMs;
    switch (event.type) {
      case 'input_audio_buffer.speech_started':
        this.#speechStarted(nowMs);
        break;
      case 'input_audio_buffer.speech_stopped':
        this.#speaking = false;
        this.#speechEnds.set(event.item_id, nowMs);
        break;
      case 'input_audio_buffer.committed':
        this.#committed(event.item_id, nowMs);
        break;
      case 'conversation.item.input_audio_transcription.completed':
        this.#transcribed(event.item_id, event.transcript.trim(), nowMs);
        break;
      case 'conversation.item.input_audio_transcription.failed':
        this.#transcriptionFailed(event, nowMs);
        break;
      case 'response.created':
        this.#responseCreated(event.response.id);
        break;
      case 'response.output_audio_transcript.delta':
      case 'response.output_text.delta':
        this.#words(event, nowMs);
        break;
      case 'response.output_audio.delta':
        this.#sound(event, nowMs);
        break;
      case 'response.output_item.done':
        if (event.item.type === 'function_call') this.#called(event.response_id, event.item, nowMs);
        if (event.item.type === 'mcp_call') this.#serverCalls.called(event.item, nowMs);
        break;
      case 'conversation.item.done':
        this.#hasResults = this.#serverCalls.itemDone(event.item, nowMs) || this.#hasResults;
        this.#answerResults();
        break;
      case 'response.done':
        this.#responseDone(event.response, nowMs);
        break;
      case 'parley.ledger':
        if (event.parts_ms) this.#options.report.line('timing', describeParts(event.parts_ms));
        break;
      case 'error':
        this.#refused(event.error, nowMs);
        break;
      default:
        break;
    }
  }

  #speechStarted(nowMs: number): void {
    const { playback, report, send } = this.#options;
    this.#speaking = true;
    for (const turn of this.#turns.values()) turn.closed = true;
    const cutTurns: (Turn | undefined)[] = [];
    for (const [id, turn] of this.#running) {
      if (this.#interrupted.has(id)) continue;
      this.#interrupted.add(id);
      cutTurns.push(turn);
      if (turn !== undefined) report.line('timing', this.#describeTiming(turn, nowMs));
    }
    const interruption = playback.interrupt(nowMs);
    if (interruption === null && cutTurns.length === 0) return;
    const sounded = cutTurns.some((turn) => (turn?.firstSoundMs ?? Infinity) < nowMs);
    report.line('parley', `– interrupted${describeHeard(interruption?.playedMs ?? 0, sounded)}`, nowMs);
    if (interruption !== null && interruption.playedMs > 0) {
      send({
        type: 'conversation.item.truncate',
        item_id: interruption.itemId,
        content_index: interruption.contentIndex,
        audio_end_ms: interruption.playedMs,
      });
    }
  }

  #committed(itemId: string, nowMs: number): void {
    this.#speaking = false;
    if (this.#asked === undefined) {
      this.#turns.set(itemId, this.#newTurn(this.#speechEnds.get(itemId) ?? nowMs, 'awaited'));
    } else {
      this.#asked.transcript = 'awaited';
      this.#turns.set(itemId, this.#asked);
    }
    this.#speechEnds.delete(itemId);
  }

  #newTurn(endedMs: number, transcript: Turn['transcript']): Turn {
    return { number: this.#turns.size + 1, endedMs, transcript, closed: false, answered: false };
  }

  #transcribed(itemId: string, text: string, nowMs: number): void {
    this.#options.report.line('you', text === '' ? '(no words were understood)' : text, nowMs);
    const turn = this.#turns.get(itemId);
    if (turn === undefined) return;
    turn.transcript = text === '' ? 'blank' : 'known';
    turn.transcriptMs = nowMs;
  }

  #transcriptionFailed(
    event: ServerEventOf<'conversation.item.input_audio_transcription.failed'>,
    nowMs: number,
  ): void {
    this.#options.report.line('error', `The transcription failed: ${event.error.message}`, nowMs);
    const turn = this.#turns.get(event.item_id);
    if (turn !== undefined) turn.transcript = 'blank';
  }

  #responseCreated(id: string): void {
    this.#continues = false;
    const turn = this.#asked ?? [...this.#turns.values()].at(-1);
    for (const earlier of this.#turns.values()) {
      if (turn !== undefined && earlier !== turn && !earlier.answered && earlier.transcript === 'known') {
        this.#options.report.line('timing', `${this.#describeTiming(earlier)} · answered with turn ${turn.number}`);
      }
      earlier.closed = earlier.answered = true;
    }
    if (turn !== undefined) turn.closed = turn.answered = true;
    this.#running.set(id, turn);
  }

  #words(event: { response_id: string; delta: string }, nowMs: number): void {
    if (this.#interrupted.has(event.response_id)) return;
    this.#countAnswer(event.response_id);
    const turn = this.#running.get(event.response_id);
    if (turn !== undefined) turn.firstWordMs ??= nowMs;
    this.#options.report.words('parley', event.delta, nowMs);
  }

  #sound(event: ServerEventOf<'response.output_audio.delta'>, nowMs: number): void {
    if (this.#interrupted.has(event.response_id)) return;
    this.#countAnswer(event.response_id);
    const samples = bytesToSamples(Buffer.from(event.delta, 'base64'));
    const piece = { itemId: event.item_id, contentIndex: event.content_index, samples };
    const soundsMs = this.#options.playback.add(piece, nowMs);
    const turn = this.#running.get(event.response_id);
    if (turn !== undefined) turn.firstSoundMs ??= soundsMs;
  }

  #called(responseId: string, call: FunctionCallItem, nowMs: number): void {
    if (this.#interrupted.has(responseId)) return;
    this.#countAnswer(responseId);
    this.#options.report.line('call', `${call.name} ${call.arguments}`, nowMs);
  }

  /** Returns the results of the functions that a response called, and requests the answer to them. */
  #returnOutputs({ output }: ResponseResource): void {
    const { outputs, send } = this.#options;
    for (const item of output) {
      if (item.type !== 'function_call') continue;
      const { call_id } = item;
      const result = outputs?.get(item.name);
      if (result === undefined || call_id === undefined) continue;
      send({ type: 'conversation.item.create', item: { type: 'function_call_output', call_id, output: result } });
      this.#continues = true;
    }
    if (this.#continues) send({ type: 'response.create', event_id: responseRequestId });
    this.#answerResults();
  }

  /** Requests the answer to the results of the server's tools, unless another response follows anyway. */
  #answerResults(): void {
    if (!this.#hasResults || this.#running.size > 0 || this.#speaking) return;
    this.#hasResults = false;
    if (this.#continues) return;
    this.#continues = true;
    this.#options.send({ type: 'response.create', event_id: resultsRequestId });
  }

  #refused(error: ErrorDetails, nowMs: number): void {
    const ofResults = error.event_id === resultsRequestId;
    if (ofResults || error.event_id === responseRequestId) {
      this.#continues = false;
      if (this.#asked !== undefined) this.#asked.closed = true;
    }
    // With `mcp-continue`, the server has begun the answer to the results by itself.
    if (ofResults && error.code === 'conversation_already_has_active_response') return;
    this.#options.report.line('error', describeError(error), nowMs);
  }

  #countAnswer(responseId: string): void {
    if (this.#answering.has(responseId)) return;
    this.#answering.add(responseId);
    this.#answers++;
  }

  #responseDone(response: ResponseResource, nowMs: number): void {
    const { report } = this.#options;
    const turn = this.#running.get(response.id);
    this.#running.delete(response.id);
    this.#answering.delete(response.id);
    const wasInterrupted = this.#interrupted.delete(response.id);
    report.endLine();
    const problem = describeEnd(response);
    if (problem !== null && !(wasInterrupted && response.status === 'cancelled')) report.line('error', problem, nowMs);
    if (turn !== undefined && !wasInterrupted) report.line('timing', this.#describeTiming(turn));
    if (response.status === 'completed') this.#returnOutputs(response);
  }

  /** The events before `untilMs`: audio that is cut before it is due is not played. */
  #describeTiming(turn: Turn, untilMs = Infinity): string {
    const { silence } = this.#options;
    const since = (label: string, ms: number | undefined) =>
      ms === undefined || ms >= untilMs
        ? []
        : [`${label} ${formatMs(Math.max(0, ms - turn.endedMs) + (silence?.ms ?? 0))}`];
    const parts = [
      ...since('transcript', turn.transcriptMs),
      ...since('first word', turn.firstWordMs),
      ...since('first sound', turn.firstSoundMs),
    ];
    if (parts.length === 0) return `turn ${turn.number}: ended without an answer`;
    const end =
      silence === undefined
        ? 'its end'
        : `the end of speech (${formatMs(silence.ms)} of it: the silence that ${silence.policy} waits for)`;
    return `turn ${turn.number}: ${parts.join(' · ')} after ${end}`;
  }
}

/** What the first sound of an answer waited for, as the server measured it. */
function describeParts(parts: NonNullable<LedgerEvent['parts_ms']>): string {
  const words = {
    policy: 'silence',
    transcriber: 'transcriber',
    language_model: 'model',
    voice: 'voice',
    parley: 'Parley',
  };
  const named = Object.entries(words).map(([part, name]) => `${name} ${formatMs(parts[part as keyof typeof words])}`);
  return `on the server: ${named.join(' · ')}`;
}

/** How much of an answer was played; `sounded`: at least a part, and everything that had arrived. */
function describeHeard(playedMs: number, sounded: boolean): string {
  if (playedMs > 0) return ` after ${formatMs(playedMs)}`;
  return sounded ? '' : ' before its first sound';
}

function describeError(error: ErrorDetails): string {
  const code = error.code ?? error.type;
  return `${error.message} (${code}${error.param === null ? '' : `, ${error.param}`})`;
}

/** Why a response ended without being complete. */
function describeEnd({ status, status_details: details }: ResponseResource): string | null {
  if (status === 'completed') return null;
  if (details?.type === 'failed') return `The answer failed: ${details.error.message}`;
  if (details?.type === 'incomplete' || details?.type === 'cancelled')
    return `The answer is ${status}: ${details.reason}`;
  return `The answer is ${status}`;
}
