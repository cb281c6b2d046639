import {
  type ContextItem,
  legalToolName,
  type ModelTool,
  type ModelToolChoice,
  maxToolNameLength,
} from '../ports/language-model.ts';

/** The names that servers with OpenAI's API accept (API reference, `function.name`). */
const legalName = /^[a-zA-Z0-9_-]{1,64}$/;

/** The identity of a tool: with `server`, a tool that this server runs; without it, a function of the client. */
export interface ToolId {
  readonly server?: string;
  readonly name: string;
}

/** A tool in a generation. Engines do not see `server`, and get a unique name instead. */
export type GenerationTool = ModelTool & ToolId;
/** An item of a context, whose calls identify their tool. */
export type GenerationItem = ContextItem | (Extract<ContextItem, { type: 'call' }> & ToolId);

/** A choice by name without `server` refers to one of the client's functions. */
export type GenerationToolChoice = Exclude<ModelToolChoice, object> | ToolId;

interface Named {
  readonly tools: readonly GenerationTool[];
  readonly toolChoice: GenerationToolChoice;
  readonly items: readonly GenerationItem[];
}

interface EngineNamed {
  tools: readonly ModelTool[];
  toolChoice: ModelToolChoice;
  items: readonly ContextItem[];
}

/**
 * The engine's names for a request's tools: legal and unique. A client's name that is both is unchanged; a server-side
 * tool is named by label and name. In others, illegal characters become `_`, and a number is appended if the name is
 * taken.
 */
export class ToolNames {
  readonly #request: Named;
  /** By the engine's name. */
  readonly #ids = new Map<string, ToolId>();
  /** By `keyOf`. */
  readonly #engineNames = new Map<string, string>();
  readonly #tools: readonly string[];

  constructor(request: Named) {
    this.#request = request;
    const declared = request.tools.map(idOf);
    const called = request.items.flatMap((item) => (item.type === 'call' ? idOf(item) : []));
    // Legal names of the client come first, so that they are unchanged.
    for (const id of [...declared, ...called]) if (isLegal(id)) this.#add(id.name, id);
    const keys = declared.map(keyOf);
    this.#tools = declared.map((id, index) =>
      isLegal(id) && keys.indexOf(keyOf(id)) === index ? id.name : this.#addUnique(id),
    );
    for (const id of called) if (!this.#engineNames.has(keyOf(id))) this.#addUnique(id);
  }

  /** The request with the engine's names. */
  forEngine(): EngineNamed {
    const { tools, toolChoice, items } = this.#request;
    return {
      tools: tools.map(({ server: _server, ...tool }, index) => ({ ...tool, name: this.#tools[index] ?? tool.name })),
      toolChoice: typeof toolChoice === 'string' ? toolChoice : { name: this.#engineName(toolChoice) },
      items: items.map((item): ContextItem => {
        if (item.type !== 'call') return item;
        const { server: _server, ...call }: typeof item & ToolId = item;
        return { ...call, name: this.#engineName(idOf(item)) };
      }),
    };
  }

  /**
   * The tool that an engine calls, if the request has it. Servers may leave their templates' namespaces before its name
   * (`functions.`, `default_api:`), and tokens after it.
   */
  fromEngine(called: string): ToolId | undefined {
    const bare = called.replace(/<.*$/s, '').trim();
    const found = [called, bare, bare.replace(/^.*[.:/]/s, '')].find((name) => this.#tools.includes(name));
    return found === undefined ? undefined : this.#ids.get(found);
  }

  /** The names of the request's tools. */
  get declared(): readonly string[] {
    return this.#request.tools.map(({ server, name }) => (server === undefined ? name : `${server}.${name}`));
  }

  #engineName(id: ToolId): string {
    return this.#engineNames.get(keyOf(id)) ?? id.name;
  }

  #add(engineName: string, id: ToolId): void {
    this.#ids.set(engineName, id);
    // If the client gave several tools the same name, the first counts.
    if (!this.#engineNames.has(keyOf(id))) this.#engineNames.set(keyOf(id), engineName);
  }

  #addUnique(id: ToolId): string {
    const base = legalToolName(id);
    let engineName = base;
    for (let number = 2; this.#ids.has(engineName); number += 1) {
      const suffix = `_${number}`;
      engineName = base.slice(0, maxToolNameLength - suffix.length) + suffix;
    }
    this.#add(engineName, id);
    return engineName;
  }
}

function idOf(tool: ToolId): ToolId {
  return { name: tool.name, server: tool.server };
}

function keyOf({ server, name }: ToolId): string {
  return JSON.stringify([server ?? null, name]);
}

function isLegal({ server, name }: ToolId): boolean {
  return server === undefined && legalName.test(name);
}
