/** Parses the answer of `/v1/chat/completions`, streamed or not, including the deviations of real servers. */

import { bytesToSamples } from '../../audio/pcm.ts';
import { withoutAbsent } from '../../core/json.ts';
import { endOfPiece } from '../../core/json-pieces.ts';
import { readWrittenCalls } from '../../session/generation/written-calls.ts';
import type { ModelEvent, ModelRequest, ModelUsage } from '../../session/ports/language-model.ts';
import { ModelMarkup } from '../../session/speech/model-markup.ts';
import { ToolCalls } from './chat/tool-calls.ts';
import { field, listField, numberField, parseJson, textField } from './json.ts';
import { type AnswerReader, endGraceMs } from './read-answer.ts';
import { excerpt, RequestFailure } from './request-failure.ts';
import { reportedFailure } from './status-failure.ts';

type FinishReason = Extract<ModelEvent, { type: 'finish' }>['reason'];

/** Maximum characters of text and of reasoning in one answer. */
const maxText = 4 * 1024 ** 2;
/** Time to wait for the usage after the answer has ended: some servers do not send it, or do not end the stream. */
const usageGraceMs = 1000;
/** The format of `audio: { format: 'pcm16' }`. */
const audioRateHz = 24_000;
/** Maximum audio per event (two seconds), because consumers process an event in one step. */
const pieceBytes = 4 * audioRateHz;

/** Maximum text per event, in code units, for the same reason. */
const pieceCharacters = 8192;

type AnsweredRequest = Pick<ModelRequest, 'tools' | 'toolChoice'>;

/** One answer: converts its chunks to the model's events. */
export class ChatAnswer implements AnswerReader<ModelEvent> {
  /** Removes reasoning from the text. */
  readonly markup: ModelMarkup;
  /** The first byte of a sample whose second byte comes with the next chunk. */
  #halfSample: Uint8Array = new Uint8Array();
  readonly #calls: ToolCalls;
  readonly #request: AnsweredRequest;
  #finish: FinishReason | undefined;
  #usage: ModelUsage | undefined;
  #characters = 0;
  /** Text that arrived during an incomplete call and follows it. */
  #later = '';
  /** Whether reasoning came beside the text. */
  #reasoned = false;
  #marked = false;
  #chunks = 0;

  /** `engine`: the name of the answering engine. `inside`: as in `ModelMarkupOptions`. */
  constructor(engine: string, request: AnsweredRequest, inside = false) {
    this.#calls = new ToolCalls(engine);
    this.#request = request;
    this.markup = new ModelMarkup({ inside });
  }

