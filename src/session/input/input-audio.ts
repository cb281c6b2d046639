import type { AudioClip } from '../../audio/audio-clip.ts';
import { durationMs } from '../../audio/pcm.ts';
import { createResampler, type Resampler } from '../../audio/resample.ts';
import { errorEvent, wireErrors } from '../../protocol/errors/wire-errors.ts';
import { type AudioFormat, formatRateHz, type TurnDetection } from '../../protocol/wire/session-config.ts';
import type { AudioDecoder } from '../ports/audio-codec.ts';
import type { Peer } from '../ports/peer.ts';
import type { VoiceActivityStream, VoiceFrame } from '../ports/voice-activity.ts';
import type { SessionCore } from '../session-core.ts';
import { stageFailed } from '../stage.ts';
import type { Overlap } from '../turns/overlap.ts';
import { detectorSettings, type TurnDetector } from '../turns/turn-detector.ts';
import { DetectedTurns, type InputAudioEvents } from './detected-turns.ts';
import { InputBuffer } from './input-buffer.ts';
import { PendingDetection } from './pending-detection.ts';

/** Minimum duration of a turn (docs/protocol.md §5). */
const minCommitMs = 100;
/**
 * Input audio at the sample rate of the session's format: buffered on its timeline, and split into turns by voice
 * activity.
 */
export class InputAudio {
  readonly #core: SessionCore;
  readonly #turns: DetectedTurns;
  #format: AudioFormat;
  /** Decoders of the peers that have appended since the buffer was last empty; undefined if there are none. */
  #decoders: WeakMap<Peer, AudioDecoder> | undefined;
  /** Converts the audio of a peer that carries audio itself. */
  #resampler: Resampler | undefined;
  readonly #buffer: InputBuffer;
  #detection: TurnDetection | null;
  #stream: VoiceActivityStream | undefined;
  /** The end of the audio with reduced noise; undefined as long as the stream does not reduce any. */
  #reducedMs: number | undefined;
  /** Audio of an append that has not been decoded yet. */
  #undecodedMs = 0;
  #closed = false;
  readonly #pending: PendingDetection;
  /** Detection has failed, the failure was reported, and there was no result since. */
  #failing = false;

  constructor(core: SessionCore, overlap: Overlap, events: InputAudioEvents) {
    const { input } = core.config.audio;
    this.#core = core;
    this.#format = input.format;
    this.#buffer = new InputBuffer(formatRateHz(input.format));
    this.#detection = input.turn_detection;
    this.#turns = new DetectedTurns(core, overlap, this.#buffer, events);
    const { clock, settings } = core;
    const stallMs = settings.limits.stageStallMs;
    this.#pending = new PendingDetection({ clock, stallMs }, (error) => this.#fail(error, this.#stream));
  }

  get speaking(): boolean {
    return this.#turns.speaking;
  }

  /** The end of all written audio, in milliseconds. */
  get positionMs(): number {
    return this.#buffer.endMs;
  }

  /** The duration of buffered audio in milliseconds, including audio that is being decoded. */
  get bufferedMs(): number {
    return this.#buffer.durationMs + this.#undecodedMs;
  }

  /** Whether voice activity detection is too far behind. */
  get behind(): boolean {
    return this.#pending.durationMs > this.#core.settings.limits.undetectedAudioMs;
  }

  /** Whether voice activity detection has not processed all audio. */
  get isPending(): boolean {
    return !this.#pending.isEmpty;
  }

  /** Resolves once all audio appended so far has been through voice activity detection. */
  settled(): Promise<void> {
    return this.#pending.settled();
  }

