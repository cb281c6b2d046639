/** How the page connects: transport, dialect, model and key. */

import { make } from '../dom.js';
import { showValue, withLabel } from './field-control.js';

/** @typedef {import('./settings.js').Settings} Settings */
/** @typedef {import('./server-lists.js').ServerLists} ServerLists */

/** @type {Record<string, string>} */
const partNames = {
  voiceActivity: 'Voice activity',
  transcriber: 'Transcriber',
  languageModel: 'Language model',
  voice: 'Voice',
};

export class ConnectionFields {
  #model = make('input', '');
  #models = make('datalist', '');
  #transport = make('select', '', new Option('WebRTC (a call)', 'webrtc'), new Option('WebSocket', 'websocket'));
  #dialect = make('select', '', new Option('GA', 'ga'), new Option('Beta (2024)', 'beta'));
  #apiKey = make('input', '');
  #engines = make('dl', 'engines');
  #problem = make('p', 'hint');
  element;

  /**
   * @param {(change: Partial<Settings>) => void} onChange
   * @param {() => void} onReconnect
   */
  constructor(onChange, onReconnect) {
    this.#models.id = 'models';
    this.#model.setAttribute('list', this.#models.id);
    this.#model.name = 'model';
    this.#apiKey.name = 'apiKey';
    this.#apiKey.className = 'secret';
    this.#apiKey.placeholder = 'Only if the server requires one';
    for (const input of [this.#model, this.#apiKey]) {
      input.autocomplete = 'off';
      input.spellcheck = false;
      input.addEventListener('keydown', (event) => {
        if (event.key !== 'Enter') return;
        event.preventDefault();
        report();
        onReconnect();
      });
    }
    const report = () =>
      onChange({
        model: this.#model.value.trim() || 'gpt-realtime',
        transport: this.#transport.value === 'webrtc' ? 'webrtc' : 'websocket',
        dialect: this.#dialect.value === 'beta' ? 'beta' : 'ga',
        apiKey: this.#apiKey.value.trim(),
      });
    for (const input of [this.#model, this.#transport, this.#dialect, this.#apiKey])
      input.addEventListener('change', report);
    const reconnect = make('button', 'primary', 'Reconnect with these');
    reconnect.type = 'button';
    reconnect.addEventListener('click', onReconnect);
    this.element = make(
      'div',
      'fields',
      make('p', 'hint', 'Takes effect at the next connection.'),
      withLabel('Model', this.#model).element,
      this.#models,
      withLabel('Transport', this.#transport).element,
      withLabel('Dialect', this.#dialect, { hint: 'Beta: a flat session, other names of events, functions only.' })
        .element,
      withLabel('API key', this.#apiKey, { hint: 'Stored until this tab is closed.' }).element,
      this.#problem,
      reconnect,
      this.#engines,
    );
  }

  /** @param {Settings} settings */
  show({ model, transport, dialect, apiKey }) {
    for (const [input, value] of /** @type {const} */ ([
      [this.#model, model],
      [this.#transport, transport],
      [this.#dialect, dialect],
      [this.#apiKey, apiKey],
    ]))
      showValue(input, value);
  }

  /** @param {ServerLists} lists */
  showLists({ models, engines, problem }) {
    this.#models.replaceChildren(...models.map((name) => new Option(name)));
    this.#problem.textContent = problem;
    this.#engines.replaceChildren(
      ...engines.flatMap(({ part, name, state }) => [
        make('dt', '', partNames[part] ?? part),
        make('dd', '', state === 'ready' || state === 'idle' ? name : `${name} (${state})`),
      ]),
    );
  }

  /** @param {'apiKey' | 'model'} name */
  focus(name) {
    (name === 'apiKey' ? this.#apiKey : this.#model).focus();
  }
}
