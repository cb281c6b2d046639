import type { ReconnectionScheduler } from '@modelcontextprotocol/client';
import type { Clock } from '../core/clock.ts';

export const minReconnectionMs = 1000;
export const maxReconnectionMs = 30_000;

/**
 * The delays before a stream that has ended is opened again: those that the server asks for, but at least a second,
 * doubling up to half a minute while the streams do not last that long.
 */
export function reconnections(clock: Clock): ReconnectionScheduler {
  let minMs = minReconnectionMs;
  let openedAt = clock.now();
  return (reconnect, delayMs) => {
    if (clock.now() - openedAt >= maxReconnectionMs) minMs = minReconnectionMs;
    const waitMs = Math.min(Math.max(delayMs, minMs), maxReconnectionMs);
    minMs = Math.min(2 * minMs, maxReconnectionMs);
    openedAt = clock.now() + waitMs;
    return clock.after(waitMs, reconnect);
  };
}
