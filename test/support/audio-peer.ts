import { concatSamples, durationMs } from '../../src/audio/pcm.ts';
import type { OutputAudio, Playback, PlaybackListener, PlayedPart } from '../../src/session/ports/playback.ts';
import type { RealtimeSession } from '../../src/session/realtime-session.ts';
import { Client } from './conversation.ts';

/** An audio sink whose playback the test controls, and which reports its position. */
export class Loudspeaker implements Playback {
  readonly taken: OutputAudio[] = [];
  listener: PlaybackListener | undefined;
  /** Audio that it accepts before it has played the previous audio. */
  bufferMs = Number.POSITIVE_INFINITY;
  isPaused = false;
  /** How often it was paused. */
  pauses = 0;
  /** When it expects to have played all its audio, on the Clock. */
  endsAt = 0;
  #queue: OutputAudio[] = [];
  #waiting: (() => void)[] = [];
  #played = new Map<string, number>();

  get samples(): Int16Array {
    return concatSamples(this.taken.map(({ samples }) => samples));
  }

  async admit(durationMs: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#queuedMs + durationMs <= this.bufferMs) return;
    await new Promise<void>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      this.#waiting.push(resolve);
    });
  }

  play(audio: OutputAudio): void {
    this.taken.push(audio);
    this.#queue.push(audio);
    this.#played.set(keyOf(audio), this.#played.get(keyOf(audio)) ?? 0);
  }

  /** Plays whole chunks. */
  playNext(count: number): void {
    for (const audio of this.#queue.splice(0, count)) {
      this.listener?.started(audio.responseId);
      this.#played.set(keyOf(audio), (this.#played.get(keyOf(audio)) ?? 0) + lengthMs(audio));
    }
    if (this.#queue.length === 0) this.listener?.drained();
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  positionMs(itemId: string, contentIndex: number): number | undefined {
    return this.#played.get(keyOf({ itemId, contentIndex }));
  }

  get current(): PlayedPart | undefined {
    const [next] = this.#queue;
    if (!next) return undefined;
    const { itemId, contentIndex } = next;
    return { itemId, contentIndex, playedMs: this.positionMs(itemId, contentIndex) ?? 0 };
  }

  interrupt(): PlayedPart | undefined {
    const { current } = this;
    this.#queue = [];
    return current;
  }

  pause(): void {
    this.isPaused = true;
    this.pauses += 1;
  }

  resume(): void {
    this.isPaused = false;
  }

  get #queuedMs(): number {
    return this.#queue.reduce((sum, audio) => sum + lengthMs(audio), 0);
  }
}

function keyOf({ itemId, contentIndex }: Pick<OutputAudio, 'itemId' | 'contentIndex'>): string {
  return `${itemId}/${contentIndex}`;
}

function lengthMs({ samples, sampleRateHz }: OutputAudio): number {
  return durationMs(samples.length, sampleRateHz);
}

/** A client that carries audio itself, like WebRTC and telephony: only its events are text. */
export class AudioPeer extends Client {
  readonly loudspeaker: Loudspeaker;
  readonly #session: RealtimeSession;

  constructor(session: RealtimeSession, loudspeaker = new Loudspeaker()) {
    super(session, loudspeaker);
    this.loudspeaker = loudspeaker;
    this.#session = session;
  }

  /** Writes audio in chunks of 20 ms, like an audio track. */
  async write(samples: Int16Array, sampleRateHz: number): Promise<void> {
    const step = sampleRateHz / 50;
    for (let start = 0; start < samples.length; start += step) {
      await this.#session.write({ samples: samples.subarray(start, start + step), sampleRateHz }, this);
    }
  }
}
