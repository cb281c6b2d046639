/**
 * Loaded before tests (`node --import`): what a session sends its peers is watched, or spoilt on its way, as
 * `PARLEY_MUTATION` says. A test that does not notice does not verify that event.
 */

import { writeFileSync } from 'node:fs';
import type { ServerEvent } from '../../src/protocol/index.ts';
import type { Peer } from '../../src/session/ports.ts';
import { RealtimeSession } from '../../src/session/realtime-session.ts';

export type Mutation =
  /** Writes down, in a file, which event types were sent, and with which fields. */
  { how: 'watch'; to: string } | { how: 'drop' | 'delay'; type: string } | { how: 'null'; type: string; field: string };

/** The fields of each event type that were seen, without `type` and `event_id`. */
export type Seen = Record<string, string[]>;

const mutation = JSON.parse(process.env.PARLEY_MUTATION ?? 'null') as Mutation | null;
if (mutation) install(mutation);

function install(by: Mutation): void {
  const peers = new WeakMap<Peer, Peer>();
  const wrapped = (peer: Peer) => {
    const proxy = peers.get(peer) ?? spoilt(peer, by);
    peers.set(peer, proxy);
    // What the session hands back to these methods is wrapped already.
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
  const send = sender(peer, by);
  return new Proxy(peer, {
    get(target, key) {
      if (key === 'send') return send;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function sender(peer: Peer, by: Mutation): Peer['send'] {
  switch (by.how) {
    case 'watch':
      return watching(peer, by.to);
    case 'drop':
      return (event) => {
        if (event.type !== by.type) peer.send(event);
      };
    case 'delay':
      return delaying(peer, by.type);
    case 'null':
      return (event) => {
        const nulled = event.type === by.type && by.field in event;
        peer.send(nulled ? ({ ...event, [by.field]: null } as ServerEvent) : event);
      };
  }
}

/** Holds events of a type back until one of another type was sent. */
function delaying(peer: Peer, type: string): Peer['send'] {
  const held: ServerEvent[] = [];
  return (event) => {
    if (event.type === type) {
      held.push(event);
      return;
    }
    peer.send(event);
    for (const late of held.splice(0)) peer.send(late);
  };
}

const seen: Record<string, Set<string>> = {};

function watching(peer: Peer, to: string): Peer['send'] {
  process.once('exit', () => {
    const fields = Object.entries(seen).map(([type, names]) => [type, [...names]]);
    writeFileSync(to, JSON.stringify(Object.fromEntries(fields)));
  });
  return (event) => {
    seen[event.type] ??= new Set();
    for (const name of Object.keys(event)) if (name !== 'type' && name !== 'event_id') seen[event.type]?.add(name);
    peer.send(event);
  };
}