  /**
   * Applies the session's new configuration; call it when settled. Returns whether it cleared the buffer, because the
   * format has changed.
   */
  configure(): boolean {
    const { input } = this.#core.config.audio;
    const isCleared = input.format.type !== this.#format.type;
    if (isCleared) {
      this.#format = input.format;
      this.#decoders = undefined;
      this.#freeResampler();
      this.#buffer.restart(formatRateHz(input.format));
    }
    const isSwitched = (this.#detection === null) !== (input.turn_detection === null);
    this.#detection = input.turn_detection;
    if (isCleared || isSwitched) {
      this.#turns.discard();
      this.#closeStream();
    }
    if (this.#detection) this.#turns.configure(this.#detection);
    this.#reduceNoise();
    return isCleared;
  }

  /**
   * Takes audio from a peer's events, in the session's format. A long text is decoded over several turns of the event
   * loop, in which the input buffer must not be used.
   * @throws {WireError} or rejects with it when it is malformed, too long, or the buffer is full
   */
  append(text: string, from: Peer): void | Promise<void> {
    const { appendBytes } = this.#core.settings.limits;
    const size = from.codec.measure(text, this.#format);
    if (size.bytes > appendBytes) throw wireErrors.tooManyBytes('audio', appendBytes, size.bytes);
    // Checked before decoding, so that refused audio does not leave an odd byte in the decoder.
    this.#requireRoom(size.durationMs);
    const decoder = this.#decoders?.get(from) ?? from.codec.decoder(this.#format);
    this.#decoders ??= new WeakMap();
    this.#decoders.set(from, decoder);
    const decoded = decoder.pushBriefly(text);
    if (!(decoded instanceof Int16Array)) return this.#appendInTurns(decoded, size.durationMs);
    this.#append(decoded);
  }

  async #appendInTurns(decoded: AsyncIterable<Int16Array>, wantedMs: number): Promise<void> {
    this.#undecodedMs = wantedMs;
    try {
      for await (const samples of decoded) {
        if (this.#closed) return;
        this.#undecodedMs -= durationMs(samples.length, this.#buffer.rateHz);
        this.#append(samples);
      }
    } finally {
      this.#undecodedMs = 0;
    }
  }

  /**
   * Takes audio at any rate, and ownership of its samples. Returns a promise if a resampler has to be created, during
   * which the input buffer must not be used.
   * @throws {WireError} or rejects with it when the buffer is full
   * @throws {RangeError} or rejects with it when the rate is not supported
   */
  write({ samples, sampleRateHz }: AudioClip): void | Promise<void> {
    this.#requireRoom(durationMs(samples.length, sampleRateHz));
    if (sampleRateHz === this.#buffer.rateHz) return this.#append(samples);
    if (this.#resampler?.fromHz === sampleRateHz) return this.#append(this.#resampler.push(samples));
    // Not aligned, so that no output waits for the next chunk.
    return createResampler(sampleRateHz, this.#buffer.rateHz, { align: false }).then((resampler) => {
      this.#freeResampler();
      if (this.#closed) return resampler.free();
      this.#resampler = resampler;
      this.#append(resampler.push(samples));
    });
  }

  #freeResampler(): void {
    this.#resampler?.free();
    this.#resampler = undefined;
  }

  #requireRoom(wantedMs: number): void {
    const { inputBufferMs } = this.#core.settings.limits;
    if (this.#detection === null && this.#buffer.durationMs + wantedMs > inputBufferMs) {
      throw wireErrors.inputBufferFull(inputBufferMs);
    }
    this.#core.audioQuota.require(wantedMs, this.bufferedMs);
  }

  #append(samples: Int16Array): void {
    if (samples.length === 0) return;
    const stream = this.#openStream();
    this.#write(samples);
    if (this.#detection === null) this.#turns.grow();
    if (stream) this.#detect(samples, stream, this.#turns.detector);
  }

  #write(samples: Int16Array): void {
    const fromMs = this.#buffer.endMs;
    this.#buffer.append(samples);
    this.#turns.written(fromMs);
    this.#core.observers.inputWritten(samples, this.#buffer.rateHz, this.#buffer.endMs);
  }

  /**
   * Takes all buffered audio; call it when settled.
   * @throws {WireError} when that is less than 100 ms
   */
  commit(): AudioClip {
    const { durationMs: bufferedMs, startMs, endMs } = this.#buffer;
    if (bufferedMs < minCommitMs) throw wireErrors.commitEmpty(bufferedMs);
    const clip = this.#buffer.slice(startMs, endMs);
    this.clear();
    return clip;
  }

  /** Clears the buffer and the current turn; call it when settled. */
  clear(): void {
    this.#turns.discard();
    this.#buffer.dropUntil(this.#buffer.endMs);
    this.#decoders = undefined;
  }

  /** Takes the silence since a position; the padding that a turn starting now would need stays in the buffer. */
  takeSilence(fromMs: number): AudioClip {
    const clip = this.#buffer.slice(fromMs, this.#buffer.endMs);
    const paddingMs = this.#detection ? detectorSettings(this.#detection).prefixPaddingMs : 0;
    this.#buffer.dropUntil(this.#buffer.endMs - paddingMs);
    return clip;
  }

  close(): void {
    this.#closed = true;
    this.#turns.discard();
    this.#freeResampler();
    this.#closeStream();
    this.#pending.close();
  }

  /** The stream that the session's settings need; undefined if they need none. */
  #openStream(): VoiceActivityStream | undefined {
    if (this.#stream || (this.#detection === null && this.#noiseReduction === 0)) return this.#stream;
    this.#stream = this.#core.engines.voiceActivity.open({ sampleRateHz: this.#buffer.rateHz });
    this.#reduceNoise();
    if (this.#detection === null) return this.#stream;
    this.#turns.open(this.#detection, this.#stream.frameMs);
    return this.#stream;
  }

  /** The strength of the session's noise reduction, 0…1; 0 where it is off or not supported. */
  get #noiseReduction(): number {
    const { config, engines } = this.#core;
    const { noise_reduction: reduction } = config.audio.input;
    return reduction && engines.voiceActivity.reducesNoise ? (reduction.strength ?? 1) : 0;
  }

  /** Has the open stream reduce noise as the session's settings say; the result replaces the buffered audio. */
  #reduceNoise(): void {
    const strength = this.#noiseReduction;
    if (strength === 0 && this.#reducedMs === undefined) return;
    this.#reducedMs ??= this.#buffer.endMs;
    this.#stream?.reduceNoise?.({ strength, write: (samples) => this.#replaceReduced(samples) });
  }

  #replaceReduced(samples: Int16Array): void {
    const fromMs = this.#reducedMs ?? 0;
    this.#buffer.replace(fromMs, samples);
    this.#reducedMs = fromMs + durationMs(samples.length, this.#buffer.rateHz);
  }

  #closeStream(): void {
    this.#stream?.close();
    this.#stream = undefined;
    this.#turns.close();
    this.#reducedMs = undefined;
  }

