/** Schedules a response's audio and tracks its playback: a model of one listener, and the listeners of a session. */

import { durationMs } from '../../audio/pcm.ts';
import { pause, rejectOnAbort } from '../../core/abort.ts';
import type { Clock } from '../../core/clock.ts';
import type { Observers } from '../observing/observers.ts';
import { PlayedTrack } from '../observing/played-track.ts';
import type { OutputAudio, Playback, PlayedPart } from '../ports/playback.ts';
import type { OutputBuffer } from './output-buffer.ts';

interface Part {
  readonly itemId: string;
  readonly contentIndex: number;
  /** Audio of this part that was sent and not dropped. */
  sentMs: number;
}

interface Progress {
  part: Part;
  playedMs: number;
}

function playedPart({ part: { itemId, contentIndex }, playedMs }: Progress): PlayedPart {
  return { itemId, contentIndex, playedMs };
}

/**
 * A listener that plays all audio without pauses, for a client that does not report its playback: playback ends when
 * all audio sent so far has been played, and restarts after a gap. Audio is admitted at most `leadMs` ahead of it.
 */
export class ModelledPlayback implements Playback {
  readonly #clock: Clock;
  readonly #leadMs: number;
  /** The part that is being played, or was played last, and the parts after it. */
  #parts: Part[] = [];
  #endsAt = 0;
  #paused: { at: number; over: PromiseWithResolvers<void> } | undefined;

  constructor(clock: Clock, leadMs: number) {
    this.#clock = clock;
    this.#leadMs = leadMs;
  }

  get endsAt(): number {
    return this.#paused ? this.#endsAt + this.#clock.now() - this.#paused.at : this.#endsAt;
  }

  async admit(durationMs: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    do {
      if (this.#paused) await Promise.race([this.#paused.over.promise, rejectOnAbort(signal)]);
      await pause(this.endsAt + durationMs - this.#clock.now() - this.#leadMs, this.#clock, signal);
    } while (this.#paused);
  }

  play({ itemId, contentIndex, samples, sampleRateHz }: OutputAudio): void {
    const addedMs = durationMs(samples.length, sampleRateHz);
    this.#forgetPlayed();
    const last = this.#parts.at(-1);
    if (last?.itemId === itemId && last.contentIndex === contentIndex) last.sentMs += addedMs;
    else this.#parts.push({ itemId, contentIndex, sentMs: addedMs });
    this.#endsAt = Math.max(this.#endsAt, this.#now) + addedMs;
  }

  positionMs(itemId: string, contentIndex: number): number | undefined {
    const found = this.#progress().find(({ part }) => part.itemId === itemId && part.contentIndex === contentIndex);
    return found?.playedMs;
  }

  get current(): PlayedPart | undefined {
    const current = this.#unplayed;
    return current && playedPart(current);
  }

  interrupt(): PlayedPart | undefined {
    const current = this.#unplayed;
    this.#endsAt = Math.min(this.#endsAt, this.#now);
    if (!current) return undefined;
    current.part.sentMs = current.playedMs;
    this.#parts = [current.part];
    return playedPart(current);
  }

  pause(): void {
    this.#paused ??= { at: this.#clock.now(), over: Promise.withResolvers() };
  }

  resume(): void {
    const paused = this.#paused;
    if (!paused) return;
    this.#endsAt = this.endsAt;
    this.#paused = undefined;
    paused.over.resolve();
  }

  /** The clock of playback, which stops while paused. */
  get #now(): number {
    return this.#paused?.at ?? this.#clock.now();
  }

  /** The first part that has not been played completely. */
  get #unplayed(): Progress | undefined {
    return this.#progress().find(({ part, playedMs }) => playedMs < part.sentMs);
  }

  /** Unplayed audio is contiguous and ends at `#endsAt`, so positions are computed from the end. */
  #progress(): Progress[] {
    let unplayedMs = Math.max(0, this.#endsAt - this.#now);
    return this.#parts
      .toReversed()
      .map((part) => {
        const ofPartMs = Math.min(unplayedMs, part.sentMs);
        unplayedMs -= ofPartMs;
        return { part, playedMs: part.sentMs - ofPartMs };
      })
      .reverse();
  }

  /** Drops all played parts but the last. */
  #forgetPlayed(): void {
    const first = this.#progress().findIndex(({ part, playedMs }) => playedMs < part.sentMs);
    this.#parts = this.#parts.slice(first);
  }
}

/**
 * The playback of a conversation's listeners. One of them determines it: the peer carrying audio itself that attached
 * first, for example a telephone with sidebands. Without one it is the model, which represents all peers whose audio is
 * carried in events. The other peers receive the same audio at the same time, and do not delay it.
 */
export class SessionPlayback implements Playback {
  readonly #model: ModelledPlayback;
  readonly #reports: OutputBuffer;
  /** Only if the output is observed. */
  readonly #track: PlayedTrack | undefined;
  /** In the order of attachment. */
  #measured: readonly Playback[] = [];
  /**
   * Aborted when a listener leaves, because audio may be waiting for its admission. Exists only while there are any.
   */
  #someoneLeft: AbortController | undefined;

  constructor(clock: Clock, leadMs: number, observers: Observers, reports: OutputBuffer) {
    this.#reports = reports;
    this.#model = new ModelledPlayback(clock, leadMs);
    if (!observers.listensToOutput) return;
    this.#track = new PlayedTrack({ clock, playback: this, publish: (audio) => observers.outputPlayed(audio) });
  }

  /** Whether the position is measured. */
  get isMeasured(): boolean {
    return this.#measured.length > 0;
  }

  get endsAt(): number {
    return this.#counting.endsAt;
  }

  get current(): PlayedPart | undefined {
    return this.#counting.current;
  }

  attach(playback: Playback): void {
    this.#track?.settle();
    this.#measured = [...this.#measured, playback];
    this.#counting.listener = this.#reports;
    this.#someoneLeft ??= new AbortController();
  }

  detach(playback: Playback): void {
    this.#track?.settle();
    this.#measured = this.#measured.filter((each) => each !== playback);
    playback.listener = undefined;
    if (this.isMeasured) this.#counting.listener = this.#reports;
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

  /** Adds it to the model; peers that carry audio themselves receive it together with the events of the others. */
  play(audio: OutputAudio): void {
    this.#track?.settle();
    this.#model.play(audio);
    this.#reports.queued(audio.responseId);
    this.#track?.add(audio);
  }

  positionMs(itemId: string, contentIndex: number): number | undefined {
    return this.#counting.positionMs(itemId, contentIndex);
  }

  interrupt(): PlayedPart | undefined {
    this.#track?.cut();
    const counting = this.#counting;
    const stopped = this.#all.map((playback) => ({ playback, at: playback.interrupt() }));
    const at = stopped.find(({ playback }) => playback === counting)?.at;
    if (at && this.isMeasured) this.#reports.cleared();
    return at;
  }

  /** Stops playback at the end of the session. */
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
