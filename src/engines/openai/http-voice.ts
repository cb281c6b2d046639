import { cutPlace } from '../../core/unicode.ts';
import type { SpeakOptions, SpeechChunk, Voice } from '../../session/ports/voice.ts';
import { MappedText } from '../../session/speech/mapped-text.ts';
import { isSpeakable } from '../../session/speech/speech-text.ts';
import { inWords } from '../../session/speech/words.ts';
import { isWithout, refusedField } from './adaptations.ts';
import { contentType, Endpoint, type EndpointOptions, type RequestOptions } from './endpoint.ts';
import { jsonBytes } from './in-turns.ts';
import { RequestFailure } from './request-failure.ts';
import { SilenceTrimmer } from './silence-trimmer.ts';
import { SoundReader } from './sound-reader.ts';

type Format = 'wav' | 'pcm';

export interface HttpVoiceOptions extends EndpointOptions {
  model: string;
  /**
   * The requested format. WAV states its rate; some servers stream PCM sooner. Default: `pcm` from OpenAI, otherwise
   * `wav`.
   */
  format?: Format;
  /** The rate of raw PCM; OpenAI's is 24000. */
  pcmRateHz?: number;
  /** The language of the voice; absent: unknown. */
  language?: string;
  /** Whether the server prepares text itself. */
  preparesText?: boolean;
}

const defaultPcmRateHz = 24_000;
/** Maximum characters of one request. */
const maxInput = 4000;

/** A voice over `/v1/audio/speech` (OpenAI, "Create speech"). The set of voice names is known to the server only. */
export class HttpVoice implements Voice {
  readonly languages?: readonly string[];
  readonly preparesText: boolean;
  readonly isPublic: boolean;
  readonly #endpoint: Endpoint;
  readonly #options: HttpVoiceOptions;

  constructor(options: HttpVoiceOptions) {
    this.#endpoint = new Endpoint(options);
    this.isPublic = this.#endpoint.isPublic;
    this.#options = options;
    this.preparesText = options.preparesText ?? false;
    if (options.language !== undefined) this.languages = [options.language];
  }

  /** @throws {EngineError} with the server, the failure, and the remedy */
  async *speak(text: string, options: SpeakOptions): AsyncGenerator<SpeechChunk, void, undefined> {
    options.signal.throwIfAborted();
    const { language } = this.#options;
    const words = language === undefined || this.preparesText ? text : inWords(MappedText.of(text), language).text;
    for (const input of pieces(words.toWellFormed())) {
      if (isSpeakable(input)) {
        yield* this.#endpoint.stream((request) => this.#utter(input, options, request), options.signal);
      }
    }
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

  async *#utter(
    input: string,
    options: SpeakOptions,
    { signal }: RequestOptions,
  ): AsyncGenerator<SpeechChunk, void, undefined> {
    const { pcmRateHz = defaultPcmRateHz } = this.#options;
    const response = await this.#ask(input, options, signal);
    const reader = new SoundReader(rateOf(response) ?? pcmRateHz, contentType(response));
    let trimmer: SilenceTrimmer | undefined;
    let heard = false;
    const chunk = (samples: Int16Array): SpeechChunk[] => {
      if (samples.length === 0) return [];
      heard = true;
      trimmer ??= new SilenceTrimmer(reader.sampleRateHz);
      return trimmer.push(samples).map((kept) => ({ samples: kept, sampleRateHz: reader.sampleRateHz }));
    };
    for await (const bytes of response.body ?? []) yield* chunk(reader.push(bytes));
    yield* chunk(reader.flush());
    if (!heard) throw new RequestFailure('it sent no audio', { again: 'later' });
  }

  #ask(input: string, { voice, speed }: SpeakOptions, signal: AbortSignal): Promise<Response> {
    const { model, format = this.#endpoint.host === 'api.openai.com' ? 'pcm' : 'wav' } = this.#options;
    let optional: { response_format?: Format; speed?: number } = {};
    const send = async (has: (key: string) => boolean) => {
      const without = (field: keyof typeof optional, value: unknown) => isWithout(has, field, value);
      const accepted = formatsFrom(format).find((each) => !without('response_format', each));
      optional = {
        ...(accepted && { response_format: accepted }),
        ...(speed !== 1 && Number.isFinite(speed) && !without('speed', speed) && { speed }),
      };
      const body = await jsonBytes({ model, input, voice, ...optional, ...this.#endpoint.body });
      return this.#endpoint.open('/audio/speech', { body, accept: 'application/octet-stream', signal });
    };
    return this.#endpoint.adaptations.ask(send, (failure) => refusedField(failure, optional));
  }
}

/** The formats that are understood, in the order in which they are requested. */
function formatsFrom(first: Format): readonly Format[] {
  return first === 'wav' ? ['wav', 'pcm'] : ['pcm', 'wav'];
}

/** `audio/L16;rate=24000` (RFC 2586), `audio/pcm;rate=16000`; undefined if it has no rate. */
function rateOf(response: Response): number | undefined {
  const [, digits] =
    /;\s*(?:rate|sample_rate)\s*=\s*"?(\d{4,6})/i.exec(response.headers.get('content-type') ?? '') ?? [];
  return digits === undefined ? undefined : Number(digits);
}

/** Splits text into pieces for one request each, at white space if possible. */
function* pieces(text: string): Generator<string, void, undefined> {
  let rest = text;
  while (rest.length > maxInput) {
    const space = rest.slice(0, maxInput).search(/\s\S*$/);
    const end = space > 0 ? space : cutPlace(rest, maxInput);
    yield rest.slice(0, end);
    rest = rest.slice(end);
  }
  yield rest;
}
