import { z } from 'zod';

/** The message for integer bounds: zod does not distinguish them from decimal bounds, but the wire's error codes do. */
export const integerBound = 'integer';

/** An integer between two inclusive bounds. */
export function integer(min: number, max = Number.MAX_SAFE_INTEGER) {
  return z.int().min(min, integerBound).max(max, integerBound);
}
