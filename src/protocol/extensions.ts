/**
 * Extensions of the official document, which a client requests by name: `?parley=ledger,words` (docs/protocol.md §1). A
 * client that requests none gets nothing outside the document.
 */

import type { Dialect } from './dialect.ts';
import type { OutgoingEvent } from './wire/server-events.ts';

/** The names that this server knows. */
const extensions: readonly string[] = ['ledger', 'words'];

const maxNames = 16;
const maxNameCharacters = 64;

export interface RequestedExtensions {
  readonly known: ReadonlySet<string>;
  /** Shortened, each once. */
  readonly unknown: readonly string[];
}

/** The extensions that a client requests; names after the first 16 are ignored. */
export function requestedExtensions(query: URLSearchParams, available = extensions): RequestedExtensions {
  const requested = (query.get('parley') ?? '').split(',', maxNames).filter((name) => name !== '');
  const unknown = requested.filter((name) => !available.includes(name));
  return {
    known: new Set(requested.filter((name) => available.includes(name))),
    unknown: [...new Set(unknown.map((name) => name.slice(0, maxNameCharacters)))],
  };
}

/**
 * The dialect of a peer that requested extensions: the one place where their events and fields are rendered. Other dialects
 * leave them out.
 */
export function withExtensions(dialect: Dialect, requested: ReadonlySet<string>): Dialect {
  if (requested.size === 0) return dialect;
  const render = (event: OutgoingEvent): object | undefined => {
    if ('extension' in event) return requested.has(event.extension) ? event.event : undefined;
    const rendered = dialect.render(event);
    if (!('extended' in event) || rendered === undefined) return rendered;
    const fields = Object.entries(event.fields).filter(([name]) => requested.has(name));
    return Object.assign({}, rendered, ...fields.map(([, own]) => own));
  };
  return {
    ...dialect,
    render,
    serialise(event) {
      const rendered = render(event);
      return rendered && JSON.stringify(rendered);
    },
  };
}
