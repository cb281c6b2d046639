import type { AudioClip } from '../../audio/audio-clip.ts';
import { concatSamples, samplesIn } from '../../audio/pcm.ts';
import { resample } from '../../audio/resample.ts';
import type {
  TranscribeOptions,
  Transcriber,
  TranscriptEvent,
  TranscriptionSetting,
} from '../../session/ports/transcriber.ts';
import { isWithout, refusedField } from './adaptations.ts';
import { Endpoint, type EndpointOptions, type RequestOptions } from './endpoint.ts';
import { wavFile } from './in-turns.ts';
import { readAnswer } from './read-answer.ts';
import { TranscriptAnswer } from './transcript-answer.ts';

export interface TranscriberOptions extends EndpointOptions {
  model: string;
}

/** Every speech recognition model works at this rate; a higher one would only increase the upload. */
const rateHz = 16_000;
/** Servers refuse shorter clips. */
const shortestMs = 200;
/** Maximum duration of one request: the hosted API accepts 25 MB. */
const longestMs = 12 * 60_000;

/** Optional fields that a server may refuse, by their names in its messages. */
const optionalFields = {
  response_format: 'response_format',
  verbose_json: 'response_format',
  'response format': 'response_format',
  stream: 'stream',
  include: 'include[]',
  logprobs: 'include[]',
  prompt: 'prompt',
  languages: 'languages[]',
  keywords: 'keywords[]',
} as const;
/** Models of the hosted API that do not support `verbose_json`. */
const plainModels = /^gpt-/;
/** Models of the hosted API that support `keywords` and `languages`. */
const guidedModels = /^gpt-(live-)?transcribe/;
type OptionalField = (typeof optionalFields)[keyof typeof optionalFields];

/** A transcriber over `/v1/audio/transcriptions` (OpenAI, "Create transcription"). */
export class HttpTranscriber implements Transcriber {
  readonly settings: readonly TranscriptionSetting[];
  readonly isPublic: boolean;
  readonly #endpoint: Endpoint;
  readonly #model: string;

  constructor(options: TranscriberOptions) {
    this.#endpoint = new Endpoint(options);
    this.isPublic = this.#endpoint.isPublic;
    this.#model = options.model;
    this.settings = ['language', 'keywords', 'prompt', ...(this.#isGuided ? (['languages'] as const) : [])];
  }

  /**
   * Clips longer than the API accepts are sent in parts, sequentially.
   * @throws {EngineError} with the server, the failure, and the remedy
   */
  async *transcribe(clip: AudioClip, options: TranscribeOptions): AsyncGenerator<TranscriptEvent, void, undefined> {
    options.signal.throwIfAborted();
    if (clip.samples.length === 0) return yield { type: 'done', text: '' };
    const { samples } = await resample(clip, rateHz);
    options.signal.throwIfAborted();
    const step = samplesIn(longestMs, rateHz);
    const parts: Done[] = [];
    for (let start = 0; start < samples.length; start += step) {
      const part = samples.subarray(start, start + step);
      const before = textOf(parts);
      let first = true;
      for await (const event of this.#endpoint.stream(
        (request) => this.#part(part, options, request),
        options.signal,
      )) {
        if (event.type === 'done') parts.push(event);
        else if (event.type === 'segment') yield shiftSegment(event, start / rateHz);
        else yield first && before !== '' ? { ...event, text: ` ${event.text}` } : event;
        if (event.type === 'delta') first = false;
      }
    }
    yield mergeTranscripts(parts);
  }

  get #isGuided(): boolean {
    return guidedModels.test(this.#model);
  }

  warm(): Promise<void> {
    return this.#endpoint.warm();
  }

  probe(): Promise<void> {
    return this.#endpoint.probe();
  }

  close(): Promise<void> {
    return this.#endpoint.close();
  }

  #part(samples: Int16Array, options: TranscribeOptions, { signal }: RequestOptions): AsyncIterable<TranscriptEvent> {
    const missing = samplesIn(shortestMs, rateHz) - samples.length;
    const padded = missing > 0 ? concatSamples([samples, new Int16Array(missing)]) : samples;
    const ask = async (signal: AbortSignal) =>
      this.#ask(await wavFile({ samples: padded, sampleRateHz: rateHz }), options, signal);
    return readAnswer(ask, new TranscriptAnswer(), { signal, ...this.#endpoint.reading });
  }

  #ask(file: File, options: TranscribeOptions, signal: AbortSignal): Promise<Response> {
    const { language, languages = [], keywords = [], logprobs } = options;
    // Other models take keywords in the prompt (OpenAI, "Speech to text", Prompting).
    const hints = this.#isGuided ? [options.prompt] : [options.prompt, keywords.join(', ')];
    const prompt = hints.filter((hint) => hint !== undefined && hint !== '').join(' ');
    const speakers = this.#model.includes('diarize');
    let optional: Record<string, unknown> = {};
    const send = (has: (key: string) => boolean) => {
      const may = (field: OptionalField) => !isWithout(has, field, true);
      const form = new FormData();
      form.set('file', file);
      form.set('model', this.#model);
      if (language !== undefined) form.set('language', language);
      if (prompt !== '' && may('prompt')) form.set('prompt', prompt);
      for (const [name, values] of [
        ['languages[]', languages],
        ['keywords[]', keywords],
      ] as const) {
        if (this.#isGuided && may(name)) for (const value of values) form.append(name, value);
      }
      if (logprobs && may('include[]')) form.set('include[]', 'logprobs');
      if (speakers) form.set('chunking_strategy', 'auto');
      // `verbose_json` has the probability of no speech; token probabilities require `json`.
      const verbose = !(speakers || logprobs || plainModels.test(this.#model)) && may('response_format');
      form.set('response_format', speakers ? 'diarized_json' : verbose ? 'verbose_json' : 'json');
      if (may('stream')) form.set('stream', 'true');
      optional = Object.fromEntries(
        Object.entries(optionalFields).flatMap(([word, field]) =>
          form.has(field) && (field !== 'response_format' || verbose) ? [[word, true]] : [],
        ),
      );
      for (const [name, value] of Object.entries(this.#endpoint.body)) form.set(name, formValue(value));
      return this.#endpoint.open('/audio/transcriptions', { body: form, signal });
    };
    return this.#endpoint.adaptations.ask(send, (failure) =>
      refusedField(failure, optional, (word) => Reflect.get(optionalFields, word)),
    );
  }
}

/** Fields of a form are text. */
function formValue(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

type Done = Extract<TranscriptEvent, { type: 'done' }>;
type Segment = Extract<TranscriptEvent, { type: 'segment' }>;

function shiftSegment(segment: Segment, seconds: number): Segment {
  return { ...segment, start: segment.start + seconds, end: segment.end + seconds };
}

function textOf(parts: readonly Done[]): string {
  return parts
    .map(({ text }) => text)
    .filter((text) => text !== '')
    .join(' ');
}

/** Merges the parts of a long clip into one transcript; figures that a part lacks are left out. */
function mergeTranscripts(parts: readonly Done[]): Done {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const logprobs = parts.flatMap(({ logprobs = [] }) => logprobs);
  return { type: 'done', text: textOf(parts), ...(logprobs.length > 0 && { logprobs }) };
}
