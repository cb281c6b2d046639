/** The tools of a session: functions and MCP servers, each in a disclosure. */

import { make } from '../dom.js';
import { addressProblem, nameProblem } from './check.js';
import { showProblem, withLabel } from './field-control.js';
import { editFunction } from './function-editor.js';
import { isObject, sameJson } from './json.js';
import { isMcp } from './secrets.js';
import { editServer } from './server-editor.js';

/** @typedef {import('./json.js').JsonObject} JsonObject */
/** @typedef {{ nodes: Node[], title: (tool: JsonObject) => string }} Editor */

export class ToolEditor {
  #onChange;
  /** @type {unknown[]} */
  #tools = [];
  #functions = make('div', 'tools');
  #servers = make('div', 'tools');
  /** Where the problem of each tool is shown. @type {Map<number, HTMLElement>} */
  #problems = new Map();
  functions;
  servers;

  /** @param {(tools: unknown[]) => void} onChange */
  constructor(onChange) {
    this.#onChange = onChange;
    this.functions = make('div', 'tool-list', this.#functions, this.#adderOfFunctions());
    this.servers = make('div', 'tool-list', this.#servers, this.#adderOfServers());
  }

  /** @param {unknown} tools of the session */
  show(tools) {
    const list = Array.isArray(tools) ? tools : [];
    if (sameJson(list, this.#tools)) return;
    this.#tools = list;
    this.#render();
  }

  /**
   * @param {string} path of the session, such as `tools.0.name`
   * @param {string} text
   * @returns {boolean} whether there is a place for it
   */
  showProblem(path, text) {
    const place = this.#placeOf(path);
    if (place === undefined) return false;
    place.textContent = text;
    return true;
  }

  /** @param {string} path of a tool, which is opened */
  focus(path) {
    const tool = this.#placeOf(path)?.closest('details');
    if (!tool) return;
    tool.open = true;
    tool.querySelector('summary')?.focus();
  }

  clearProblems() {
    for (const place of this.#problems.values()) place.textContent = '';
  }

  /** @param {string} path */
  #placeOf(path) {
    return this.#problems.get(Number(/^tools\.(\d+)/.exec(path)?.[1]));
  }

  #render() {
    this.#problems.clear();
    this.#functions.replaceChildren();
    this.#servers.replaceChildren();
    for (const [index, tool] of this.#tools.entries()) {
      if (!isObject(tool)) continue;
      (isMcp(tool) ? this.#servers : this.#functions).append(this.#node(tool, index));
    }
  }

  /**
   * @param {JsonObject} tool
   * @param {number} index
   */
  #node(tool, index) {
    const summary = make('summary', '');
    const problem = make('p', 'problem');
    const change = (/** @type {JsonObject} */ changed) => {
      summary.textContent = editor.title(changed);
      this.#change(this.#tools.with(index, changed));
    };
    const editor = isMcp(tool) ? editServer(tool, change) : editFunction(tool, change);
    summary.textContent = editor.title(tool);
    const remove = make('button', 'quiet small', isMcp(tool) ? 'Remove the server' : 'Remove the function');
    remove.type = 'button';
    remove.addEventListener('click', () => {
      this.#change(this.#tools.filter((_tool, at) => at !== index));
      this.#render();
    });
    this.#problems.set(index, problem);
    return make('details', 'tool', summary, problem, ...editor.nodes, remove);
  }

  /** @param {unknown[]} tools */
  #change(tools) {
    this.#tools = tools;
    this.#onChange(tools);
  }

  /** @param {JsonObject} tool */
  #add(tool) {
    this.#change([...this.#tools, tool]);
    this.#render();
    const list = isMcp(tool) ? this.#servers : this.#functions;
    const added = list.lastElementChild;
    if (added instanceof HTMLDetailsElement) {
      added.open = true;
      added.querySelector('summary')?.focus();
    }
  }

  #adderOfFunctions() {
    return adder('Add a function', [{ label: 'Name of a new function', check: nameProblem }], ([name = '']) =>
      this.#add({ type: 'function', name, parameters: { type: 'object', properties: {} } }),
    );
  }

  #adderOfServers() {
    const inputs = [
      {
        label: 'Label of a new MCP server',
        check: (/** @type {string} */ text) => (text === '' ? 'Enter a label, such as docs.' : ''),
      },
      {
        label: 'Its address',
        hint: 'Empty for a server of the configuration with this label.',
        check: addressProblem,
      },
    ];
    return adder('Add an MCP server', inputs, ([label = '', address = '']) =>
      this.#add({
        type: 'mcp',
        server_label: label,
        ...(address !== '' && { server_url: address }),
        require_approval: 'always',
      }),
    );
  }
}

/**
 * Inputs and a button that adds a tool.
 * @param {string} action
 * @param {{ label: string, hint?: string, check: (text: string) => string }[]} inputs
 * @param {(texts: string[]) => void} onAdd
 */
function adder(action, inputs, onAdd) {
  const fields = inputs.map(({ label, hint, check }) => {
    const input = make('input', '');
    input.autocomplete = 'off';
    input.spellcheck = false;
    const { element, problem } = withLabel(label, input, { hint });
    return { input, element, problem, check };
  });
  const button = make('button', 'quiet', action);
  button.type = 'button';
  const add = () => {
    const texts = fields.map(({ input }) => input.value.trim());
    const problems = fields.map(({ check }, i) => check(texts[i] ?? ''));
    for (const [i, { input, problem }] of fields.entries()) showProblem(input, problem, problems[i] ?? '');
    const wrong = problems.findIndex((problem) => problem !== '');
    if (wrong >= 0) return fields[wrong]?.input.focus();
    for (const { input } of fields) input.value = '';
    onAdd(texts);
  };
  button.addEventListener('click', add);
  for (const { input } of fields) {
    input.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter') return;
      event.preventDefault();
      add();
    });
  }
  return make('div', 'adder', ...fields.map(({ element }) => element), button);
}
