/** The menu of the session: save it, and open a saved one. */

import { WavError } from '../audio/wav.js';
import { element, make } from '../dom.js';
import { formatAudio, formatEvents, parseSession, SessionFileError } from './session-file.js';

/** Larger files would fill the memory of the tab. */
const maxFileBytes = 500_000_000;

/**
 * @param {import('./inspector.js').Inspector} inspector
 * @param {{ onOpened: (record: import('./record.js').SessionRecord) => void, onList: () => void, onProblem: (message: string) => void }} listener
 */
export function bindSessionMenu(inspector, { onOpened, onList, onProblem }) {
  const menu = element('session-menu', HTMLElement);
  const files = element('session-files', HTMLInputElement);
  const on = (/** @type {string} */ id, /** @type {() => void} */ run) =>
    element(id, HTMLButtonElement).addEventListener('click', () => {
      menu.hidePopover();
      run();
    });

  on('save-events', () => save('jsonl', new Blob([formatEvents(inspector.shown)], { type: 'application/jsonl' })));
  on('save-audio', () => {
    const audio = formatAudio(inspector.shown);
    if (audio === null) onProblem(inspector.shown.withoutAudio || 'There is no audio to save yet.');
    else save('wav', new Blob([audio], { type: 'audio/wav' }));
  });
  on('open-session', () => files.click());
  on('list-sessions', onList);

  files.addEventListener('change', async () => {
    const chosen = [...(files.files ?? [])];
    // The same files can be chosen again.
    files.value = '';
    try {
      onOpened(await open(chosen));
    } catch (error) {
      if (!(error instanceof SessionFileError || error instanceof WavError)) throw error;
      onProblem(`The session cannot be opened. ${error.message}`);
    }
  });

  const save = (/** @type {string} */ ending, /** @type {Blob} */ blob) => {
    const link = make('a', '');
    const time = inspector.shown.startedAt.toISOString().slice(0, 19).replaceAll(':', '-');
    link.href = URL.createObjectURL(blob);
    link.download = `parley-${time}.${ending}`;
    link.click();
    // The browser reads it after this returns.
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  };
}

/**
 * @param {File[]} files
 * @throws {SessionFileError | WavError}
 */
async function open(files) {
  const events = files.find(({ name }) => name.endsWith('.jsonl'));
  const audio = files.find(({ name }) => name.endsWith('.wav'));
  if (events === undefined)
    throw new SessionFileError('Choose the file of its events (.jsonl), and with it that of its audio (.wav).');
  if (files.some(({ size }) => size > maxFileBytes)) throw new SessionFileError('The file has more than 500 MB.');
  return parseSession(await events.text(), (await audio?.arrayBuffer()) ?? null);
}
