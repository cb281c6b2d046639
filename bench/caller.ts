/** One session of a load client: streams audio in real time, asks its questions, and measures the answers. */

import { bytesToSamples, durationMs } from '../src/audio/pcm.ts';
import { RealtimeClient } from '../src/cli/realtime-client.ts';
import type { ServerEvent } from '../src/protocol/wire/server-events.ts';
import { amplitude, type Recording, wireRateHz } from './recording.ts';

export interface CallerOptions {
  wsUrl: string;
  chunkMs: number;
  /** Seconds of audio that are sent in a second; 1 is real time. */
  speed: number;
  /** `server_vad` with its defaults and input transcription, or neither. */
  detection: 'server_vad' | 'none';
  /** Of `server_vad`, if not the default. */
  silenceMs?: number;
  /** Sent while it asks nothing. */
  quiet: Recording;
  /** Asked in turn, starting at `firstQuestion`. Empty: it asks nothing. */
  questions: readonly Recording[];
  firstQuestion: number;
  /** Silence before each question: the first one, and after an answer was sent. */
  firstPauseMs: number;
  pauseMs: number;
  /** Waits for the end of each answer; otherwise cancels it after the first audible sample. */
  listen: boolean;
  onTurn(times: TurnTimes): void;
  /** Called when the session fails, or a question was not answered. */
  onProblem(reason: string, fatal: boolean): void;
}

const answerTimeoutMs = 20_000;
/** Number of recent chunks whose send times are stored. */
const rememberedChunks = 512;
const cancelId = 'bench_cancel';

type Phase =
  | { name: 'quiet'; untilMs: number }
  | { name: 'asking'; next: number }
  | { name: 'waiting'; sinceMs: number };

export class Caller {
  readonly #options: CallerOptions;
  readonly #observer: TurnObserver;
  readonly #sentAt = new Float64Array(rememberedChunks);
  #client: RealtimeClient | undefined;
  #startMs = 0;
  #sentChunks = 0;
  #phase: Phase = { name: 'quiet', untilMs: Infinity };
  #question: Recording | undefined;
  #questionNumber: number;
  #voiceEndMs = 0;

