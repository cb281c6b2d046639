/** Parses the answer of `/v1/audio/transcriptions` in each of the forms that servers use. */

import type { TranscriptEvent } from '../../session/ports/transcriber.ts';
import { field, listField, numberField, parseJson, textField } from './json.ts';
import { isPhantom } from './phantom-speech.ts';
import { type AnswerReader, endGraceMs } from './read-answer.ts';
import { excerpt, RequestFailure } from './request-failure.ts';
import { reportedFailure } from './status-failure.ts';

type Done = Extract<TranscriptEvent, { type: 'done' }>;
type TokenProbability = NonNullable<Done['logprobs']>[number];

/** Maximum characters of a transcript: hours of speech. */
const maxText = 1024 ** 2;
/** Maximum tokens with probabilities; nearly all are words or parts of words. */
const maxLogprobs = 100_000;
const maxTokenCharacters = 1024;
/** Maximum white space that is held until more text follows. */
const maxSpace = 1024;

export class TranscriptAnswer implements AnswerReader<TranscriptEvent> {
  /** The concatenated deltas. */
  #text = '';
  /** White space at the end, which only counts if more text follows. */
  #space = '';
  /** Pieces that were probably not spoken: they count only when words follow. */
  #phantoms = '';
  #form: 'deltas' | 'pieces' | undefined;
  #done = false;
  #logprobs: TokenProbability[] = [];
  #usage: Done['usage'];

  get patienceMs(): number {
    return this.#done ? endGraceMs : Number.POSITIVE_INFINITY;
  }

  isWhole(type: string): boolean {
    return type !== 'text/event-stream';
  }

  /** @throws {RequestFailure} for data that is not a transcript, and for an error from the server */
  whole(body: string): TranscriptEvent[] {
    const text = body.trim();
    this.#done = true;
    // Some servers ignore `response_format`.
    if (!text.startsWith('{')) return this.#add(text);
    return this.push(text);
  }

