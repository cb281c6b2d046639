import type { Clock } from '../../core/clock.ts';
import type { Observers } from '../observing/observers.ts';
import { PlayedTrack } from '../observing/played-track.ts';
import type { OutputAudio, Playback, PlayedPart } from '../ports/playback.ts';
import { ModelledPlayback } from './modelled-playback.ts';

/**
 * What the listeners of a conversation hear. One of them counts: of the peers that carry audio themselves the one that was
 * attached first, such as the telephone beside its sidebands. Without one it is the model, which stands for all peers whose
 * audio travels in events. The others are sent the same audio at the same moments, and do not hold it up.
 */
export class SessionPlayback implements Playback {
  readonly #model: ModelledPlayback;
  /** Only if the output is observed. */
  readonly #track: PlayedTrack | undefined;
  /** In the order of attachment. */
  readonly #measured = new Set<Playback>();
  /** Aborted when a listener leaves, because audio may be waiting for its admission. Exists while there are any. */
  #someoneLeft: AbortController | undefined;

  constructor(clock: Clock, leadMs: number, observers: Observers) {
    this.#model = new ModelledPlayback(clock, leadMs);
    if (!observers.listensToOutput) return;
    this.#track = new PlayedTrack({ clock, playback: this, publish: (audio) => observers.outputPlayed(audio) });
  }

  /** Whether the position is measured. */
  get isMeasured(): boolean {
    return this.#measured.size > 0;
  }

  get endsAt(): number {
    return this.#counting.endsAt;
  }

  attach(playback: Playback): void {
    this.#track?.settle();
    this.#measured.add(playback);
    this.#someoneLeft ??= new AbortController();
  }

  detach(playback: Playback): void {
    this.#track?.settle();
    this.#measured.delete(playback);
    this.#someoneLeft?.abort();
    this.#someoneLeft = this.isMeasured ? new AbortController() : undefined;
  }

  async admit(durationMs: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      const counting = this.#counting;
      if (!this.#someoneLeft) return counting.admit(durationMs, signal);
      const { signal: left } = this.#someoneLeft;
      try {
        return await counting.admit(durationMs, AbortSignal.any([signal, left]));
      } catch (error) {
        if (signal.aborted || !left.aborted) throw error;
      }
    }
  }

  /** Notes it in the model; peers that carry audio themselves are handed it with the events of the others. */
  play(audio: OutputAudio): void {
    this.#track?.settle();
    this.#model.play(audio);
    this.#track?.add(audio);
  }

  positionMs(itemId: string, contentIndex: number): number | undefined {
    return this.#counting.positionMs(itemId, contentIndex);
  }

  interrupt(): PlayedPart | undefined {
    this.#track?.cut();
    const counting = this.#counting;
    const stopped = this.#all.map((playback) => ({ playback, at: playback.interrupt() }));
    return stopped.find(({ playback }) => playback === counting)?.at;
  }

  /** The session ends: nothing is played any more. */
  close(): void {
    this.#track?.cut();
  }

  pause(): void {
    this.#track?.settle();
    for (const playback of this.#all) playback.pause();
  }

  resume(): void {
    for (const playback of this.#all) playback.resume();
  }

  get #counting(): Playback {
    const [first = this.#model] = this.#measured;
    return first;
  }

  get #all(): Playback[] {
    return [this.#model, ...this.#measured];
  }
}
