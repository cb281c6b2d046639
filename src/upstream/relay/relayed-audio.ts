import type { AudioClip } from '../../audio/audio-clip.ts';
import { durationMs } from '../../audio/pcm.ts';
import { createResampler, type Resampler } from '../../audio/resample.ts';
import type { ServerEventOf } from '../../protocol/wire/server-events.ts';
import { type AudioFormat, formatRateHz } from '../../protocol/wire/session-config.ts';
import type { AudioDecoder } from '../../session/ports/audio-codec.ts';
import type { Peer } from '../../session/ports/peer.ts';
import type { OutputAudio, Playback, PlayedPart } from '../../session/ports/playback.ts';

/** Pieces that the listener admits separately. */
const pieceMs = 200;

type AudioDelta = ServerEventOf<'response.output_audio.delta'>;

/**
 * The audio of one peer that carries it itself, in a session whose upstream carries audio in events. Input is encoded
 * for events; output is decoded, and held until the peer's playback admits it.
 */
export class RelayedAudio {
  readonly #peer: Peer & { readonly playback: Playback };
  readonly #limitMs: number;
  readonly #queued: (responseId: string) => void;
  #resampler: Resampler | undefined;
  #decoder: { of: string; decoder: AudioDecoder } | undefined;
  /** Decodes one event after the other. */
  #decoded: Promise<void> = Promise.resolve();
  #waiting: OutputAudio[] = [];
  #waitingMs = 0;
  #playing = false;
  /** The item of the last audio that playback took. */
  #itemId: string | undefined;
  /** Aborted when held audio is dropped. */
  #drop = new AbortController();

  /** `limitMs`: maximum duration of held output. `queued` is called when more output has to be played. */
  constructor(
    peer: Peer & { readonly playback: Playback },
    { limitMs, queued }: { limitMs: number; queued: (responseId: string) => void },
  ) {
    this.#peer = peer;
    this.#limitMs = limitMs;
    this.#queued = queued;
  }

  get playback(): Playback {
    return this.#peer.playback;
  }

  /** Whether output waits to be admitted. */
  get isHeld(): boolean {
    return this.#waiting.length > 0;
  }

  /** When all audio so far will have been played, on the Clock; `Infinity` while some is held. */
  get endsAt(): number {
    return this.isHeld ? Number.POSITIVE_INFINITY : this.playback.endsAt;
  }

  /**
   * The text of an append with this audio; a promise if a resampler has to be created.
   * @throws {RangeError} or rejects with it when the rate is not supported
   */
  encode(clip: AudioClip, format: AudioFormat): string | Promise<string> {
    const rateHz = formatRateHz(format);
    const encode = (samples: Int16Array) => this.#peer.codec.encode({ samples, format });
    if (clip.sampleRateHz === rateHz) return encode(clip.samples);
    const known = this.#resampler;
    if (known?.fromHz === clip.sampleRateHz && known.toHz === rateHz) return encode(known.push(clip.samples));
    // Not aligned, so that no output waits for the next chunk.
    return createResampler(clip.sampleRateHz, rateHz, { align: false }).then((resampler) => {
      this.#resampler?.free();
      this.#resampler = resampler;
      const samples = resampler.push(clip.samples);
      if (this.#drop.signal.reason === closed) resampler.free();
      return encode(samples);
    });
  }

  /**
   * Plays the audio of an event, which is in `format`, as soon as it is admitted. `odd` is called if it cannot be
   * played.
   */
  play(event: AudioDelta, format: AudioFormat, odd: (problem: string) => void): void {
    const { signal } = this.#drop;
    this.#decoded = this.#decoded.then(async () => {
      try {
        if (!signal.aborted) await this.#decode(event, format, signal, odd);
      } catch {
        odd('audio that cannot be decoded');
      }
    });
  }

  /** Whether audio of this item is held, or was played last. */
  isPlaying(itemId: string): boolean {
    return this.#itemId === itemId || this.#waiting.some((audio) => audio.itemId === itemId);
  }

  /** Drops audio that has not been played; returns the position, or undefined if everything had been played. */
  interrupt(): PlayedPart | undefined {
    const [next] = this.#waiting;
    this.#clear(interrupted);
    const stopped = this.playback.interrupt();
    if (stopped || !next) return stopped;
    const { itemId, contentIndex } = next;
    return { itemId, contentIndex, playedMs: this.playback.positionMs(itemId, contentIndex) ?? 0 };
  }

  close(): void {
    this.#clear(closed);
    this.#resampler?.free();
  }

  #clear(reason: Error): void {
    this.#drop.abort(reason);
    if (reason !== closed) this.#drop = new AbortController();
    this.#waiting = [];
    this.#waitingMs = 0;
    this.#decoder = undefined;
  }

  async #decode(event: AudioDelta, format: AudioFormat, signal: AbortSignal, odd: (problem: string) => void) {
    const of = `${event.item_id} ${event.content_index} ${format.type}`;
    // Half a sample at the end of one event is completed by the next of the same part.
    if (this.#decoder?.of !== of) this.#decoder = { of, decoder: this.#peer.codec.decoder(format) };
    const decoded = this.#decoder.decoder.push(event.delta);
    const pieces = decoded instanceof Int16Array ? [decoded] : decoded;
    for await (const samples of pieces) {
      if (signal.aborted) return;
      if (!this.#add(samples, event, format)) return odd('more audio than may wait to be played');
    }
  }

  /** False if too much is held: the audio is dropped. */
  #add(samples: Int16Array, event: AudioDelta, format: AudioFormat): boolean {
    const sampleRateHz = formatRateHz(format);
    const { response_id: responseId, item_id: itemId, output_index: outputIndex, content_index: contentIndex } = event;
    const step = (pieceMs * sampleRateHz) / 1000;
    let at = 0;
    for (; at < samples.length && this.#waitingMs < this.#limitMs; at += step) {
      const piece = samples.subarray(at, at + step);
      this.#waiting.push({ responseId, itemId, outputIndex, contentIndex, samples: piece, sampleRateHz, format });
      this.#waitingMs += durationMs(piece.length, sampleRateHz);
    }
    if (at > 0) this.#queued(responseId);
    if (!this.#playing) void this.#run();
    return at >= samples.length;
  }

  /** Passes held audio to the playback. Never rejects. */
  async #run(): Promise<void> {
    this.#playing = true;
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      const { signal } = this.#drop;
      const ms = durationMs(next.samples.length, next.sampleRateHz);
      // It was dropped, or the playback has ended together with its peer.
      const admitted = await this.playback.admit(ms, signal).then(
        () => true,
        () => false,
      );
      if (signal.aborted) continue;
      this.#waiting.shift();
      this.#waitingMs -= ms;
      if (!admitted) continue;
      this.#itemId = next.itemId;
      this.playback.play(next);
    }
    this.#playing = false;
  }
}

const interrupted = new Error('The audio was interrupted.');
const closed = new Error('The peer has left.');

/** Whether a peer carries audio itself. */
export function carriesAudio(peer: Peer): peer is Peer & { readonly playback: Playback } {
  return peer.playback !== undefined;
}