  /**
   * OpenAI sends `transcript.text.*`, vLLM chunks like those of a chat, others a transcript for each part of the audio.
   * @throws {RequestFailure} as `whole`
   */
  push(data: string): TranscriptEvent[] {
    if (data.trim() === '[DONE]') {
      this.#done = true;
      return [];
    }
    const event = parseJson(data);
    const error = field(event, 'error');
    if (error !== undefined && error !== null) throw reportedFailure(error);
    this.#usage = usageOf(field(event, 'usage')) ?? this.#usage;
    switch (textField(event, 'type')) {
      case 'transcript.text.delta':
        this.#form = 'deltas';
        return this.#add(textField(event, 'delta') ?? '', probabilities(event));
      case 'transcript.text.segment':
        return segment(event);
      case 'transcript.text.done':
        this.#done = true;
        return this.#complete(textField(event, 'text') ?? '', probabilities(event));
    }
    const choice = listField(event, 'choices')[0];
    if (choice !== undefined) {
      this.#form = 'deltas';
      if (field(choice, 'finish_reason')) this.#done = true;
      return this.#add(textField(field(choice, 'delta'), 'content') ?? '');
    }
    const text = textField(event, 'text');
    if (text === undefined) {
      // Usage may arrive separately.
      if (this.#usage !== undefined) return [];
      throw new RequestFailure(`it sent something that is not a transcript: "${excerpt(data)}"`);
    }
    this.#form ??= 'pieces';
    const before = this.#text + this.#phantoms;
    const piece = before === '' || /^\s/.test(text) ? text : ` ${text}`;
    if (this.#text === '' && isPhantom(event)) {
      this.#phantoms = bounded(this.#phantoms + piece);
      return [];
    }
    const words = this.#phantoms + piece;
    this.#phantoms = '';
    return [...listField(event, 'segments').flatMap(segment), ...this.#add(words, probabilities(event))];
  }

  end(): TranscriptEvent[] {
    if (!this.#done && this.#form === 'deltas') {
      throw new RequestFailure('its transcript is incomplete', { again: 'later' });
    }
    const { length } = this.#logprobs;
    const certain = this.#logprobs.reduce((sum, { logprob }) => sum + Math.exp(logprob), 0) / length;
    return [
      {
        type: 'done',
        text: this.#text,
        ...(length > 0 && { confidence: certain, logprobs: this.#logprobs }),
        ...(this.#usage && { usage: this.#usage }),
      },
    ];
  }

  #add(text: string, logprobs: TokenProbability[] = []): TranscriptEvent[] {
    this.#keep(logprobs);
    const whole = this.#text === '' ? text.trimStart() : this.#space + text;
    const added = whole.trimEnd();
    this.#space = this.#text === '' && added === '' ? '' : whole.slice(added.length).slice(0, maxSpace);
    if (added === '') return [];
    this.#text = bounded(this.#text + added);
    return [{ type: 'delta', text: added, ...(logprobs.length > 0 && { logprobs }) }];
  }

  /**
   * The rest of the complete text. If it contradicts the deltas, they take precedence, because they were already sent.
   */
  #complete(given: string, logprobs: TokenProbability[]): TranscriptEvent[] {
    if (logprobs.length > 0) this.#logprobs = [];
    const text = given.trim();
    if (!text.startsWith(this.#text)) {
      this.#keep(logprobs);
      return [];
    }
    const rest = text.slice(this.#text.length);
    this.#space = '';
    const events = this.#add(rest);
    this.#keep(logprobs);
    return events;
  }

  #keep(logprobs: readonly TokenProbability[]): void {
    if (this.#logprobs.length + logprobs.length > maxLogprobs) {
      throw new RequestFailure(`its transcript has more than ${maxLogprobs} logprobs`);
    }
    for (const each of logprobs) this.#logprobs.push(each);
  }
}

function bounded(text: string): string {
  if (text.length > maxText) throw new RequestFailure(`its transcript has more than ${maxText} characters`);
  return text;
}

function segment(event: unknown): TranscriptEvent[] {
  const [text, speaker] = [textField(event, 'text'), textField(event, 'speaker')];
  const [start, end] = [numberField(event, 'start'), numberField(event, 'end')];
  if (text === undefined || speaker === undefined || start === undefined || end === undefined) return [];
  return [{ type: 'segment', text, speaker, start, end }];
}

function probabilities(event: unknown): TokenProbability[] {
  return listField(event, 'logprobs').flatMap((entry) => {
    const token = textField(entry, 'token');
    const logprob = numberField(entry, 'logprob');
    if (token === undefined || logprob === undefined) return [];
    if (token.length > maxTokenCharacters) {
      throw new RequestFailure(`it sent a token of more than ${maxTokenCharacters} characters`);
    }
    const bytes = listField(entry, 'bytes').filter((byte) => typeof byte === 'number');
    return [{ token, logprob, bytes: bytes.length > 0 ? bytes : [...Buffer.from(token)] }];
  });
}

function usageOf(usage: unknown): Done['usage'] {
  const seconds = numberField(usage, 'seconds');
  if (field(usage, 'type') === 'duration' && seconds !== undefined) return { type: 'duration', seconds };
  const input = numberField(usage, 'input_tokens');
  const output = numberField(usage, 'output_tokens');
  if (field(usage, 'type') !== 'tokens' || input === undefined || output === undefined) return undefined;
  const details = field(usage, 'input_token_details');
  const [text, audio] = [numberField(details, 'text_tokens'), numberField(details, 'audio_tokens')];
  return {
    type: 'tokens',
    input_tokens: input,
    output_tokens: output,
    total_tokens: numberField(usage, 'total_tokens') ?? input + output,
    input_token_details: { text_tokens: text ?? 0, audio_tokens: audio ?? input - (text ?? 0) },
  };
}
