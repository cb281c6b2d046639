import type { Observation, ObservationOf } from '../ports/observer.ts';

/** Milliseconds that a spoken turn waited for, each from the one before; absent where it did not come to that. */
export interface TurnTimes {
  /** From the end of speech to the decision: policy, not work. */
  silenceMs?: number;
  /** From the decision to the transcript. */
  transcriptMs?: number;
  /** From the generation's start, which may come before the response's creation, to the model's first token. */
  firstTokenMs?: number;
  /** From the first token to the first audio that the voice made. */
  firstAudioMs?: number;
  /** From the decision (or, without a turn, the response's creation) to the first audio sent. */
  answeredMs?: number;
}

interface OpenResponse extends TurnTimes {
  /** When the turn that it answers was decided, or else when it was created. */
  since: number;
  askedAt?: number;
  firstTokenAt?: number;
}

/** Adds up from a session's observations what each response waited for. Nothing is known of a relayed one. */
export class TurnLedger {
  readonly #done: (response: ObservationOf<'response_done'>, times: TurnTimes) => void;
  #turn: { decidedAt: number; silenceMs?: number } | undefined;
  /** Whether it is known what the turn says, or need not be. */
  #understood = false;
  #transcribedAt: number | undefined;
  /** Created with the first response: most of an idle session's ledger would be this map. */
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
    this.#turn = { decidedAt: atMs, ...(silenceMs !== undefined && { silenceMs }) };
    this.#understood = false;
    this.#transcribedAt = undefined;
  }

  /** The response answers the turn that was decided last, unless another one has. */
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

/** To tenths of a millisecond: more is noise. */
function roundTimes(times: TurnTimes): TurnTimes {
  return Object.fromEntries(Object.entries(times).map(([name, ms]) => [name, Math.round(ms * 10) / 10]));
}
