import { O200K_TOKEN_SPLIT_REGEX } from 'gpt-tokenizer/encodingParams/constants';
import type { TokenCounter } from '../session/ports/language-model.ts';
import { roughTokens } from '../session/settings.ts';
import { WorkerPool, workerScript } from './pool/worker-pool.ts';
import { type TokenRanks, tokenCounter } from './token-ranks.ts';

/**
 * Byte pair encoding is quadratic in text without boundaries. In pieces of this many characters no text takes more than
 * about 10 µs a token.
 */
const pieceCharacters = 128;
/** Maximum distance to move the end of a piece back to the space before a word, a boundary of the encoding. */
const snapCharacters = 32;
/** The rest of a longer text is estimated. */
const tokensCounted = 2048;

/** Counts the tokens of a short text exactly. */
type CountExactly = (text: string) => number;

export interface Tokenizer extends TokenCounter {
  /**
   * Loads the encoding; until then counts are rough estimates. Never rejects: if loading fails, they stay estimates.
   */
  load(): Promise<void>;
}

/** Counts tokens of the encoding `o200k_base`, which is that of the models that clients name. */
export function createTokenizer(onFailure: (error: unknown) => void): Tokenizer {
  let exactly: CountExactly | undefined;
  return {
    count: (text) => (exactly ? countInPieces(text, exactly) : roughTokens.count(text)),
    async load() {
      try {
        loading ??= loadEncoding();
        exactly = await loading;
      } catch (error) {
        loading = undefined;
        onFailure(error);
      }
    },
  };
}

/** Shared by all servers of the process: the encoding takes 4 MB. */
let loading: Promise<CountExactly> | undefined;

async function loadEncoding(): Promise<CountExactly> {
  const script = workerScript(import.meta.url, 'token-ranks-worker');
  const pool = new WorkerPool<null, TokenRanks>({ engine: 'tokenizer', script, size: 1 });
  try {
    return tokenCounter(await pool.request(null), O200K_TOKEN_SPLIT_REGEX);
  } finally {
    await pool.close();
  }
}

/**
 * The tokens of a text, counted in pieces. Of a long text, pieces from all parts are counted, and the result is
 * extrapolated.
 */
export function countInPieces(text: string, exactly: CountExactly): number {
  const pieces = Math.ceil(text.length / pieceCharacters);
  const step = spreadingStep(pieces);
  let tokens = 0;
  let characters = 0;
  for (let taken = 0, piece = 0; taken < pieces; taken += 1, piece = (piece + step) % pieces) {
    if (tokens >= tokensCounted && characters > 0) return Math.ceil((tokens * text.length) / characters);
    const part = text.slice(snapToWord(text, piece * pieceCharacters), snapToWord(text, (piece + 1) * pieceCharacters));
    if (part === '') continue;
    tokens += exactly(part);
    characters += part.length;
  }
  return tokens;
}

/** The first boundary at or after a position, which may be the end; the position itself if no boundary is near. */
function snapToWord(text: string, position: number): number {
  if (position === 0) return 0;
  if (position + snapCharacters >= text.length) return text.length;
  for (let at = position; at < position + snapCharacters; at += 1) {
    if (text[at] === ' ' && !/\s/.test(text[at - 1] ?? '')) return at;
  }
  return isLowSurrogate(text.charCodeAt(position)) ? position + 1 : position;
}

function isLowSurrogate(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff;
}

/** Steps of this size visit every piece once, and the first few are already spread over the text. */
function spreadingStep(pieces: number): number {
  let step = Math.max(1, Math.round(pieces * 0.618));
  while (greatestCommonDivisor(step, pieces) !== 1) step += 1;
  return step;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
