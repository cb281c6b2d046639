import type { HttpTimeouts } from '../../net/http-exchange.ts';

export const defaultTimeouts: HttpTimeouts = { connectMs: 5000, firstByteMs: 20_000, idleMs: 20_000 };
