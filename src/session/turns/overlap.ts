import type { AudioClip } from '../../audio/audio-clip.ts';
import { durationMs } from '../../audio/pcm.ts';
import { messageOf } from '../../core/errors.ts';
import type { ConversationEntry } from '../conversation/conversation.ts';
import { UserAudio } from '../conversation/user-audio.ts';
import { transcriptionRequest } from '../input/transcriber-request.ts';
import type { PauseWords, TranscriptAhead } from '../input/transcript-ahead.ts';
import type { Transcription } from '../input/transcription.ts';
import type { FinalProsody, PauseEvidence } from '../ports/turn-policy.ts';
import type { Responses } from '../response/responses.ts';
import type { SessionCore } from '../session-core.ts';
import { isSpeakable } from '../speech/speech-text.ts';
import { endProbability } from './semantic-policy.ts';

/** Maximum answers that are started ahead in a turn. */
const answersPerTurn = 4;
/** Minimum probability that the turn is over, for an answer to be started ahead. */
const likely = 0.5;
/** Maximum audio that a pause counts: transcribers remember the earlier parts of a long turn (`AudioClip.turn`). */
const pauseCostMs = 20_000;
/** Maximum wait of a decision for evidence, on the Clock. Longer ones are made without it. */
const evidenceWaitMs = 1500;

/** A pause in a turn. */
export interface TurnPause {
  /** The audio to transcribe if the turn ends here. */
  speech: AudioClip;
  prosody: FinalProsody | undefined;
  /** Whether the policy needs evidence to decide. */
  decides: boolean;
}

/**
 * Starts the transcript of a turn when its speech pauses, and the answer if the turn is probably over, while the policy
 * waits. The turn's transcription and response adopt them; if the speech continues, they are dropped without effects.
 */
export class Overlap {
  readonly #core: SessionCore;
  readonly #transcription: Transcription;
  readonly #responses: Responses;
  #pause: { ahead: TranscriptAhead; modelled: Promise<number | undefined>; abort: AbortController } | undefined;
  #transcribedMs = 0;
  #answers = 0;

  constructor(core: SessionCore, { transcription, responses }: { transcription: Transcription; responses: Responses }) {
    this.#core = core;
    this.#transcription = transcription;
    this.#responses = responses;
  }

  /** Whether work may start before the end of a turn. */
  get enabled(): boolean {
    return this.#allows('transcriber');
  }

  /** A turn has begun. */
  turnBegan(): void {
    this.#drop();
    this.#transcribedMs = 0;
    this.#answers = 0;
  }

  /** The speech of the turn pauses. */
  paused(pause: TurnPause): void {
    if (!this.#isWorth(pause)) return;
    const ahead = this.#transcription.startAhead(pause.speech, pause);
    const abort = new AbortController();
    this.#pause = { ahead, modelled: this.#askModel(pause, abort.signal), abort };
    void ahead.words.then((words) => {
      if (words && this.#pause?.ahead === ahead) this.#answer(pause, words);
    });
  }

  /** The evidence of the current pause; resolves after at most `evidenceWaitMs`. Never rejects. */
  async evidence(prosody: FinalProsody | undefined): Promise<PauseEvidence> {
    if (!this.#pause) return { prosody };
    const { ahead, modelled } = this.#pause;
    const { promise: late, resolve } = Promise.withResolvers<undefined>();
    const cancel = this.#core.clock.after(evidenceWaitMs, () => resolve(undefined));
    const words = await Promise.race([ahead.words, late]);
    const turnModel = await Promise.race([modelled, late]);
    cancel();
    return { words, turnModel, prosody };
  }

  /** The probability of the turn model, if there is one and the decision needs it. Never rejects. */
  async #askModel({ speech, decides }: TurnPause, signal: AbortSignal): Promise<number | undefined> {
    const { turnModel, claim, observers } = this.#core;
    if (!turnModel || !decides) return undefined;
    try {
      return await turnModel.endOfTurn(speech, { claim: { ...claim, priority: 'live' }, signal });
    } catch (error) {
      if (!signal.aborted) observers.publish({ type: 'turn_model_failed', error: messageOf(error) });
      return undefined;
    }
  }

  /** The turn continues, or its audio was discarded. */
  resumed(): void {
    this.#drop();
  }

  /** The turn has ended, and its transcription has adopted the transcript unless it differs; its response may follow. */
  ended(): void {
    this.#pause = undefined;
    this.#transcription.dropAhead();
  }

  #drop(): void {
    this.#pause?.abort.abort();
    this.#pause = undefined;
    this.#transcription.dropAhead();
    this.#responses.dropSpeculation();
  }

  #isWorth({ speech, decides }: TurnPause): boolean {
    const core = this.#core;
    if (!this.enabled || core.closed) return false;
    const wanted = transcriptionRequest(core).setting !== null || !core.engines.languageModel.hearsAudio;
    if (!wanted && !decides) return false;
    this.#transcribedMs += Math.min(durationMs(speech.samples.length, speech.sampleRateHz), pauseCostMs);
    return this.#transcribedMs <= core.settings.limits.aheadAudioMs;
  }

  /** Starts the answer to the turn if it is probably over. */
  #answer({ speech, prosody }: TurnPause, words: PauseWords): void {
    const { config, kind, engines } = this.#core;
    if (!kind.answers || !config.audio.input.turn_detection?.create_response) return;
    // It would receive the audio of the turn, whose end is not known.
    if (engines.languageModel.hearsAudio || !this.#allows('languageModel') || !this.#allows('voice')) return;
    if (!isSpeakable(words.text) || (endProbability({ words, prosody }) ?? 0) < likely) return;
    if (this.#answers >= answersPerTurn) return;
    const heard = new UserAudio(speech, config.audio.input.format, () => {});
    heard.settle({ text: words.text });
    if (this.#responses.speculate(expectedTurn(heard))) this.#answers += 1;
  }

  #allows(kind: 'transcriber' | 'languageModel' | 'voice'): boolean {
    const { overlap } = this.#core.settings;
    return overlap === 'on' || (overlap === 'auto' && !this.#core.engines[kind].isPublic);
  }
}

/** The entry that the turn would become; its ids do not reach a model. */
function expectedTurn(heard: UserAudio): ConversationEntry {
  return {
    item: {
      id: 'item_ahead',
      object: 'realtime.item',
      type: 'message',
      status: 'completed',
      role: 'user',
      content: [{ type: 'input_audio', transcript: null }],
    },
    heard: new Map([[0, heard]]),
    spoken: new Map(),
  };
}
