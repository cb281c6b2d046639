import { availableParallelism } from 'node:os';
import type { AudioClip } from '../../../audio/audio-clip.ts';
import { durationMs } from '../../../audio/pcm.ts';
import type {
  OpenTurn,
  PartialTranscript,
  TranscribeOptions,
  Transcriber,
  TranscriptEvent,
  TranscriptionSetting,
} from '../../../session/ports/transcriber.ts';
import type { WorkClaim } from '../../../session/ports/work-claim.ts';
import { EngineError } from '../../engine-error.ts';
import { PooledEngine } from '../../pool/pooled-engine.ts';
import { defaultPartialShare } from '../../pool/queue-limits.ts';
import { type PoolSurroundings, workerScript } from '../../pool/worker-pool.ts';
import { disableOnnxTelemetry } from '../onnx-telemetry.ts';
import { cutIntoWindows, MOONSHINE_RATE_HZ } from './clip-windows.ts';
import { followTurn } from './follow-turn.ts';
import type { MoonshineRequest } from './moonshine-worker.ts';
import { TurnWindows, type WindowTranscript } from './turn-windows.ts';

const engine = 'Moonshine transcriber';
/** Approximate thread time per time of speech. */
const TIME_PER_AUDIO = 0.05;

export interface MoonshineOptions extends PoolSurroundings {
  /** Worker threads, each with its own copy of the model (default: one less than the cores, 1 to 4). */
  workers?: number;
  /** The folder of a model of another size or language. */
  modelPath?: string;
}

/** Moonshine in worker threads. The language is that of the model (English by default), regardless of the request. */
export class Moonshine extends PooledEngine<MoonshineRequest, TranscriptEvent> implements Transcriber {
  /** The languages of a user's model are unknown. */
  readonly languages?: readonly string[];
  readonly settings: readonly TranscriptionSetting[];
  /** Absent if open turns have no share of the threads' time. */
  readonly follow?: Transcriber['follow'];
  readonly #turnWindows: TurnWindows;

  constructor(options: MoonshineOptions = {}) {
    const { workers = Math.min(4, Math.max(1, availableParallelism() - 1)), modelPath, ...surroundings } = options;
    disableOnnxTelemetry();
    super({
      engine,
      script: workerScript(import.meta.url, 'moonshine-worker'),
      size: workers,
      preemptible: true,
      terminable: false,
      workerData: { modelPath },
      ...surroundings,
    });
    this.#turnWindows = new TurnWindows((window, claim) => this.#transcribeAlone(window, claim));
    if (modelPath === undefined) this.languages = ['en'];
    const follows = (surroundings.partialShare ?? defaultPartialShare) > 0;
    this.settings = follows ? ['delay'] : [];
    if (follows) this.follow = (turn, options) => this.#follow(turn, options);
  }

  /** A long clip is transcribed window by window, so that other requests get their turn. */
  async *transcribe(
    clip: AudioClip,
    { claim, signal }: TranscribeOptions,
  ): AsyncGenerator<TranscriptEvent, void, undefined> {
    const { sampleRateHz, turn } = clip;
    const windows: WindowTranscript[] = [];
    let text = '';
    let samplesCut = 0;
    for (const window of cutIntoWindows(clip)) {
      // A window without speech has no output.
      claim?.onWait?.(false);
      samplesCut += window.length;
      const part = { samples: window.slice(), sampleRateHz };
      const isComplete = samplesCut < clip.samples.length;
      const events =
        turn && isComplete
          ? asEvents(this.#turnWindows.transcript(turn, windows.length, part, { claim, signal }))
          : this.#transcribeWindow(part, { claim, signal });
      const before = text;
      for await (const event of events) {
        if (event.type === 'delta') {
          const delta = before !== '' && text === before ? ` ${event.text}` : event.text;
          text += delta;
          yield { type: 'delta', text: delta };
        } else if (event.type === 'done') windows.push(event);
      }
    }
    yield { type: 'done', text, ...certainty(windows) };
  }

  #transcribeWindow(
    { samples, sampleRateHz }: { samples: Int16Array<ArrayBuffer>; sampleRateHz: number },
    { claim, signal }: { claim?: WorkClaim | undefined; signal?: AbortSignal },
  ): AsyncIterable<TranscriptEvent> {
    const expectedMs = durationMs(samples.length, sampleRateHz) * TIME_PER_AUDIO;
    const options = { ...(signal && { signal }), claim, expectedMs, transfer: [samples.buffer] };
    return this.pool.run({ samples, sampleRateHz }, options);
  }

  async #transcribeAlone({ samples, sampleRateHz }: AudioClip, claim: WorkClaim): Promise<WindowTranscript> {
    for await (const event of this.#transcribeWindow({ samples: samples.slice(), sampleRateHz }, { claim })) {
      if (event.type === 'done') return event;
    }
    throw new EngineError(engine, 'a window ended without a transcript');
  }

  #follow(turn: OpenTurn, { claim, delay, signal }: TranscribeOptions): AsyncIterable<PartialTranscript> {
    const pass = async (renew: () => MoonshineRequest) => {
      let text = '';
      for await (const event of this.pool.run(noAudio, { renew, claim, signal })) {
        if (event.type === 'done') text = event.text;
      }
      return text;
    };
    return followTurn(turn, pass, { delay, signal });
  }
}

/** The transcript of a window as its events. */
async function* asEvents(transcript: Promise<WindowTranscript>): AsyncGenerator<TranscriptEvent> {
  const done = await transcript;
  if (done.text !== '') yield { type: 'delta', text: done.text };
  yield done;
}

const noAudio: MoonshineRequest = { samples: new Int16Array(0), sampleRateHz: MOONSHINE_RATE_HZ };

/**
 * The figures of the whole text: the confidence is averaged over the windows by length; the end probability is that of
 * the last window with text.
 */
function certainty(windows: readonly WindowTranscript[]): Pick<WindowTranscript, 'confidence' | 'endOfSentence'> {
  const spoken = windows.filter(({ text }) => text !== '');
  const last = spoken.at(-1);
  if (last === undefined) return {};
  const length = spoken.reduce((sum, { text }) => sum + text.length, 0);
  const confidence = spoken.reduce((sum, { text, confidence = 0 }) => sum + confidence * text.length, 0) / length;
  return { confidence, endOfSentence: last.endOfSentence ?? 0 };
}
