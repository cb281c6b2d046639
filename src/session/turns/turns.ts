import type { AudioClip } from '../../audio/audio-clip.ts';
import type { ResponseParameters } from '../../protocol/wire/client-events.ts';
import type { DecodedAudio } from '../conversation/item-audio.ts';
import type { ItemOperations } from '../conversation/item-operations.ts';
import type { UserAudio } from '../conversation/user-audio.ts';
import type { DetectedTurn } from '../input/detected-turns.ts';
import type { InputAudio } from '../input/input-audio.ts';
import type { GrowingTurn } from '../input/open-turn.ts';
import type { Transcription } from '../input/transcription.ts';
import type { Drain } from '../limits/drain.ts';
import { warmEngines } from '../ports/engines.ts';
import type { Response } from '../response/response.ts';
import type { Responses } from '../response/responses.ts';
import type { SessionCore } from '../session-core.ts';
import { IdleTimer, idleTimeoutMs } from './idle-timer.ts';
import { PendingResponse } from './pending-response.ts';

/** A model that calls a tool in each of them would never end. */
const maxContinued = 16;

interface TurnParts {
  input: InputAudio;
  items: ItemOperations;
  transcription: Transcription;
  responses: Responses;
  drain: Drain;
}

/** The user's turns: each becomes an item, and is answered when its transcript is known and no response is running. */
export class Turns {
  readonly #core: SessionCore;
  readonly #input: InputAudio;
  readonly #items: ItemOperations;
  readonly #transcription: Transcription;
  readonly #responses: Responses;
  readonly #drain: Drain;
  readonly #pending = new PendingResponse();
  readonly #idle: IdleTimer;
  /** Responses since the last one that a client or a turn has caused. */
  #continued = 0;
  /** The item id of the current turn, from its first event. */
  #itemId: string | undefined;

