import type { AudioClip } from '../../audio/audio-clip.ts';
import type { TurnDetection } from '../../protocol/wire/session-config.ts';
import type { VoiceFrame } from '../ports/voice-activity.ts';
import type { SessionCore } from '../session-core.ts';
import { BargeIn } from '../turns/barge-in.ts';
import { idleTimeoutMs } from '../turns/idle-timer.ts';
import type { Overlap } from '../turns/overlap.ts';
import { detectorSettings, TurnDetector, type TurnMark, type VoicedPart } from '../turns/turn-detector.ts';
import type { InputBuffer } from './input-buffer.ts';
import { GrowingTurn } from './open-turn.ts';
import { fillWithRoomSilence } from './room-silence.ts';

/** Silence around the voiced part that is passed to the transcriber, which recognizes clips without it poorly. */
const marginBeforeMs = 300;
const marginAfterMs = 200;
/** Audio that may be written before the start of a turn, or the end of a timeout, is known. */
const detectionLagMs = 1000;

/** A turn that voice activity detection has ended. */
export interface DetectedTurn {
  audioEndMs: number;
  /** The silence after its last voiced frame. */
  silenceMs: number;
  /** The turn, including its prefix padding and the silence at its end. */
  clip: AudioClip;
  /** Its voiced part with a small margin. */
  speech: AudioClip;
}

export interface InputAudioEvents {
  /** A turn has begun: by speech at `audioStartMs`, or, without turn detection, with the first audio. */
  turnBegan(turn: GrowingTurn, audioStartMs?: number): void;
  turnEnded(turn: DetectedTurn): void;
}

/** Splits the buffered audio into turns, by the frames of voice activity detection or by commits. */
export class DetectedTurns {
  readonly #core: SessionCore;
  readonly #overlap: Overlap;
  readonly #events: InputAudioEvents;
  readonly #buffer: InputBuffer;
  /** Created with the first detector, to save the memory of idle sessions. */
  #bargeIn: BargeIn | undefined;
  #detection: TurnDetection | null = null;
  /** Undefined without turn detection. */
  #detector: TurnDetector | undefined;
  #turn: GrowingTurn | undefined;
  /** The current pause of the turn, with the audio to transcribe once that is needed. */
  #pause: (VoicedPart & { speech?: AudioClip }) | undefined;
  #startMs = 0;

  constructor(core: SessionCore, overlap: Overlap, buffer: InputBuffer, events: InputAudioEvents) {
    this.#core = core;
    this.#overlap = overlap;
    this.#buffer = buffer;
    this.#events = events;
  }

  get detector(): TurnDetector | undefined {
    return this.#detector;
  }

  get speaking(): boolean {
    return this.#detector !== undefined && this.#isSpeaking(this.#detector);
  }