  #detect(samples: Int16Array, stream: VoiceActivityStream, detector: TurnDetector | undefined): void {
    const addedMs = durationMs(samples.length, this.#buffer.rateHz);
    this.#pending.follow(stream.push(samples), addedMs, {
      frames: (frames) => {
        if (frames.length > 0) this.#failing = false;
        return detector && this.#apply(frames, detector);
      },
      failed: (error) => this.#fail(error, stream),
    });
  }

  #apply(frames: readonly VoiceFrame[], detector: TurnDetector): void | Promise<void> {
    const what = 'detecting turns';
    const applied = this.#core.attempt(what, () => this.#turns.apply(frames, detector));
    return applied?.catch((error: unknown) => this.#core.fail(what, error));
  }

  #fail(error: unknown, stream: VoiceActivityStream | undefined): void {
    if (this.#stream !== stream) return;
    this.#closeStream();
    if (this.#detection) {
      this.#turns.discard();
      // It is unknown which part is a turn, so the audio is bounded like silence.
      this.#buffer.dropUntil(this.#buffer.endMs - this.#turns.retainedSilenceMs);
    }
    // Each append tries again, so a single report is enough.
    if (this.#failing) return;
    this.#failing = true;
    const { code, message, forClients } = stageFailed('voiceActivity', error);
    this.#core.observers.publish({ type: 'voice_activity_failed', error: message });
    this.#core.emit(errorEvent(wireErrors.stageFailed(code, forClients), null));
  }
}
