/**
 * Loaded before tests (`node --import`): records the events that a session sends, or modifies them as
 * `PARLEY_MUTATION` says. A test that does not notice does not verify the event.
 */

import { writeFileSync } from 'node:fs';
import { type OutgoingEvent, renderErrorEvent, type ServerEvent } from '../../src/protocol/index.ts';
import type { Peer } from '../../src/session/ports/peer.ts';
import { RealtimeSession } from '../../src/session/realtime-session.ts';

export type Mutation =
  /** Records event types and their fields in a file. */
  | { how: 'watch'; to: string }
  | { how: 'drop'; type: string }
  /** `unsent`: types that the dialect omits, and that cannot be waited for. */
  | { how: 'delay'; type: string; unsent: readonly string[] }
  /** The path of a field, at most two names. */
  | { how: 'null'; type: string; field: string };

/** The fields of each event type that had a value, and their fields, without `type` and `event_id`. */
export type Seen = Record<string, string[]>;

const mutation = JSON.parse(process.env.PARLEY_MUTATION ?? 'null') as Mutation | null;
if (mutation) install(mutation);

function install(by: Mutation): void {
  const peers = new WeakMap<Peer, Peer>();
  const wrapped = (peer: Peer) => {
    const proxy = peers.get(peer) ?? spoilt(peer, by);
    peers.set(peer, proxy);
    // Events that the session passes to these methods are wrapped already.
    peers.set(proxy, proxy);
    return proxy;
  };
  const { attach, detach, receive, refuse } = RealtimeSession.prototype;
  const methods: Pick<RealtimeSession, 'attach' | 'detach' | 'receive' | 'refuse'> & ThisType<RealtimeSession> = {
    attach(peer) {
      attach.call(this, wrapped(peer));
    },
    detach(peer) {
      detach.call(this, wrapped(peer));
    },
    receive(event, from) {
      return receive.call(this, event, wrapped(from));
    },
    refuse(error, clientEventId, to) {
      refuse.call(this, error, clientEventId, wrapped(to));
    },
  };
  Object.assign(RealtimeSession.prototype, methods);
}

function spoilt(peer: Peer, by: Mutation): Peer {
  const spoil = sender(peer, by);
  // Events of an upstream are not this server's.
  const send: Peer['send'] = (event) => ('type' in event ? spoil(event) : peer.send(event));
  return new Proxy(peer, {
    get(target, key) {
      if (key === 'send') return send;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** An event of the session itself: neither relayed nor of an extension. */
type Own = Extract<OutgoingEvent, { type: string }>;
type Send = (event: Own) => void;

function fieldsOf(event: Own): ServerEvent {
  return 'raised' in event ? renderErrorEvent(event) : event;
}

function sender(peer: Peer, by: Mutation): Send {
  switch (by.how) {
    case 'watch':
      return watching(peer, by.to);
    case 'drop':
      return (event) => {
        if (event.type !== by.type) peer.send(event);
      };
    case 'delay':
      return delaying(peer, by.type, by.unsent);
    case 'null':
      return (event) =>
        peer.send(event.type === by.type ? (nulled(fieldsOf(event), by.field.split('.')) as ServerEvent) : event);
  }
}

/** A copy without the value at a path, or the object itself if it has no such field. */
function nulled(value: unknown, [name, ...rest]: string[]): unknown {
  if (name === undefined) return null;
  if (typeof value !== 'object' || value === null || !(name in value)) return value;
  return { ...value, [name]: nulled(Reflect.get(value, name), rest) };
}

/** Delays events of a type until one of another type was sent. */
function delaying(peer: Peer, type: string, unsent: readonly string[]): Send {
  const held: Own[] = [];
  return (event) => {
    if (event.type === type) {
      held.push(event);
      return;
    }
    peer.send(event);
    if (unsent.includes(event.type)) return;
    for (const late of held.splice(0)) peer.send(late);
  };
}

const seen: Record<string, Set<string>> = {};

function watching(peer: Peer, to: string): Send {
  process.once('exit', () => {
    const fields = Object.entries(seen).map(([type, names]) => [type, [...names]]);
    writeFileSync(to, JSON.stringify(Object.fromEntries(fields)));
  });
  return (event) => {
    const paths = seen[event.type] ?? new Set();
    seen[event.type] = paths;
    const { type: _type, event_id: _id, ...payload } = fieldsOf(event);
    for (const path of pathsIn(payload, 2)) paths.add(path);
    peer.send(event);
  };
}

/** The paths of all values in an object, down to a depth; a list is one value. */
function pathsIn(value: object, depth: number): string[] {
  return Object.entries(value).flatMap(([name, inner]: [string, unknown]) => {
    if (inner === null || inner === undefined) return [];
    const deeper = depth > 1 && typeof inner === 'object' && !Array.isArray(inner) ? pathsIn(inner, depth - 1) : [];
    return [name, ...deeper.map((path) => `${name}.${path}`)];
  });
}