  /** Call when audio from this position was written to the buffer. */
  written(fromMs: number): void {
    if (this.#detector) this.#bargeIn?.written(fromMs);
  }

  /** Silence that stays buffered, with what the padding of the next turn and the item of an idle timeout may need. */
  get retainedSilenceMs(): number {
    const { inputBufferMs, silenceMs } = this.#core.settings.limits;
    const paddingMs = this.#detection ? detectorSettings(this.#detection).prefixPaddingMs : 0;
    const neededMs = Math.max(paddingMs, idleTimeoutMs(this.#detection) ?? 0) + detectionLagMs;
    return Math.min(inputBufferMs, Math.max(silenceMs, neededMs));
  }

  /** Begins to detect turns, in the audio that is written from now on. */
  open(detection: TurnDetection, frameMs: number): void {
    this.#detection = detection;
    this.#bargeIn ??= new BargeIn(this.#core, this.#buffer);
    this.#detector = new TurnDetector(detectorSettings(detection), {
      frameMs,
      startMs: Math.round(this.#buffer.endMs),
    });
  }

  close(): void {
    this.#detector = undefined;
  }

  configure(detection: TurnDetection): void {
    this.#detection = detection;
    this.#detector?.configure(detectorSettings(detection));
  }

  /** Audio was written without turn detection: all buffered audio belongs to the turn. */
  grow(): void {
    if (!this.#turn) this.#events.turnBegan(this.#openTurn(this.#buffer.startMs));
    this.#turn?.grow(this.#buffer.endMs);
  }

  /** Drops the current turn, because its audio was committed or cleared otherwise. */
  discard(): void {
    this.#endTurn();
    this.#bargeIn?.discard();
    this.#overlap.resumed();
    this.#detector?.reset();
  }

  /**
   * Applies the frames of voice activity detection to the turns. A promise if a decision waits for evidence: call it
   * again when it has resolved.
   */
  apply(frames: readonly VoiceFrame[], detector: TurnDetector): void | Promise<void> {
    for (const [index, frame] of frames.entries()) {
      // An observer, or the end of the session, may have closed the stream by now.
      if (this.#detector !== detector) return;
      const mark = detector.push(frame);
      if (this.#bargeIn?.holds(mark)) return this.#judge(mark, frames.slice(index + 1), detector);
      if (mark?.type === 'undecided') return this.#decide(frames.slice(index + 1), detector);
      this.#take(mark, detector);
    }
    this.#startPause(detector);
    // Not the silence after the last words, in which the turn may end: the transcriber should be free then.
    const { positionMs, voiced } = detector;
    if (voiced) this.#turn?.grow(Math.min(voiced.toMs + marginAfterMs, positionMs));
  }

  /** Later frames wait, so that the time of the answer has no effect on the turn. */
  async #decide(later: readonly VoiceFrame[], detector: TurnDetector): Promise<void> {
    this.#startPause(detector);
    const evidence = await this.#overlap.evidence(detector.prosody);
    if (this.#detector !== detector) return;
    this.#take(detector.inform(evidence), detector);
    await this.apply(later, detector);
  }

  /** Likewise for a sound that may be no turn. */
  async #judge(mark: TurnMark | undefined, later: readonly VoiceFrame[], detector: TurnDetector): Promise<void> {
    const marks = await this.#bargeIn?.judge(mark, detector);
    if (!marks || this.#detector !== detector) return;
    for (const each of marks) this.#report(each, detector);
    if (marks.length > 0) this.#bargeIn?.announced();
    this.#boundBuffer(detector);
    await this.apply(later, detector);
  }

  #take(mark: TurnMark | undefined, detector: TurnDetector): void {
    if (mark) this.#report(mark, detector);
    this.#boundBuffer(detector);
  }

  #report(mark: TurnMark, detector: TurnDetector): void {
    switch (mark.type) {
      case 'speech_started':
        return this.#began(mark);
      case 'paused':
        this.#pause = mark;
        return;
      case 'resumed':
        this.#pause = undefined;
        return this.#overlap.resumed();
      case 'speech_stopped':
        return this.#ended(mark, detector);
    }
  }

  #began({ audioStartMs, voicedFromMs }: Extract<TurnMark, { type: 'speech_started' }>): void {
    this.#startMs = Math.max(audioStartMs, Math.ceil(this.#buffer.startMs));
    this.#overlap.turnBegan();
    this.#events.turnBegan(this.#openTurn(voicedFromMs - marginBeforeMs), this.#startMs);
  }

  #ended(mark: Extract<TurnMark, { type: 'speech_stopped' }>, detector: TurnDetector): void {
    const { audioEndMs, voicedToMs } = mark;
    // The same object as in the pause: its transcript is then used.
    const paused = this.#pause?.voicedToMs === voicedToMs ? this.#pause.speech : undefined;
    const turn: DetectedTurn = {
      audioEndMs,
      silenceMs: audioEndMs - voicedToMs,
      clip: this.#buffer.slice(this.#startMs, audioEndMs),
      speech: paused ?? this.#speechOf(mark, detector.pauseMs, audioEndMs),
    };
    this.#endTurn();
    this.#buffer.dropUntil(audioEndMs);
    this.#core.attempt('ending a turn', () => this.#events.turnEnded(turn));
    this.#overlap.ended();
  }

  /** Starts work in the pause that the turn is in, once per pause. */
  #startPause(detector: TurnDetector): void {
    const pause = this.#pause;
    if (!pause || pause.speech || !this.#overlap.enabled) return;
    pause.speech = this.#speechOf(pause, detector.pauseMs, detector.positionMs);
    this.#overlap.paused({ speech: pause.speech, prosody: detector.prosody, decides: detector.asks });
  }

  /**
   * The audio to transcribe for a turn that ends with this part. If work may start in pauses, it has only the silence that
   * has been written by then, whenever the work starts. Limited to the turn, because the amount of audio written after it
   * is arbitrary.
   */
  #speechOf({ voicedFromMs, voicedToMs }: VoicedPart, pauseMs: number, endMs: number): AudioClip {
    const fromMs = Math.max(voicedFromMs - marginBeforeMs, this.#buffer.startMs);
    const turn = this.#turn && { turn: this.#turn };
    if (!this.#overlap.enabled) {
      return { ...this.#buffer.slice(fromMs, Math.min(voicedToMs + marginAfterMs, endMs)), ...turn };
    }
    const writtenMs = Math.min(voicedToMs + pauseMs, endMs);
    const addedMs = voicedToMs + marginAfterMs - writtenMs;
    const clip = this.#buffer.slice(fromMs, writtenMs, addedMs);
    fillWithRoomSilence(clip, { leadMs: voicedFromMs - fromMs, addedMs });
    return { ...clip, ...turn };
  }

  /** A turn that reaches the maximum length of the buffer ends there; of silence, less is stored. */
  #boundBuffer(detector: TurnDetector): void {
    const { inputBufferMs } = this.#core.settings.limits;
    const speaking = this.#isSpeaking(detector);
    const oldestMs = detector.positionMs - (speaking ? inputBufferMs : this.retainedSilenceMs);
    if (oldestMs <= this.#buffer.startMs) return;
    const mark = speaking && oldestMs > this.#startMs ? detector.finish() : undefined;
    if (mark) this.#report(mark, detector);
    else this.#buffer.dropUntil(oldestMs);
  }

  /** A sound that is held back counts as silence. */
  #isSpeaking(detector: TurnDetector): boolean {
    return detector.speaking && !this.#bargeIn?.holding;
  }

  #openTurn(startMs: number): GrowingTurn {
    this.#turn = new GrowingTurn(this.#buffer, startMs);
    return this.#turn;
  }

  #endTurn(): void {
    this.#turn?.end();
    this.#turn = undefined;
    this.#pause = undefined;
  }
}