  constructor(core: SessionCore, { input, items, transcription, responses, drain }: TurnParts) {
    this.#core = core;
    this.#input = input;
    this.#items = items;
    this.#transcription = transcription;
    this.#responses = responses;
    this.#drain = drain;
    this.#idle = new IdleTimer(core.clock, core.playback, {
      positionMs: () => input.positionMs,
      over: (silentFromMs) => core.attempt('breaking a silence', () => this.#breakSilence(silentFromMs)),
    });
  }

  /** Whether a turn is due for an answer, or may become due. */
  get awaitsAnswer(): boolean {
    return this.#pending.expected;
  }

  /** A turn has begun, by speech or, without turn detection, with the first audio. */
  began(turn: GrowingTurn, audioStartMs: number | undefined): void {
    if (audioStartMs !== undefined) this.#speechStarted(audioStartMs);
    if (!this.#transcription.followsTurns) return;
    this.#itemId ??= this.#core.ids('item');
    this.#transcription.follow(this.#itemId, turn);
  }

  #speechStarted(audioStartMs: number): void {
    const { ids, config, engines } = this.#core;
    this.#idle.stop();
    this.#itemId = ids('item');
    this.#core.emit({ type: 'input_audio_buffer.speech_started', audio_start_ms: audioStartMs, item_id: this.#itemId });
    this.#core.observers.publish({ type: 'speech_started', itemId: this.#itemId, audioStartMs });
    if (config.audio.input.turn_detection?.interrupt_response) this.#responses.interrupt();
    warmEngines(engines);
  }

  /** Voice activity detection has ended a turn. */
  ended(turn: DetectedTurn): void {
    const { turn_detection: detection } = this.#core.config.audio.input;
    const itemId = this.#itemId ?? this.#core.ids('item');
    this.#core.emit({ type: 'input_audio_buffer.speech_stopped', audio_end_ms: turn.audioEndMs, item_id: itemId });
    this.#core.observers.publish({
      ...{ type: 'turn_decided', itemId, by: 'voice_activity', audioEndMs: turn.audioEndMs },
      silenceMs: turn.silenceMs,
    });
    const wanted = this.#core.kind.answers && (detection?.create_response ?? false);
    const heard = this.#commitAudio(itemId, turn.clip, turn.speech);
    this.#answerOnceHeard(itemId, heard, wanted);
  }

  /**
   * The client ends a turn. It is not answered automatically, but an earlier turn that had to wait for this one may be.
   */
  commit(): void {
    this.#items.requireRoom();
    const clip = this.#input.commit();
    const itemId = this.#itemId ?? this.#core.ids('item');
    const audioEndMs = Math.round(this.#input.positionMs);
    this.#core.observers.publish({ type: 'turn_decided', itemId, by: 'client', audioEndMs });
    this.#answerOnceHeard(itemId, this.#commitAudio(itemId, clip, clip), false);
  }

  /** The client drops the current turn and all buffered audio. */
  clear(): void {
    this.#input.clear();
    this.discard();
    this.#core.emit({ type: 'input_audio_buffer.cleared' });
    this.answerIfDue();
  }

  /** The audio of the current turn was discarded. */
  discard(): void {
    this.#itemId = undefined;
  }

  /** The session's configuration has changed. */
  configure(): void {
    if (idleTimeoutMs(this.#core.config.audio.input.turn_detection) === null) this.#idle.stop();
  }

  /** Starts the automatic response when all transcripts are known, nobody speaks and no response is running. */
  answerIfDue(): void {
    if (!this.#pending.ready || this.#core.closed || this.#input.speaking) return;
    if (this.#responses.active || this.#responses.closing) return;
    this.#core.attempt('answering a turn', () => {
      this.#pending.answered();
      this.respond({});
    });
  }

  /**
   * The tools of the last response have finished: the model goes on with their results. Not while the user speaks: the
   * answer to that turn has them too.
   */
  continueAnswer(): void {
    if (this.#core.closed || this.#input.speaking || this.#pending.expected) return;
    if (this.#responses.active || this.#responses.closing || this.#continued >= maxContinued) return;
    this.#continued += 1;
    this.#core.attempt('continuing after a tool', () => this.#respond({}));
  }

  /** A client requests a response. `start` creates it, now or after the active one has been spoken. */
  request(start: () => void, { conversation }: ResponseParameters): void {
    if (conversation === 'none' || !this.#responses.defer(start)) start();
  }

  /**
   * Creates a response. A response in the conversation answers all earlier turns. `audio` is the decoded audio of
   * `parameters.input`.
   */
  respond(parameters: ResponseParameters, audio?: DecodedAudio): void {
    this.#continued = 0;
    this.#respond(parameters, audio);
  }

  responseEnded(response: Response): void {
    const { config } = this.#core;
    if (response.status === 'completed' && response.inConversation) {
      this.#idle.start(idleTimeoutMs(config.audio.input.turn_detection));
    }
    this.#responses.startDeferred();
    this.answerIfDue();
    this.#drain.check();
  }

  close(): void {
    this.#idle.stop();
  }

  #respond(parameters: ResponseParameters, audio?: DecodedAudio): void {
    const inConversation = parameters.conversation !== 'none';
    if (inConversation) this.#items.requireRoom();
    this.#responses.create(parameters, audio);
    this.#core.responseQuota.count();
    if (!inConversation) return;
    this.#idle.stop();
    this.#pending.answered();
  }

  #answerOnceHeard(itemId: string, heard: UserAudio, wanted: boolean): void {
    const understood = this.#pending.await(wanted && this.#drain.answersTurns);
    const asSound = this.#core.engines.languageModel.hearsAudio && heard.hasAudio;
    void (asSound ? Promise.resolve(undefined) : heard.transcript).then((transcript) => {
      understood(transcript);
      this.#core.observers.publish({ type: 'turn_understood', itemId, transcribed: !asSound });
      this.answerIfDue();
      // No response will adopt an answer that was started in the pause.
      if (!this.#pending.expected && !this.#input.speaking) this.#responses.dropSpeculation();
      this.#drain.check();
    });
  }

  /**
   * The user has been silent for `idle_timeout_ms`: the silence becomes an item, and the model is asked to continue.
   */
  #breakSilence(silentFromMs: number): void {
    if (this.#drain.begun || this.#responses.active || this.#input.speaking) return;
    this.#items.requireRoom();
    const itemId = this.#core.ids('item');
    const clip = this.#input.takeSilence(silentFromMs);
    const audioEndMs = Math.round(this.#input.positionMs);
    this.#core.emit({
      type: 'input_audio_buffer.timeout_triggered',
      audio_start_ms: Math.round(silentFromMs),
      audio_end_ms: audioEndMs,
      item_id: itemId,
    });
    this.#core.observers.publish({ type: 'turn_decided', itemId, by: 'idle_timeout', audioEndMs });
    this.#items.commit(itemId, clip, clip);
    this.respond({});
  }

  #commitAudio(itemId: string, clip: AudioClip, speech: AudioClip): UserAudio {
    this.#itemId = undefined;
    return this.#items.commit(itemId, clip, speech);
  }
}
