import { withoutAbsent } from '../../core/json.ts';
import type { LedgerParts, LedgerStages } from '../../protocol/wire/ledger.ts';
import type { Observation, ObservationOf } from '../ports/observer.ts';

/** Latencies of a spoken turn by stage, in milliseconds; absent for stages that were not reached. */
export interface TurnTimes {
  /** From the end of speech to the decision: determined by policy rather than performance. */
  silenceMs?: number;
  /** From the decision to the transcript. */
  transcriptMs?: number;
  /** From the generation's start, which may precede the response's creation, to the model's first token. */
  firstTokenMs?: number;
  /** From the first token to the first audio from the voice. */
  firstAudioMs?: number;
  /** From the decision (or, without a turn, the response's creation) to the first audio sent. */
  answeredMs?: number;
  /** From there to the first audible sample sent. */
  audibleMs?: number;
  /** The part of it in which no engine was waited for: Parley's own, and silence that the voice begins with. */
  ownMs?: number;
}

/** The stages of one answer, and how its latency is divided. */
export interface LedgerEntry {
  responseId: string;
  /** The item of the turn that it answers. */
  itemId?: string;
  atMs: LedgerStages;
  /** Absent without audio. */
  partsMs?: LedgerParts;
}

interface Turn {
  itemId: string;
  decidedAt: number;
  silenceMs?: number | undefined;
  /** Absent if its transcript is not known yet, or not needed. */
  transcribedAt?: number;
}

type Stage = 'model_asked' | 'first_token' | 'first_audio' | 'first_audio_sent' | 'first_audible_sent';

interface OpenResponse {
  turn: Turn | undefined;
  /** The time of the decision of the turn that it answers, otherwise of its creation. */
  since: number;
  readonly at: Partial<Record<Stage, number>>;
}

/** Computes the latencies of each response from a session's observations. Relayed sessions have none. */
export class TurnLedger {
  readonly #done: (response: ObservationOf<'response_done'>, times: TurnTimes, entry: LedgerEntry | undefined) => void;
  #turn: Turn | undefined;
  /** Created with the first response, because this map would be most of the memory of an idle session's ledger. */
  #open: Map<string, OpenResponse> | undefined;

  /** `done` is called at the end of each response; without an entry if the response is unknown, as in relayed sessions. */
  constructor(
    done: (response: ObservationOf<'response_done'>, times: TurnTimes, entry: LedgerEntry | undefined) => void,
  ) {
    this.#done = done;
  }

  observe(observation: Observation): void {
    if (observation.type === 'response_done') return this.#close(observation);
    if (observation.relayed) return;
    switch (observation.type) {
      case 'turn_decided':
        if (observation.by === 'voice_activity') this.#decided(observation);
        return;
      case 'turn_understood':
        if (observation.transcribed) this.#transcribed(observation);
        return;
      case 'response_created':
        return this.#created(observation);
      case 'model_asked':
      case 'first_token':
      case 'first_audio':
      case 'first_audio_sent':
      case 'first_audible_sent': {
        const response = this.#open?.get(observation.responseId);
        if (response) response.at[observation.type] = observation.atMs;
      }
    }
  }

  #decided({ atMs, itemId, silenceMs }: ObservationOf<'turn_decided'>): void {
    this.#turn = { itemId, decidedAt: atMs, silenceMs };
  }

  /** A client may have requested the response before. */
  #transcribed({ itemId, atMs }: ObservationOf<'turn_understood'>): void {
    for (const turn of [this.#turn, ...Array.from(this.#open?.values() ?? [], (response) => response.turn)]) {
      if (turn?.itemId === itemId) turn.transcribedAt = atMs;
    }
  }

  /** The response answers the last decided turn, unless another response already has. */
  #created({ responseId, inConversation, atMs }: ObservationOf<'response_created'>): void {
    const turn = inConversation ? this.#turn : undefined;
    this.#open ??= new Map();
    this.#open.set(responseId, { turn, since: turn?.decidedAt ?? atMs, at: {} });
    if (turn) this.#turn = undefined;
  }

  #close(done: ObservationOf<'response_done'>): void {
    const response = this.#open?.get(done.responseId);
    this.#open?.delete(done.responseId);
    if (!response) return this.#done(done, {}, undefined);
    const parts = partsOf(response);
    this.#done(done, timesOf(response, parts), entryOf(done.responseId, response, parts));
  }
}

function timesOf({ turn, since, at }: OpenResponse, parts: LedgerParts | undefined): TurnTimes {
  return rounded({
    silenceMs: turn?.silenceMs,
    transcriptMs: difference(turn?.transcribedAt, since),
    firstTokenMs: difference(at.first_token, at.model_asked),
    firstAudioMs: difference(at.first_audio, at.first_token),
    answeredMs: difference(at.first_audio_sent, since),
    audibleMs: difference(at.first_audible_sent, since),
    ownMs: parts?.parley,
  });
}

function entryOf(responseId: string, response: OpenResponse, parts: LedgerParts | undefined): LedgerEntry {
  const { turn, since, at } = response;
  const speechEndedAt = since - (turn?.silenceMs ?? 0);
  return {
    responseId,
    ...(turn && { itemId: turn.itemId }),
    atMs: rounded({
      decided: difference(turn?.decidedAt, speechEndedAt),
      transcript: difference(turn?.transcribedAt, speechEndedAt),
      first_token: difference(at.first_token, speechEndedAt),
      first_audio: difference(at.first_audio, speechEndedAt),
      audible: difference(at.first_audible_sent, speechEndedAt),
    }),
    ...(parts && { partsMs: parts }),
  };
}

/** Each stage counts from the end of the one before it, or from the decision if that was later. */
function partsOf({ turn, since, at }: OpenResponse): LedgerParts | undefined {
  const transcribedAt = turn?.transcribedAt;
  const audibleAt = at.first_audible_sent;
  if (audibleAt === undefined) return undefined;
  const wait = (from: number | undefined, to: number | undefined) =>
    to === undefined ? 0 : Math.max(0, Math.min(to, audibleAt) - Math.max(from ?? since, since));
  const transcriber = wait(since, transcribedAt);
  const language_model = wait(Math.max(at.model_asked ?? since, transcribedAt ?? since), at.first_token);
  const voice = wait(at.first_token, at.first_audio);
  const parley = Math.max(0, audibleAt - since - transcriber - language_model - voice);
  return { policy: turn?.silenceMs ?? 0, ...tenths({ transcriber, language_model, voice, parley }) };
}

function difference(to: number | undefined, from: number | undefined): number | undefined {
  return to === undefined || from === undefined ? undefined : to - from;
}

/** Without absent values, and in tenths of a millisecond. */
function rounded<Name extends string>(times: Record<Name, number | undefined>): Partial<Record<Name, number>> {
  return tenths(withoutAbsent(times));
}

function tenths<T extends object>(times: T): T {
  return Object.fromEntries(Object.entries(times).map(([name, ms]) => [name, Math.round(ms * 10) / 10])) as T;
}
