import { availableParallelism } from 'node:os';
import type { AudioClip } from '../../../audio/audio-clip.ts';
import type {
  OpenTurn,
  PartialTranscript,
  TranscribeOptions,
  Transcriber,
  TranscriptEvent,
  TranscriptionSetting,
} from '../../../session/ports/transcriber.ts';
import { PooledEngine } from '../../pool/pooled-engine.ts';
import { defaultPartialShare } from '../../pool/queue-limits.ts';
import { type PoolSurroundings, workerScript } from '../../pool/worker-pool.ts';
import { disableOnnxTelemetry } from '../onnx-telemetry.ts';
import { cutIntoWindows, MOONSHINE_RATE_HZ } from './clip-windows.ts';
import { followTurn } from './follow-turn.ts';
import type { MoonshineRequest } from './moonshine-worker.ts';

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

  constructor(options: MoonshineOptions = {}) {
    const { workers = Math.min(4, Math.max(1, availableParallelism() - 1)), modelPath, ...surroundings } = options;
    disableOnnxTelemetry();
    super({
      engine: 'Moonshine transcriber',
      script: workerScript(import.meta.url, 'moonshine-worker'),
      size: workers,
      preemptible: true,
      terminable: false,
      workerData: { modelPath },
      ...surroundings,
    });
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
    const { sampleRateHz } = clip;
    const windows: WindowTranscript[] = [];
    let text = '';
    for (const window of cutIntoWindows(clip)) {
      // A window without speech has no output.
      claim?.onWait?.(false);
      const samples = window.slice();
      const options = { signal, claim, transfer: [samples.buffer] };
      const before = text;
      for await (const event of this.pool.run({ samples, sampleRateHz }, options)) {
        if (event.type === 'delta') {
          const delta = before !== '' && text === before ? ` ${event.text}` : event.text;
          text += delta;
          yield { type: 'delta', text: delta };
        } else if (event.type === 'done') windows.push(event);
      }
    }
    yield { type: 'done', text, ...certainty(windows) };
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

const noAudio: MoonshineRequest = { samples: new Int16Array(0), sampleRateHz: MOONSHINE_RATE_HZ };

type WindowTranscript = Extract<TranscriptEvent, { type: 'done' }>;

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
