/** The settings dialog: displays the settings and reports changes immediately. */

import { element } from './dom.js';
import { asApproval, asEagerness, asTransport, asTurnMode, parseTools, voices } from './settings.js';

/** @typedef {import('./settings.js').Settings} Settings */

const units = /** @type {Record<string, string>} */ ({ silenceMs: ' ms', prefixMs: ' ms' });

export class SettingsForm {
  #dialog = element('settings', HTMLDialogElement);
  #form = element('settings-form', HTMLFormElement);
  #onChange;

  /**
   * @param {Settings} settings
   * @param {(settings: Settings) => void} onChange
   * @param {() => void} onReconnect
   */
  constructor(settings, onChange, onReconnect) {
    this.#onChange = onChange;
    this.#field('voice').append(...voices.map((voice) => new Option(voice)));
    for (const [name, value] of Object.entries(settings)) this.#field(name).value = String(value);
    this.#refresh();
    this.#form.addEventListener('input', () => this.#refresh());
    this.#form.addEventListener('change', () => this.#onChange(this.#read()));
    this.#dialog.addEventListener('click', ({ target }) => {
      if (target === this.#dialog) this.#dialog.close();
    });
    element('open-settings', HTMLButtonElement).addEventListener('click', () => this.#dialog.showModal());
    element('apply-connection', HTMLButtonElement).addEventListener('click', () => {
      this.#dialog.close();
      onReconnect();
    });
    for (const name of ['apiKey', 'model']) {
      this.#field(name).addEventListener('keydown', (event) => {
        if (!(event instanceof KeyboardEvent) || event.key !== 'Enter') return;
        // Enter would press the first button, which closes the dialog without reconnecting.
        event.preventDefault();
        this.#onChange(this.#read());
        this.#dialog.close();
        onReconnect();
      });
    }
  }

  /**
   * Opens the dialog at a field.
   * @param {string} name
   */
  openAt(name) {
    this.#dialog.showModal();
    this.#field(name).focus();
  }

  /**
   * Displays the server's values for fields that the user left empty.
   * @param {string} instructions
   */
  showServerInstructions(instructions) {
    const field = this.#field('instructions');
    if (field instanceof HTMLTextAreaElement) field.placeholder = instructions || 'None';
  }

  /** Updates the values beside the sliders, and hides the fields of other modes. */
  #refresh() {
    for (const slider of this.#form.querySelectorAll('input[type=range]')) {
      if (slider instanceof HTMLInputElement && slider.nextElementSibling !== null) {
        slider.nextElementSibling.textContent = `${slider.value}${units[slider.name] ?? ''}`;
      }
    }
    const { problem } = parseTools(this.#field('tools').value);
    element('tools-problem', HTMLElement).textContent = problem;
    this.#field('tools').setAttribute('aria-invalid', String(problem !== ''));
    for (const part of this.#form.querySelectorAll('[data-for-mode]')) {
      part.toggleAttribute('hidden', part.getAttribute('data-for-mode') !== this.#field('turnMode').value);
    }
  }

  /** @returns {Settings} */
  #read() {
    return {
      voice: this.#field('voice').value,
      instructions: this.#field('instructions').value.trim(),
      mcpServers: this.#field('mcpServers').value.trim(),
      mcpApproval: asApproval(this.#field('mcpApproval').value),
      tools: this.#field('tools').value.trim(),
      functions: this.#field('functions').value,
      turnMode: asTurnMode(this.#field('turnMode').value),
      threshold: Number(this.#field('threshold').value),
      silenceMs: Number(this.#field('silenceMs').value),
      prefixMs: Number(this.#field('prefixMs').value),
      eagerness: asEagerness(this.#field('eagerness').value),
      transport: asTransport(this.#field('transport').value),
      model: this.#field('model').value.trim() || 'gpt-realtime',
      apiKey: this.#field('apiKey').value.trim(),
    };
  }

  /** @param {string} name */
  #field(name) {
    const field = this.#form.elements.namedItem(name);
    if (
      field instanceof HTMLInputElement ||
      field instanceof HTMLSelectElement ||
      field instanceof HTMLTextAreaElement
    ) {
      return field;
    }
    throw new Error(`The settings have no field ${name}`);
  }
}
