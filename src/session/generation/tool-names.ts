import type { ContextItem, ModelRequest } from '../ports/language-model.ts';

/** The names that servers with OpenAI's API accept (API reference, `function.name`). */
const legalName = /^[a-zA-Z0-9_-]{1,64}$/;
const maxCharacters = 64;

type Named = Pick<ModelRequest, 'tools' | 'toolChoice' | 'items'>;

/**
 * The names of a request's tools, for an engine: each legal, and no two alike. A name that is both stays as it is; in
 * others, illegal characters become `_`, and a number follows where the name is taken.
 */
export class ToolNames {
  readonly #request: Named;
  /** By the engine's name. */
  readonly #names = new Map<string, string>();
  readonly #engineNames = new Map<string, string>();
  readonly #tools: readonly string[];

  constructor(request: Named) {
    this.#request = request;
    const declared = request.tools.map(({ name }) => name);
    const called = request.items.flatMap((item) => (item.type === 'call' ? item.name : []));
    // Legal names first: they stay as they are.
    for (const name of [...declared, ...called]) if (legalName.test(name)) this.#add(name, name);
    this.#tools = declared.map((name, index) =>
      legalName.test(name) && declared.indexOf(name) === index ? name : this.#addUnique(name),
    );
    for (const name of called) if (!this.#engineNames.has(name)) this.#addUnique(name);
  }

  /** The request with the engine's names. */
  forEngine(): Named {
    const { tools, toolChoice, items } = this.#request;
    return {
      tools: tools.map((tool, index) => ({ ...tool, name: this.#tools[index] ?? tool.name })),
      toolChoice: typeof toolChoice === 'string' ? toolChoice : { name: this.#engineName(toolChoice.name) },
      items: items.map(
        (item): ContextItem => (item.type === 'call' ? { ...item, name: this.#engineName(item.name) } : item),
      ),
    };
  }

  /**
   * The name of the tool that an engine calls, if the request has it. Servers leave namespaces of their templates before it
   * (`functions.`, `default_api:`), and tokens behind it.
   */
  fromEngine(called: string): string | undefined {
    const bare = called.replace(/<.*$/s, '').trim();
    const found = [called, bare, bare.replace(/^.*[.:/]/s, '')].find((name) => this.#tools.includes(name));
    return found === undefined ? undefined : this.#names.get(found);
  }

  /** Of the request's tools, as the client calls them. */
  get declared(): readonly string[] {
    return this.#request.tools.map(({ name }) => name);
  }

  #engineName(name: string): string {
    return this.#engineNames.get(name) ?? name;
  }

  #add(engineName: string, name: string): void {
    this.#names.set(engineName, name);
    // Of tools that the client named alike the first counts.
    if (!this.#engineNames.has(name)) this.#engineNames.set(name, engineName);
  }

  #addUnique(name: string): string {
    const base = name.replaceAll(/[^a-zA-Z0-9_-]/g, '_') || '_';
    let engineName = base.slice(0, maxCharacters);
    for (let number = 2; this.#names.has(engineName); number += 1) {
      const suffix = `_${number}`;
      engineName = base.slice(0, maxCharacters - suffix.length) + suffix;
    }
    this.#add(engineName, name);
    return engineName;
  }
}
