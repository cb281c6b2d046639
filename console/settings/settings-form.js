/** The settings dialog: the form, the JSON beside it, and links and code of them. Changes are reported immediately. */

import { element, make } from '../dom.js';
import { ConnectionFields } from './connection-fields.js';
import { gaPathOf } from './dialect.js';
import { FieldControl, showValue, withLabel } from './field-control.js';
import { sections, toolFields } from './fields.js';
import { JsonView } from './json-view.js';
import { fetchLists, unknownLists, usualVoices } from './server-lists.js';
import { ShareView } from './share-view.js';
import { ToolEditor } from './tool-editor.js';

/** @typedef {import('./json.js').JsonObject} JsonObject */
/** @typedef {import('./settings.js').Settings} Settings */

export class SettingsForm {
  #dialog = element('settings', HTMLDialogElement);
  #status = make('p', 'problem');
  #all = make('fieldset', 'fields');
  #settings;
  #onChange;
  #lists = { ...unknownLists, voices: usualVoices };
  /** The session as the server has it. @type {JsonObject} */
  #effective = {};
  /** @type {FieldControl[]} */
  #controls = [];
  #tools;
  #functions;
  #connection;
  #json;
  #share;

  /**
   * @param {Settings} settings
   * @param {(settings: Settings) => void} onChange
   * @param {() => void} onReconnect
   */
  constructor(settings, onChange, onReconnect) {
    this.#settings = settings;
    this.#onChange = onChange;
    const setSession = (/** @type {JsonObject} */ session) => this.#change({ session });
    this.#tools = new ToolEditor((tools) => {
      const { tools: _tools, ...session } = this.#settings.session;
      setSession(tools.length > 0 ? { ...session, tools } : session);
    });
    this.#functions = make('textarea', 'code');
    this.#functions.rows = 6;
    this.#functions.spellcheck = false;
    this.#functions.placeholder = 'function get_weather({ city }) { return { city, celsius: 21 }; }';
    this.#functions.addEventListener('change', () => this.#change({ functions: this.#functions.value }));
    this.#connection = new ConnectionFields(
      (change) => {
        const { apiKey } = this.#settings;
        this.#change(change);
        if (change.apiKey !== apiKey) void this.#load();
      },
      () => {
        this.#dialog.close();
        onReconnect();
      },
    );
    this.#json = new JsonView(setSession, (isValid) => {
      this.#all.disabled = !isValid;
    });
    this.#share = new ShareView(
      () => this.#settings,
      () => this.#json.text,
    );
    this.#build();
    this.#show();
    element('open-settings', HTMLButtonElement).addEventListener('click', () => this.#open());
  }

  /**
   * Opens the dialog, at the field of a path in the session, or at `apiKey` or `model`.
   * @param {string} path
   */
  openAt(path) {
    this.#open();
    const control = this.#controlFor(path);
    if (control !== undefined) control.focus();
    else if (path === 'apiKey' || path === 'model') this.#connection.focus(path);
    else this.#tools.focus(path);
  }

  /**
   * Displays the server's values for fields that the user left empty.
   * @param {JsonObject} session in GA form
   */
  showEffective(session) {
    this.#effective = session;
    this.#show();
  }

  /**
   * Displays why the server refused a change, at its field if it has one.
   * @param {{ message: string, param: string | null }} refusal
   * @returns {string} a path for `openAt`
   */
  showRefusal({ message, param }) {
    const path = gaPathOf(param ?? '');
    const text = `The server refused it: ${message}`;
    const control = this.#controlFor(path);
    if (control !== undefined) control.showProblem(text);
    else if (!this.#tools.showProblem(path, text)) this.#status.textContent = text;
    return path;
  }

  /** Forgets what an earlier session refused. */
  clearRefusals() {
    this.#status.textContent = '';
    this.#tools.clearProblems();
    for (const control of this.#controls) control.showProblem('');
  }

  /**
   * Displays other settings, without reporting them.
   * @param {Settings} settings
   */
  replace(settings) {
    this.#settings = settings;
    this.#show();
    void this.#load();
  }

  #open() {
    this.#dialog.showModal();
    void this.#load();
  }

  async #load() {
    const lists = await fetchLists(this.#settings.apiKey);
    this.#lists = { ...lists, voices: lists.voices.length > 0 ? lists.voices : usualVoices };
    this.#connection.showLists(lists);
    this.#share.showServer(lists.requiresKey);
    this.#show();
  }

  /** @param {Partial<Settings>} change */
  #change(change) {
    this.#settings = { ...this.#settings, ...change };
    this.#status.textContent = '';
    this.#tools.clearProblems();
    this.#show();
    this.#onChange(this.#settings);
  }

  #show() {
    const { session, dialect, functions } = this.#settings;
    for (const control of this.#controls) control.show(session, dialect, this.#lists, this.#effective);
    this.#tools.show(session.tools);
    showValue(this.#functions, functions);
    this.#connection.show(this.#settings);
    this.#json.show(session, dialect);
    this.#share.refresh();
  }

  /** @param {string} path @returns {FieldControl | undefined} of the field, or of the one that contains it */
  #controlFor(path) {
    if (path === '') return undefined;
    const fits = this.#controls.filter((each) => path === each.path || path.startsWith(`${each.path}.`));
    return fits.sort((a, b) => b.path.length - a.path.length)[0];
  }

  #build() {
    const close = make('button', 'quiet small', 'Close');
    close.type = 'button';
    close.addEventListener('click', () => this.#dialog.close());
    this.#dialog.addEventListener('click', ({ target }) => {
      if (target === this.#dialog) this.#dialog.close();
    });
    // Esc while the JSON has the focus.
    this.#dialog.addEventListener('close', () => this.#json.apply());
    this.#status.setAttribute('role', 'status');
    const title = make('h2', '', 'Settings');
    title.id = 'settings-title';
    this.#all.setAttribute('aria-label', 'Form');
    this.#all.append(
      ...sections.map((section) => this.#section(section.title, this.#fields(section.fields), section.more)),
      this.#toolSection(),
      this.#section('MCP servers', [this.#tools.servers]),
      this.#section('Connection', [this.#connection.element]),
    );
    this.#dialog.append(
      make('div', 'settings-head', title, close),
      this.#status,
      make('div', 'settings-body', this.#all, make('div', 'settings-json', this.#json.element, this.#share.element)),
    );
  }

  #toolSection() {
    const { element: code } = withLabel('JavaScript of the functions', this.#functions, {
      hint: 'Runs apart from this page and without a network, for at most 10 s. Calls without a function of their name are answered by hand, in the transcript.',
    });
    return this.#section('Tools', [this.#tools.functions, code], { title: 'More about tools', fields: toolFields });
  }

  /**
   * @param {string} title
   * @param {Node[]} nodes
   * @param {{ title: string, fields: import('./fields.js').Field[] }} [more]
   */
  #section(title, nodes, more) {
    const group = make('fieldset', '', make('legend', '', title), ...nodes);
    if (more) group.append(make('details', 'more', make('summary', '', more.title), ...this.#fields(more.fields)));
    return group;
  }

  /** @param {import('./fields.js').Field[]} fields */
  #fields(fields) {
    return fields.map((field) => {
      const control = new FieldControl(field, (change) => this.#change({ session: change(this.#settings.session) }));
      this.#controls.push(control);
      return control.element;
    });
  }
}
