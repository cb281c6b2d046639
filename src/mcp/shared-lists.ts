import { unlessAborted } from '../core/abort.ts';
import type { Clock } from '../core/clock.ts';
import type { ListedTool } from '../protocol/wire/mcp-items.ts';
import { ImportError } from '../session/ports/tool-servers.ts';

/** The tools of a server, and the length of their JSON. */
export interface ToolList {
  readonly tools: readonly ListedTool[];
  readonly bytes: number;
}

/** A server that can be asked for its tools, and reports changes of them. */
export interface ListSource {
  list(): Promise<ToolList>;
  close(): void;
}

export interface SharedListsOptions {
  clock: Clock;
  /** Unused lists are dropped beyond these. */
  limits: {
    /** Maximum number of lists. */
    mcpLists: number;
    /** Maximum length of all lists; a further one is refused when the others are in use. */
    mcpListsBytes: number;
  };
}

/** A list may be this old; servers report changes earlier, if they can. */
const freshMs = 5 * 60_000;
/** An unused list, with its connection, lives this long. */
const unusedMs = 5 * 60_000;

interface Entry<Source> {
  readonly source: Source;
  readonly users: Set<() => void>;
  /** Undefined until it is asked for, and after a failure. */
  list: Promise<readonly ListedTool[]> | undefined;
  listedAtMs: number;
  /** The length of the list that was received last. */
  bytes: number;
  cancelEnd: () => void;
}

/** The use of a shared list by one session. */
export interface ListUse<Source> {
  readonly source: Source;
  /** @throws as its source; the signal's reason */
  list(signal: AbortSignal): Promise<readonly ListedTool[]>;
  /** The server is asked again for the next session that needs the list. */
  forget(): void;
  release(): void;
}

/**
 * Lists of tools that sessions share, by key: a server is asked once, however many sessions import from it. The key
 * must contain everything that a list depends on, the tenant included.
 */
export class SharedLists<Source extends ListSource> {
  readonly #options: SharedListsOptions;
  /** The least recently used first. */
  readonly #entries = new Map<string, Entry<Source>>();

  constructor(options: SharedListsOptions) {
    this.#options = options;
  }

  /** `open` makes the source of a new list; call its argument when the tools have changed, as `changed` is called. */
  use(key: string, open: (changed: () => void) => Source, changed: () => void): ListUse<Source> {
    const entry = this.#entries.get(key) ?? this.#opened(open);
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    entry.cancelEnd();
    entry.users.add(changed);
    this.#dropUnused();
    return {
      source: entry.source,
      list: (signal) => unlessAborted(this.#listed(entry), signal),
      forget: () => {
        entry.list = undefined;
      },
      release: () => {
        entry.users.delete(changed);
        if (entry.users.size > 0) return;
        // A server that cannot be imported is not kept.
        if (!entry.list) return this.#end(key, entry);
        entry.cancelEnd();
        entry.cancelEnd = this.#options.clock.after(unusedMs, () => this.#end(key, entry));
      },
    };
  }

  close(): void {
    for (const [key, entry] of this.#entries) this.#end(key, entry);
  }

  #opened(open: (changed: () => void) => Source): Entry<Source> {
    const entry: Entry<Source> = {
      source: open(() => {
        entry.list = undefined;
        for (const changed of [...entry.users]) changed();
      }),
      users: new Set(),
      list: undefined,
      listedAtMs: 0,
      bytes: 0,
      cancelEnd: () => {},
    };
    return entry;
  }

  /** One request for all that wait; a failure is not kept. */
  #listed(entry: Entry<Source>): Promise<readonly ListedTool[]> {
    const { clock } = this.#options;
    if (entry.list && clock.now() - entry.listedAtMs <= freshMs) return entry.list;
    entry.listedAtMs = clock.now();
    const list = this.#received(entry);
    entry.list = list;
    list.catch(() => {
      if (entry.list === list) entry.list = undefined;
    });
    return list;
  }

  /** @throws {ImportError} when the lists in use leave no room for it */
  async #received(entry: Entry<Source>): Promise<readonly ListedTool[]> {
    const { tools, bytes } = await entry.source.list();
    entry.bytes = bytes;
    if (!this.#dropUnused()) {
      entry.bytes = 0;
      throw new ImportError('This server has no room for further lists of tools at the moment. Try again later.');
    }
    return tools;
  }

  /** Whether the lists are within their limits, without some of those that no session uses. */
  #dropUnused(): boolean {
    const { mcpLists, mcpListsBytes } = this.#options.limits;
    let bytes = this.#entries.values().reduce((sum, entry) => sum + entry.bytes, 0);
    for (const [key, entry] of this.#entries) {
      if (this.#entries.size <= mcpLists && bytes <= mcpListsBytes) break;
      if (entry.users.size > 0) continue;
      bytes -= entry.bytes;
      this.#end(key, entry);
    }
    return bytes <= mcpListsBytes;
  }

  #end(key: string, entry: Entry<Source>): void {
    entry.cancelEnd();
    if (this.#entries.get(key) === entry) this.#entries.delete(key);
    entry.source.close();
  }
}
