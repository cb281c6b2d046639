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
}

interface OpenResponse extends TurnTimes {
  /** The time of the decision of the turn that it answers, otherwise of its creation. */
  since: number;
  askedAt?: number;
  firstTokenAt?: number;
}

/** Computes the latencies of each response from a session's observations. Relayed sessions have none. */
export class TurnLedger {
  readonly #done: (response: ObservationOf<'response_done'>, times: TurnTimes) => void;
  #turn: { decidedAt: number; silenceMs?: number } | undefined;
  /** Whether the turn's transcript is known or not needed. */
  #understood = false;
  #transcribedAt: number | undefined;
  /** Created with the first response, because this map would be most of the memory of an idle session's ledger. */
  #open: Map<string, OpenResponse> | undefined;

  /** `done` is called at the end of each response. */
  constructor(done: (response: ObservationOf<'response_done'>, times: TurnTimes) => void) {
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
        this.#understood = true;
        if (observation.transcribed) this.#transcribedAt = observation.atMs;
        return;
      case 'response_created':
        return this.#created(observation);
      case 'model_asked':
      case 'first_token':
      case 'first_audio':
      case 'first_audio_sent':
        return this.#reached(observation);
    }
  }

  #decided({ atMs, silenceMs }: ObservationOf<'turn_decided'>): void {
    this.#turn = { decidedAt: atMs, silenceMs };
    this.#understood = false;
    this.#transcribedAt = undefined;
  }

  /** The response answers the last decided turn, unless another response already has. */
  #created({ responseId, inConversation, atMs }: ObservationOf<'response_created'>): void {
    const turn = inConversation && this.#understood ? this.#turn : undefined;
    this.#open ??= new Map();
    if (!turn) {
      this.#open.set(responseId, { since: atMs });
      return;
    }
    const { decidedAt, ...silence } = turn;
    const transcript = this.#transcribedAt !== undefined && { transcriptMs: this.#transcribedAt - decidedAt };
    this.#open.set(responseId, { since: decidedAt, ...silence, ...transcript });
    this.#turn = undefined;
  }

  #reached({
    type,
    responseId,
    atMs,
  }: ObservationOf<'model_asked' | 'first_token' | 'first_audio' | 'first_audio_sent'>) {
    const response = this.#open?.get(responseId);
    if (!response) return;
    const { since, askedAt, firstTokenAt } = response;
    if (type === 'model_asked') response.askedAt = atMs;
    else if (type === 'first_audio_sent') response.answeredMs = atMs - since;
    else if (type === 'first_token') {
      response.firstTokenAt = atMs;
      if (askedAt !== undefined) response.firstTokenMs = atMs - askedAt;
    } else if (firstTokenAt !== undefined) response.firstAudioMs = atMs - firstTokenAt;
  }

  #close(done: ObservationOf<'response_done'>): void {
    const { since: _since, askedAt: _asked, firstTokenAt: _token, ...times } = this.#open?.get(done.responseId) ?? {};
    this.#open?.delete(done.responseId);
    this.#done(done, roundTimes(times));
  }
}

/** Rounds to tenths of a millisecond. */
function roundTimes(times: TurnTimes): TurnTimes {
  return Object.fromEntries(Object.entries(times).map(([name, ms]) => [name, Math.round(ms * 10) / 10]));
}
