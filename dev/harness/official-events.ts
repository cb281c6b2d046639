/** Checks that frames from the server are events of the official types and satisfy the rules of practice. */

import assert from 'node:assert/strict';
import { declarationFile, membersOf, type Type } from './official-declarations.ts';
import { exceptionsOf, otherBetaEvents, type WireDialect } from './official-exceptions.ts';
import { Connection, practice } from './official-practice.ts';
import { type Exceptions, isObject, type Problem, problemsOf } from './official-schema.ts';

export type { WireDialect } from './official-exceptions.ts';

const resources = new URL('../../node_modules/openai/resources/', import.meta.url);
const unions: Record<WireDialect, URL> = {
  ga: new URL('realtime/realtime.d.ts', resources),
  beta: new URL('beta/realtime/realtime.d.ts', resources),
};

interface Official {
  events: Map<string, Type>;
  exceptions: Exceptions;
}

const read: Partial<Record<WireDialect, Official>> = {};

/** The server events of a dialect by type (`RealtimeServerEvent` of the SDK), parsed once. */
export function officialEvents(dialect: WireDialect): Official {
  const known = read[dialect] ?? readOfficial(dialect);
  read[dialect] = known;
  return known;
}

function readOfficial(dialect: WireDialect): Official {
  const events = new Map<string, Type>();
  for (const member of membersOf(declarationFile(unions[dialect]).type('RealtimeServerEvent'))) {
    const type = member.kind === 'object' ? member.properties.get('type')?.type : undefined;
    if (type?.kind === 'literal') events.set(String(type.value), member);
  }
  for (const { type: name, like } of dialect === 'beta' ? otherBetaEvents : []) {
    const [from, original] = like;
    const shape = (from === dialect ? events : officialEvents(from).events).get(original);
    assert.ok(shape?.kind === 'object', `the official types have no ${original}`);
    const type: Type = { kind: 'literal', value: name };
    events.set(name, { ...shape, properties: new Map(shape.properties).set('type', { type, optional: false }) });
  }
  return { events, exceptions: exceptionsOf(dialect) };
}

/** Checks one connection. Pass it every frame of the server, in order. */
export class OfficialCheck {
  readonly #dialect: WireDialect;
  readonly #connection: Connection;

  constructor(dialect: WireDialect) {
    this.#dialect = dialect;
    this.#connection = new Connection(dialect);
  }

  /** The problems of a frame, one line each; empty if there are none. */
  complaints(frame: string): string[] {
    const event: unknown = JSON.parse(frame);
    if (!isObject(event) || typeof event.type !== 'string') return [`a frame without a type: ${frame.slice(0, 200)}`];
    const name = `${event.type} (${this.#dialect})`;
    const { events, exceptions } = officialEvents(this.#dialect);
    const declared = events.get(event.type);
    if (!declared) return [`${name}: no such event in the official types of this dialect`];
    const typed = problemsOf(declared, event, exceptions).map((problem) => `${name}: ${sentence(problem)}`);
    const practical = practice.flatMap(({ rule, check }) =>
      check(event, this.#connection).map((problem) => `${name}: ${sentence(problem)} (rule: ${rule})`),
    );
    this.#connection.remember(event);
    return [...typed, ...practical];
  }
}

function sentence({ path, expected, got }: Problem): string {
  return `${path}: expected ${expected}, got ${got}`;
}
