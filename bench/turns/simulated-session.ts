/** A session on a simulated clock, and its user: audio that is written, and the events that come back with their times. */

import { amplified, inRoom } from '../../dev/corpus/corpus.ts';
import { corpusRateHz } from '../../dev/corpus/synthesis.ts';
import { bytesToSamples, samplesIn } from '../../src/audio/pcm.ts';
import type { Clock } from '../../src/core/clock.ts';
import { gaDialect } from '../../src/protocol/index.ts';
import { randomId } from '../../src/protocol/wire/ids.ts';
import type { OutgoingEvent, ServerEvent } from '../../src/protocol/wire/server-events.ts';
import type { Engines } from '../../src/session/ports/engines.ts';
import type { Peer } from '../../src/session/ports/peer.ts';
import { RealtimeSession } from '../../src/session/realtime-session.ts';
import { defaultSessionSettings } from '../../src/session/settings.ts';
import { base64Audio } from '../../src/transport/base64-audio.ts';
import { appendEvent } from '../recording.ts';

/** A piece of written audio: one frame of voice activity. */
export const chunkMs = 32;
const chunkSamples = samplesIn(chunkMs, corpusRateHz);
/** From the arrival of audio at the client to its echo in the microphone. */
const echoDelayMs = 120;

export interface TimedEvent {
  event: ServerEvent;
  /** On the simulated clock. */
  atMs: number;
}

export interface SimulatedUser {
  turnDetection: object;
  /** The sound of the room, which is repeated. */
  room: Int16Array;
  /** The level of the assistant's echo in the microphone; undefined for a headset. */
  echoDb?: number | undefined;
}

export class SimulatedSession implements Peer {
  readonly id = 'user';
  readonly codec = base64Audio;
  readonly events: TimedEvent[] = [];
  readonly #clock: Clock;
  readonly #session: RealtimeSession;
  readonly #room: Int16Array;
  readonly #echoDb: number | undefined;
  /** Sounds of the user by the index of their first sample. */
  readonly #sounds: { from: number; samples: Int16Array }[] = [];
  /** The assistant's echo as it is played, by index on the same timeline. */
  readonly #played: { from: number; samples: Int16Array }[] = [];
  #playedTo = 0;
  #written = 0;

  constructor(engines: Engines, clock: Clock, { turnDetection, room, echoDb }: SimulatedUser) {
    this.#clock = clock;
    this.#room = room;
    this.#echoDb = echoDb;
    this.#session = new RealtimeSession({
      model: 'gpt-realtime',
      engines,
      clock,
      ids: randomId,
      settings: defaultSessionSettings,
    });
    this.#session.attach(this);
    const input = { turn_detection: turnDetection, transcription: { model: 'whisper-1' } };
    this.say({ type: 'session.update', session: { type: 'realtime', audio: { input } } });
  }

  /** The amount of written audio, which is also the time since the session began. */
  get writtenMs(): number {
    return (this.#written * 1000) / corpusRateHz;
  }

  /** When the audio sent so far will have been played, on the timeline of written audio; 0 before any. */
  get playedToMs(): number {
    return (this.#playedTo * 1000) / corpusRateHz;
  }

  say(event: object): void {
    void this.#session.receive(gaDialect.parse(JSON.stringify(event)), this);
  }

  /** Adds a sound at a position of the written audio that is still to come. */
  add(samples: Int16Array, atMs: number): void {
    this.#sounds.push({ from: samplesIn(atMs, corpusRateHz), samples });
  }

  /** Writes the next chunk. */
  write(): void {
    const from = this.#written;
    this.#written += chunkSamples;
    const chunk = new Int16Array(chunkSamples);
    for (let i = 0; i < chunkSamples; i++) chunk[i] = this.#room[(from + i) % this.#room.length] ?? 0;
    for (const sound of this.#sounds) addTo(chunk, from, sound);
    const delay = samplesIn(echoDelayMs, corpusRateHz);
    for (const echo of this.#played) addTo(chunk, from, { from: echo.from + delay, samples: echo.samples });
    void this.#session.receive(gaDialect.parse(appendEvent(chunk)), this);
  }

  send(outgoing: OutgoingEvent): void {
    const frame = gaDialect.serialise(outgoing);
    if (frame === undefined) return;
    const event = JSON.parse(frame) as ServerEvent;
    if (event.type === 'error') throw new Error(`the session reported an error: ${event.error.message}`);
    this.events.push({ event, atMs: this.#clock.now() });
    if (event.type === 'response.output_audio.delta') this.#play(bytesToSamples(Buffer.from(event.delta, 'base64')));
    if (event.type === 'input_audio_buffer.speech_started') this.#stopPlaying();
  }

  /** Called by the session; `end` is the usual way. */
  close(): void {}

  end(): void {
    this.#session.close({ code: 1000, reason: 'done' });
  }

  #play(samples: Int16Array): void {
    const from = Math.max(this.#playedTo, this.#written);
    if (this.#echoDb !== undefined) this.#played.push({ from, samples: amplified(inRoom(samples), this.#echoDb) });
    this.#playedTo = from + samples.length;
  }

  /** A client drops what it has not played yet. */
  #stopPlaying(): void {
    this.#playedTo = Math.min(this.#playedTo, this.#written);
    for (const piece of this.#played) {
      piece.samples = piece.samples.subarray(0, Math.max(0, this.#written - piece.from));
    }
  }
}

function addTo(chunk: Int16Array, chunkFrom: number, { from, samples }: { from: number; samples: Int16Array }): void {
  const start = Math.max(chunkFrom, from);
  const end = Math.min(chunkFrom + chunk.length, from + samples.length);
  for (let at = start; at < end; at++) {
    const sum = (chunk[at - chunkFrom] ?? 0) + (samples[at - from] ?? 0);
    chunk[at - chunkFrom] = Math.max(-32_768, Math.min(32_767, sum));
  }
}
