/** The tokens of a part of a context, by kind. Audio is not rounded: the wire's usage is. */
export interface TokenCost {
  readonly text: number;
  readonly audio: number;
  readonly image: number;
}

export const noTokens: TokenCost = { text: 0, audio: 0, image: 0 };

/** A token of user audio represents 100 ms, one of assistant audio 50 ms (docs/protocol.md §3). */
const userAudioMsPerToken = 100;
export const assistantAudioMsPerToken = 50;

/** Not rounded. */
export function userAudioTokens(durationMs: number): number {
  return durationMs / userAudioMsPerToken;
}

/** Not rounded. */
export function assistantAudioTokens(durationMs: number): number {
  return durationMs / assistantAudioMsPerToken;
}

export function sumOfCosts(costs: Iterable<TokenCost>): TokenCost {
  let { text, audio, image } = noTokens;
  for (const cost of costs) {
    text += cost.text;
    audio += cost.audio;
    image += cost.image;
  }
  return { text, audio, image };
}

export function totalTokens({ text, audio, image }: TokenCost): number {
  return text + audio + image;
}

/** `cost`, limited by `limit` kind by kind. */
export function capCost(cost: TokenCost, limit: TokenCost): TokenCost {
  return {
    text: Math.min(cost.text, limit.text),
    audio: Math.min(cost.audio, limit.audio),
    image: Math.min(cost.image, limit.image),
  };
}
