/**
 * A check at compile time (`npm run check`): every event that Parley emits is assignable to its type in the official
 * Node SDK. One exception: an optional property may be `null` in `session`, in `response` and in
 * `input_audio.transcript`, and nowhere else.
 */

import type { RealtimeServerEvent } from 'openai/resources/realtime/realtime';
import type { ServerEvent, ServerEventType } from '../../src/protocol/index.ts';

/** Allows null for every optional property, at any depth. */
type NullForOptional<T> = T extends readonly (infer Element)[]
  ? NullForOptional<Element>[]
  : T extends object
    ? {
        [K in keyof T]: undefined extends T[K]
          ? NullForOptional<Exclude<T[K], undefined>> | null | undefined
          : NullForOptional<T[K]>;
      }
    : T;

/** Allows null for the `transcript` of content parts. */
type NullTranscripts<T> = T extends readonly (infer Element)[]
  ? NullTranscripts<Element>[]
  : T extends { transcript?: string }
    ? Omit<T, 'transcript'> & { transcript?: string | null }
    : T extends object
      ? { [K in keyof T]: NullTranscripts<T[K]> }
      : T;

type ByRule<T> = T extends { session: infer S }
  ? Omit<T, 'session'> & { session: NullForOptional<S> }
  : T extends { response: infer R }
    ? Omit<T, 'response'> & { response: NullForOptional<R> }
    : T extends { item: infer I }
      ? Omit<T, 'item'> & { item: NullTranscripts<I> }
      : T;

type Official<T extends ServerEventType> = ByRule<Extract<RealtimeServerEvent, { type: T }>>;

/** For each type: true if our event is assignable, else both types, so that the compiler shows them. */
type Check = {
  [T in ServerEventType]: [Official<T>] extends [never]
    ? { error: 'no such event in the official types' }
    : Extract<ServerEvent, { type: T }> extends Official<T>
      ? true
      : { ours: Extract<ServerEvent, { type: T }>; official: Official<T> };
};

type AllTrue<T extends Record<keyof T, true>> = T;
export type EveryServerEventIsOfficial = AllTrue<Check>;