  get patienceMs(): number {
    if (this.#marked || (this.#finish !== undefined && this.#usage !== undefined)) return endGraceMs;
    return this.#finish === undefined ? Number.POSITIVE_INFINITY : usageGraceMs;
  }

  isWhole(type: string): boolean {
    return type === 'application/json';
  }

  /** @throws {RequestFailure} as `push` */
  whole(body: string): ModelEvent[] {
    const events = this.push(body);
    // Some servers give no finish reason in an answer that is not streamed, although it is complete.
    this.#marked = true;
    return events;
  }

  /**
   * @throws {RequestFailure} for data that is not a chunk, and for an error from the server
   */
  push(data: string): ModelEvent[] {
    if (data.trim() === '[DONE]') {
      this.#marked = true;
      return [];
    }
    if (data.trim() === '') return [];
    const chunk = parseJson(data);
    if (typeof chunk !== 'object' || chunk === null) {
      throw new RequestFailure(`it sent something that is not a part of an answer: "${excerpt(data)}"`);
    }
    const error = field(chunk, 'error');
    if (error !== undefined && error !== null) throw reportedFailure(error);
    this.#chunks += 1;
    this.#usage = usageOf(field(chunk, 'usage')) ?? this.#usage;
    const choice = listField(chunk, 'choices')[0];
    const choiceError = field(choice, 'error');
    if (choiceError !== undefined && choiceError !== null) throw reportedFailure(choiceError);
    // An answer that is not streamed has a message.
    const events = this.#delta(field(choice, 'delta') ?? field(choice, 'message'));
    const reason = textField(choice, 'finish_reason');
    if (reason) this.#finish = finishReason(reason);
    return events;
  }

  /**
   * The remaining events at the end of the stream.
   * @throws {RequestFailure} when the answer is incomplete
   */
  end(): ModelEvent[] {
    if (this.#chunks === 0) throw new RequestFailure('its answer was empty', { again: 'later' });
    if (this.#finish === undefined && !this.#marked) {
      throw new RequestFailure('its answer is incomplete: it has neither a finish_reason nor [DONE]', {
        again: 'later',
      });
    }
    const reason = this.#finish ?? 'stop';
    const words = this.#say(this.markup.flush());
    const leftOut = this.markup.leftOut ?? (this.#reasoned ? 'reasoning' : undefined);
    const written = reason === 'stop' && !this.#calls.any ? this.markup.callText : undefined;
    return [
      ...words,
      ...this.#calls.finish(reason === 'length'),
      ...textEvents(this.#later),
      ...readWrittenCalls(written, this.#request),
      withoutAbsent({ type: 'finish' as const, reason, usage: this.#usage, leftOut }),
    ];
  }

  #delta(delta: unknown): ModelEvent[] {
    const events: ModelEvent[] = [];
    const content = contentText(field(delta, 'content')) || (textField(delta, 'refusal') ?? '');
    const reasoning = reasoningFields.map((name) => textField(delta, name) ?? '').join('');
    this.#count(content.length + reasoning.length);
    // A server that separates reasoning leaves none in the text.
    if (reasoning !== '') {
      this.#reasoned = true;
      events.push(...this.#say(this.markup.release()));
    }
    if (content !== '') events.push(...this.#say(this.markup.push(content)));
    for (const piece of callPieces(delta)) {
      if (!this.#calls.any) events.push(...this.#say(this.markup.flush()));
      events.push(...this.#calls.push(piece));
    }
    const audio = field(delta, 'audio');
    if (audio !== undefined && audio !== null) events.push(...this.#sound(audio));
    const thinks = this.markup.hiding || reasoning !== '';
    return events.length === 0 && thinks ? [{ type: 'thinking' }] : events;
  }

  #say(text: string): ModelEvent[] {
    if (text === '') return [];
    const ended = this.#later === '' ? this.#calls.settle() : undefined;
    if (ended) return [...ended, ...textEvents(text)];
    this.#later += text;
    return [];
  }

  #sound(audio: unknown): ModelEvent[] {
    const transcript = textField(audio, 'transcript') ?? '';
    const bytes = Buffer.concat([this.#halfSample, Buffer.from(textField(audio, 'data') ?? '', 'base64')]);
    const whole = bytes.length - (bytes.length % 2);
    this.#halfSample = bytes.subarray(whole);
    this.#count(transcript.length);
    if (whole === 0 && transcript === '') return [];
    const events: ModelEvent[] = [];
    for (let at = 0; at === 0 || at < whole; at += pieceBytes) {
      const samples = bytesToSamples(bytes.subarray(at, Math.min(whole, at + pieceBytes)));
      events.push({ type: 'audio', samples, sampleRateHz: audioRateHz, transcript: at === 0 ? transcript : '' });
    }
    return events;
  }

  #count(characters: number): void {
    this.#characters += characters;
    if (this.#characters > maxText) throw new RequestFailure(`it answered with more than ${maxText} characters`);
  }
}

function textEvents(text: string): ModelEvent[] {
  const events: ModelEvent[] = [];
  for (let from = 0; from < text.length; ) {
    const to = endOfPiece(text, from + pieceCharacters);
    events.push({ type: 'text', text: text.slice(from, to) });
    from = to;
  }
  return events;
}

/** The parts of tool calls; the legacy form, `function_call`, is a call without an id. */
function callPieces(delta: unknown): readonly unknown[] {
  const old = field(delta, 'function_call');
  const pieces = listField(delta, 'tool_calls');
  return typeof old === 'object' && old !== null && pieces.length === 0 ? [{ function: old }] : pieces;
}

/** Names of the field with separate reasoning. */
const reasoningFields = ['reasoning_content', 'reasoning'];

/** Most servers send a string, some the parts of a message, of which only the text is used. */
function contentText(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return content.map((part) => (field(part, 'type') === 'text' ? (textField(part, 'text') ?? '') : '')).join('');
}

function finishReason(reason: string): FinishReason {
  if (reason === 'length' || reason === 'max_tokens') return 'length';
  if (reason === 'content_filter') return 'content_filter';
  if (reason === 'error') throw new RequestFailure('it reported an error without details', { again: 'later' });
  // `stop`, `tool_calls`, `function_call`, and other names of servers for the same.
  return 'stop';
}

function usageOf(usage: unknown): ModelUsage | undefined {
  const inputTokens = numberField(usage, 'prompt_tokens');
  const outputTokens = numberField(usage, 'completion_tokens');
  if (inputTokens === undefined || outputTokens === undefined) return undefined;
  const input = field(usage, 'prompt_tokens_details');
  const cachedInputTokens = numberField(input, 'cached_tokens');
  const audioInputTokens = numberField(input, 'audio_tokens');
  const output = field(usage, 'completion_tokens_details');
  const audioOutputTokens = numberField(output, 'audio_tokens');
  const reasoningTokens = numberField(output, 'reasoning_tokens');
  const counts = { inputTokens, outputTokens, cachedInputTokens, audioInputTokens, audioOutputTokens };
  return withoutAbsent({ ...counts, reasoningTokens });
}
