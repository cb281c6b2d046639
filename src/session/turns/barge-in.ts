import type { AudioClip } from '../../audio/audio-clip.ts';
import { concatSamples, durationMs, samplesIn } from '../../audio/pcm.ts';
import type { SpokenAudio } from '../conversation/spoken-audio.ts';
import { PendingAdoption } from '../generation/pending-adoption.ts';
import type { InputBuffer } from '../input/input-buffer.ts';
import { transcribe, transcriptionRequest } from '../input/transcriber-request.ts';
import { warmEngines } from '../ports/engines.ts';
import type { IgnoredSound } from '../ports/observer.ts';
import type { SessionCore } from '../session-core.ts';
import { isEcho, likenessToPlayed, loudPart, type SoundDuringPlayback } from './echo.ts';
import { takesFloor, wordsIn } from './floor-words.ts';
import { type Audible, PlaybackHistory } from './playback-history.ts';
import type { TurnDetector, TurnMark } from './turn-detector.ts';

/** The first voiced frame may begin before the sound, but hardly ends before it. */
const onsetMs = 32;
/** A sound is judged when it has lasted this long, or when this much silence has followed a shorter one. */
const firstCheckMs = 480;
const silenceToCheckMs = 96;
/** While a sound continues, it is judged again after a third of its length, at least and at most this much. */
const recheckMs = { least: 160, most: 1000 };
/** The end of an echo that may have the beginning of the user's words. */
const echoEndMs = 160;
/** After this silence, what follows is another sound. */
const silenceToEndMs = 500;
/** The part of a long sound that is judged. */
const windowMs = 2500;
/** Audio before the sound and silence after it, for the transcriber. */
const marginBeforeMs = 300;
const marginAfterMs = 200;
/** For this time after an echo, a sound is judged by its loud part alone: the rest may be more echo. */
const echoesMs = 10_000;
/** A measured playback pauses when a sound has lasted this long: clicks are shorter. */
const pauseAfterMs = 192;
/** Pauses for nothing in one part, after which only a decision stops it. */
const idlePauses = 3;
/** In the last part of an answer, a word is a reply rather than a back-channel. */
const lastMs = 1000;
/** A question within this time before the sound is being answered. */
const questionMs = 1500;
/** After this many checks without an answer in time, sounds are announced at once for a while. */
const missesToPause = 2;
const pauseChecksMs = 30_000;

const nothing: readonly TurnMark[] = [];

type Verdict = 'speech' | IgnoredSound;

interface HeldSound {
  /** Its announcement, if it becomes a turn. */
  started: Extract<TurnMark, { type: 'speech_started' }>;
  /** What was being played when it began. */
  readonly audible: Audible;
  /** The beginning of the part that has not been judged to be nothing. */
  fromMs: number;
  /** The last voiced position that was judged. */
  judgedToMs: number;
  nextCheckMs: number;
  verdict: IgnoredSound;
  /** The pause that it is in. */
  pause: TurnMark | undefined;
  pauseConsidered: boolean;
}

/**
 * Holds back the start of a turn while the user can hear the assistant, until the sound is known to be more than a
 * cough, a back-channel or the assistant's echo. A sound that is nothing is never announced. All decisions count written
 * audio; frames wait for the transcriber, for a bounded time, after which the sound counts as speech.
 */
export class BargeIn {
  readonly #core: SessionCore;
  readonly #buffer: InputBuffer;
  readonly #history: PlaybackHistory;
  #sound: HeldSound | undefined;
  #check: AbortController | undefined;
  #misses = 0;
  /** The end of the last echo. */
  #echoedMs = Number.NEGATIVE_INFINITY;
  #unavailableUntil = Number.NEGATIVE_INFINITY;
  #isPlaybackPaused = false;
  /** Pauses for nothing, by the part that was being played. */
  #idlePauses = { itemId: '', count: 0 };

  constructor(core: SessionCore, buffer: InputBuffer) {
    this.#core = core;
    this.#buffer = buffer;
    this.#history = new PlaybackHistory(core.clock, core.playback);
  }

  /** Whether a sound is held back. */
  get holding(): boolean {
    return this.#sound !== undefined;
  }

