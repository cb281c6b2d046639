import { z } from 'zod';

/** The message of an integer's bounds: zod does not tell them from a decimal's, and the wire's codes do. */
export const integerBound = 'integer';

/** A whole number between two bounds, both allowed. */
export function integer(min: number, max = Number.MAX_SAFE_INTEGER) {
  return z.int().min(min, integerBound).max(max, integerBound);
}