  constructor(options: CallerOptions) {
    this.#options = options;
    this.#questionNumber = options.firstQuestion;
    this.#observer = new TurnObserver({
      sentAt: (positionMs) => this.#sentAt[this.#chunkIndex(positionMs)] ?? Number.NaN,
      voiceEnd: () => this.#voiceEndMs,
      onTurn: (times) => this.#heard(times),
    });
  }

  /** Connects; resolves when the session is configured. */
  async open(): Promise<void> {
    const client = new RealtimeClient(`${this.#options.wsUrl}?model=gpt-realtime`, { perMessageDeflate: false });
    this.#client = client;
    void client.lost.then(({ message }) => {
      if (this.#client) this.#options.onProblem(message, true);
    });
    await client.until('session.created');
    client.send(this.#sessionUpdate());
    await client.until('session.updated');
    client.listen((event) => this.#receive(event, performance.now()));
  }

  /** Starts streaming: the first chunk is due at `nowMs`. */
  begin(nowMs: number): void {
    this.#startMs = nowMs;
    if (this.#options.questions.length > 0) this.#pause(nowMs, this.#options.firstPauseMs);
  }

  /** Sends the chunks that are due. Returns the delay of the latest in milliseconds; undefined if none was due. */
  tick(nowMs: number): number | undefined {
    const { chunkMs, speed } = this.#options;
    let lateMs: number | undefined;
    for (;;) {
      // A chunk can be sent when its last sample has been spoken.
      const dueMs = this.#startMs + ((this.#sentChunks + 1) * chunkMs) / speed;
      if (dueMs > nowMs) return lateMs;
      lateMs = nowMs - dueMs;
      this.#sentAt[this.#sentChunks % rememberedChunks] = nowMs;
      this.#client?.socket.send(this.#nextFrame(nowMs));
      this.#sentChunks += 1;
    }
  }

  close(): void {
    const client = this.#client;
    this.#client = undefined;
    client?.socket.terminate();
  }

  #chunkIndex(positionMs: number): number {
    return (Math.max(1, Math.ceil(positionMs / this.#options.chunkMs)) - 1) % rememberedChunks;
  }

  #nextFrame(nowMs: number): string {
    const { quiet, questions, chunkMs } = this.#options;
    const phase = this.#phase;
    if (phase.name === 'quiet' && phase.untilMs <= nowMs) {
      this.#question = questions[this.#questionNumber % questions.length];
      this.#questionNumber += 1;
      this.#voiceEndMs = this.#sentChunks * chunkMs + (this.#question?.voiceEndMs ?? 0);
      this.#phase = { name: 'asking', next: 0 };
    }
    if (phase.name === 'waiting' && nowMs - phase.sinceMs > answerTimeoutMs) {
      this.#options.onProblem(`a question was not answered within ${answerTimeoutMs / 1000} s`, false);
      this.#pause(nowMs, this.#options.pauseMs);
    }
    if (this.#phase.name === 'asking') {
      const frame = this.#question?.frames[this.#phase.next++];
      if (frame !== undefined) return frame;
      this.#phase = { name: 'waiting', sinceMs: nowMs };
    }
    return quiet.frames[this.#sentChunks % quiet.frames.length] ?? '';
  }

  #pause(nowMs: number, pauseMs: number): void {
    this.#phase = { name: 'quiet', untilMs: nowMs + pauseMs };
  }

  #receive(event: ServerEvent, now: number): void {
    this.#observer.receive(event, now);
    if (event.type === 'error' && event.error.event_id !== cancelId) {
      this.#options.onProblem(`the server sent an error: ${event.error.message}`, false);
    }
    if (event.type === 'response.done' && this.#phase.name === 'waiting') this.#pause(now, this.#options.pauseMs);
  }

  #heard(times: TurnTimes): void {
    this.#options.onTurn(times);
    // The answer may have ended just now; the resulting error is expected.
    if (!this.#options.listen) this.#client?.send({ type: 'response.cancel', event_id: cancelId });
  }

  #sessionUpdate(): object {
    const { detection, silenceMs } = this.#options;
    const listens = detection === 'server_vad';
    const silence = silenceMs === undefined ? {} : { silence_duration_ms: silenceMs };
    return {
      type: 'session.update',
      session: {
        type: 'realtime',
        audio: {
          input: {
            turn_detection: listens ? { type: 'server_vad', ...silence } : null,
            transcription: listens ? { model: 'gpt-4o-mini-transcribe' } : null,
          },
        },
      },
    };
  }
}

/** Times of one turn, in milliseconds. All but two count from the arrival of `speech_stopped`. */
export interface TurnTimes {
  transcriptMs: number;
  /** First text of the answer. */
  wordsMs: number;
  /** First audio of the answer. */
  audioMs: number;
  /** First sample above −50 dBFS, when played on arrival. */
  heardMs: number;
  /** From sending the append that ended the turn to the first audio. */
  appendToAudioMs: number;
  /** From sending the end of the caller's speech to `heardMs`, if the turn ended with the recording. */
  voiceToHeardMs: number | undefined;
}

const audibleAmplitude = amplitude(-50);

interface Turn {
  itemId: string;
  stoppedAt: number;
  endAppendAt: number;
  voiceEndAt: number | undefined;
  transcriptAt?: number;
  wordsAt?: number;
  audioAt?: number;
  /** Audio of the answer below the level. */
  quietMs: number;
}

export interface TurnObserverOptions {
  /** When the chunk that ends at or after a position of the session's audio was sent. */
  sentAt(positionMs: number): number;
  /** End of the speech in the current recording, on the same timeline. */
  voiceEnd(): number;
  onTurn(times: TurnTimes): void;
}

export class TurnObserver {
  readonly #options: TurnObserverOptions;
  #turn: Turn | undefined;

  constructor(options: TurnObserverOptions) {
    this.#options = options;
  }

  receive(event: ServerEvent, now: number): void {
    if (event.type === 'input_audio_buffer.speech_started') this.#turn = undefined;
    if (event.type === 'input_audio_buffer.speech_stopped') this.#begin(event.item_id, event.audio_end_ms, now);
    const turn = this.#turn;
    if (!turn) return;
    switch (event.type) {
      case 'conversation.item.input_audio_transcription.completed':
        if (event.item_id === turn.itemId) turn.transcriptAt = now;
        break;
      case 'response.output_audio_transcript.delta':
        turn.wordsAt ??= now;
        break;
      case 'response.output_audio.delta':
        this.#audio(turn, bytesToSamples(Buffer.from(event.delta, 'base64')), now);
        break;
    }
  }

  #begin(itemId: string, audioEndMs: number, now: number): void {
    const voiceEnd = this.#options.voiceEnd();
    this.#turn = {
      itemId,
      stoppedAt: now,
      endAppendAt: this.#options.sentAt(audioEndMs),
      voiceEndAt: audioEndMs > voiceEnd ? this.#options.sentAt(voiceEnd) : undefined,
      quietMs: 0,
    };
  }

  #audio(turn: Turn, samples: Int16Array, now: number): void {
    turn.audioAt ??= now;
    const first = samples.findIndex((sample) => Math.abs(sample) > audibleAmplitude);
    turn.quietMs += durationMs(first < 0 ? samples.length : first, wireRateHz);
    if (first < 0) return;
    this.#turn = undefined;
    const { stoppedAt, endAppendAt, voiceEndAt, audioAt, quietMs } = turn;
    const heardAt = Math.max(now, audioAt + quietMs);
    this.#options.onTurn({
      transcriptMs: (turn.transcriptAt ?? Number.NaN) - stoppedAt,
      wordsMs: (turn.wordsAt ?? Number.NaN) - stoppedAt,
      audioMs: audioAt - stoppedAt,
      heardMs: heardAt - stoppedAt,
      appendToAudioMs: audioAt - endAppendAt,
      voiceToHeardMs: voiceEndAt === undefined ? undefined : heardAt - voiceEndAt,
    });
  }
}