  /** Call when audio was written. */
  written(fromMs: number): void {
    if (this.#isWanted) this.#history.written(fromMs, this.#buffer.endMs);
  }

  /** Whether the last frame belongs to a sound that is held back: then `judge` returns the marks to report. */
  holds(mark: TurnMark | undefined): boolean {
    if (this.#sound) return true;
    if (mark?.type !== 'speech_started' || !this.#isWanted) return false;
    const audible = this.#history.at(mark.voicedFromMs + onsetMs);
    if (!audible) return false;
    this.#sound = {
      started: mark,
      audible,
      fromMs: mark.voicedFromMs,
      judgedToMs: mark.voicedFromMs,
      nextCheckMs: firstCheckMs,
      verdict: 'noise',
      pause: undefined,
      pauseConsidered: false,
    };
    warmEngines(this.#core.engines);
    return true;
  }

  /**
   * Takes the last frame of a sound that is held back. Returns the marks of a turn that is to be announced, after which
   * `announced` is to be called. Never rejects.
   */
  async judge(mark: TurnMark | undefined, detector: TurnDetector): Promise<readonly TurnMark[]> {
    const sound = this.#sound;
    if (!sound) return nothing;
    if (mark?.type === 'paused') sound.pause = mark;
    if (mark?.type === 'resumed') sound.pause = undefined;
    const stopped = mark?.type === 'speech_stopped' ? mark : undefined;
    const { positionMs } = detector;
    const toMs = stopped?.voicedToMs ?? detector.voiced?.toMs ?? positionMs;
    const silenceMs = positionMs - toMs;
    this.#pausePlayback(sound, toMs);
    if (this.#isDue(sound, { toMs, silenceMs, hasStopped: stopped !== undefined })) {
      const verdict = await this.#judge(sound, silenceMs === 0 ? positionMs : toMs);
      // The audio was cleared or committed meanwhile, or the session has ended.
      if (this.#sound !== sound) return nothing;
      if (verdict === 'speech') return this.#announce(sound, stopped);
      this.#dismiss(sound, verdict, { positionMs, toMs });
      detector.startAt(sound.fromMs);
    }
    if (stopped || silenceMs >= silenceToEndMs) this.#end(sound, detector, toMs);
    return nothing;
  }

  /** A turn that was held back has been announced. */
  announced(): void {
    this.#resumePlayback();
  }

  /** The audio of the sound was committed or cleared, or the session has ended. */
  discard(): void {
    this.#sound = undefined;
    this.#check?.abort();
    this.#resumePlayback();
  }

  get #isWanted(): boolean {
    const { config, settings, clock } = this.#core;
    const { interruptBy } = settings;
    const byWords =
      interruptBy === 'words' || (interruptBy === 'auto' && config.audio.input.turn_detection?.type === 'semantic_vad');
    return byWords && clock.now() >= this.#unavailableUntil;
  }

  #isDue(
    sound: HeldSound,
    { toMs, silenceMs, hasStopped }: { toMs: number; silenceMs: number; hasStopped: boolean },
  ): boolean {
    if (toMs <= sound.judgedToMs) return false;
    return hasStopped || silenceMs >= silenceToCheckMs || (silenceMs === 0 && toMs - sound.fromMs >= sound.nextCheckMs);
  }

  /** Judges the sound up to a position. */
  async #judge(sound: HeldSound, toMs: number): Promise<Verdict> {
    sound.judgedToMs = toMs;
    const fromMs = Math.max(sound.fromMs, toMs - windowMs);
    const played = this.#playedDuring(sound, fromMs, toMs);
    const likeness = played && likenessToPlayed(played);
    if (played && isEcho(likeness, '', played)) return 'echo';
    const words = await this.#wordsOf(fromMs, toMs);
    if (words === undefined) return 'speech';
    if (played && isEcho(likeness, words, played)) return 'echo';
    if (takesFloor(words, { isAnswer: this.#answers(sound) })) return 'speech';
    return wordsIn(words).length > 0 ? 'back_channel' : 'noise';
  }

  #playedDuring({ audible }: HeldSound, fromMs: number, toMs: number): SoundDuringPlayback | undefined {
    // A sound may go on after playback has ended, and be the echo of its end.
    const { part, fromMs: notedMs } = this.#history.latest(fromMs) ?? audible;
    const spoken = this.#spokenIn(part);
    return spoken && { sound: this.#buffer.slice(fromMs, toMs), spoken, playedMs: part.playedMs + fromMs - notedMs };
  }

  #spokenIn({ itemId, contentIndex }: Audible['part']): SpokenAudio | undefined {
    return this.#core.conversation.find(itemId)?.spoken.get(contentIndex);
  }

  /** Whether any word is an answer, because the assistant has asked, or has finished or nearly so. */
  #answers({ audible, fromMs }: HeldSound): boolean {
    // After an echo, the words begin later than the sound.
    const { part, remainingMs, fromMs: notedMs } = this.#history.latest(fromMs + onsetMs) ?? audible;
    const spoken = this.#spokenIn(part);
    if (!spoken) return false;
    if (spoken.isComplete && remainingMs - (fromMs - notedMs) <= lastMs) return true;
    const earlier = spoken.transcriptUntil(part.playedMs - questionMs).length;
    const now = spoken.transcriptUntil(part.playedMs).length;
    const [restOfSentence = ''] = /^[^.!?…。！？]*[.!?…。！？]*/u.exec(spoken.transcript.slice(now)) ?? [];
    return /[?？]/u.test(spoken.transcript.slice(earlier, now) + restOfSentence);
  }

  /** The words of a part of the buffer; undefined if the transcriber fails or takes too long. */
  async #wordsOf(fromMs: number, toMs: number): Promise<string | undefined> {
    const { clock, settings } = this.#core;
    const abort = new AbortController();
    this.#check = abort;
    const { promise: late, resolve } = Promise.withResolvers<undefined>();
    const cancel = clock.after(settings.limits.interruptionCheckMs, () => resolve(undefined));
    abort.signal.addEventListener('abort', () => resolve(undefined), { once: true });
    const words = await Promise.race([this.#transcript(this.#clip(fromMs, toMs), abort), late]);
    cancel();
    this.#check = undefined;
    if (words === undefined && !abort.signal.aborted) this.#missed();
    else this.#misses = 0;
    abort.abort();
    return words;
  }

  #clip(fromMs: number, toMs: number): AudioClip {
    const echoes = toMs - this.#echoedMs < echoesMs;
    const sound = this.#buffer.slice(echoes ? fromMs : fromMs - marginBeforeMs, toMs);
    const { sampleRateHz } = sound;
    const before = new Int16Array(echoes ? samplesIn(marginBeforeMs, sampleRateHz) : 0);
    const after = new Int16Array(samplesIn(marginAfterMs, sampleRateHz));
    return { samples: concatSamples([before, echoes ? loudPart(sound) : sound.samples, after]), sampleRateHz };
  }

  /** Like a turn, it must be known soon; but it leaves no trace in engines that count or record turns. */
  async #transcript(clip: AudioClip, abort: AbortController): Promise<string | undefined> {
    const work = { priority: 'live', adoption: new PendingAdoption(), abort } as const;
    const audioMs = durationMs(clip.samples.length, clip.sampleRateHz);
    this.#core.observers.publish({ type: 'ahead_dropped', work: 'transcript', audioMs });
    try {
      const events = transcribe(clip, transcriptionRequest(this.#core), this.#core, work);
      for await (const event of events) if (event.type === 'done') return event.text;
    } catch {
      // A failure of the transcriber is reported with the turn.
    }
    return undefined;
  }

  #missed(): void {
    this.#misses += 1;
    if (this.#misses < missesToPause) return;
    this.#misses = 0;
    this.#unavailableUntil = this.#core.clock.now() + pauseChecksMs;
    this.#core.observers.publish({ type: 'interruptions_unchecked', forMs: pauseChecksMs });
  }

  #announce(sound: HeldSound, stopped: TurnMark | undefined): readonly TurnMark[] {
    this.#sound = undefined;
    const audioStartMs = sound.started.audioStartMs + sound.fromMs - sound.started.voicedFromMs;
    const started: TurnMark = { type: 'speech_started', audioStartMs, voicedFromMs: sound.fromMs };
    return [started, sound.pause, stopped].filter((mark) => mark !== undefined);
  }

  /** The sound is nothing so far. */
  #dismiss(sound: HeldSound, verdict: IgnoredSound, { positionMs, toMs }: { positionMs: number; toMs: number }): void {
    sound.verdict = verdict;
    if (verdict === 'echo') this.#echoedMs = toMs;
    if (this.#isPlaybackPaused) this.#idlePauses.count += 1;
    this.#resumePlayback();
    sound.fromMs = Math.max(sound.fromMs, toMs - (verdict === 'echo' ? echoEndMs : windowMs));
    if (verdict === 'echo') sound.nextCheckMs = firstCheckMs;
    else {
      const lengthMs = positionMs - sound.fromMs;
      sound.nextCheckMs = lengthMs + Math.min(recheckMs.most, Math.max(recheckMs.least, lengthMs / 3));
    }
  }

  /** The sound has ended, and was nothing: its audio is dropped like silence. */
  #end(sound: HeldSound, detector: TurnDetector, toMs: number): void {
    this.#sound = undefined;
    this.#resumePlayback();
    detector.reset();
    const { verdict: sounds, started } = sound;
    const audioEndMs = Math.round(toMs);
    this.#core.observers.publish({ type: 'sound_ignored', sounds, audioStartMs: started.voicedFromMs, audioEndMs });
  }

  /** Pauses a measured playback while it is unknown whether the user wants to speak. */
  #pausePlayback(sound: HeldSound, toMs: number): void {
    if (sound.pauseConsidered || toMs - sound.fromMs < pauseAfterMs) return;
    sound.pauseConsidered = true;
    const { playback, config } = this.#core;
    if (!config.audio.input.turn_detection?.interrupt_response) return;
    const { itemId } = sound.audible.part;
    if (itemId !== this.#idlePauses.itemId) this.#idlePauses = { itemId, count: 0 };
    if (!playback.isMeasured || this.#idlePauses.count >= idlePauses) return;
    const played = this.#playedDuring(sound, sound.fromMs, toMs);
    if (played && isEcho(likenessToPlayed(played), '', played)) return;
    this.#isPlaybackPaused = true;
    playback.pause();
  }

  #resumePlayback(): void {
    if (!this.#isPlaybackPaused) return;
    this.#isPlaybackPaused = false;
    this.#core.playback.resume();
  }
}
