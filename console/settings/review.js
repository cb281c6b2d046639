/** Asks whether to use settings from elsewhere, before any of them is used. */

import { make } from '../dom.js';
import { isObject, valueAt } from './json.js';
import { isMcp } from './secrets.js';
import { hostOf } from './server-editor.js';

/** @typedef {import('./settings.js').SharedSettings} SharedSettings */

/**
 * @param {SharedSettings} settings
 * @param {string} source such as `a link`
 * @param {string[]} servers labels of MCP servers whose secrets are missing
 * @returns {Promise<boolean>} whether the user accepts them
 */
export function review(settings, source, servers) {
  const use = make('button', 'primary', 'Use them in this tab');
  const ignore = make('button', 'quiet', 'Ignore them');
  const title = make('h2', '', `Settings from ${source}`);
  title.id = 'review-title';
  const dialog = make(
    'dialog',
    'review',
    title,
    make(
      'p',
      '',
      'Use them only if you trust where they come from. Nothing has run yet. Your own settings remain stored.',
    ),
    ...describe(settings),
    ...(servers.length > 0
      ? [make('p', '', `Enter the authorization and headers of ${servers.join(', ')} again: they were not saved.`)]
      : []),
    make('div', 'buttons', use, ignore),
  );
  dialog.setAttribute('aria-labelledby', title.id);
  document.body.append(dialog);
  return new Promise((resolve) => {
    let accepted = false;
    use.type = ignore.type = 'button';
    use.addEventListener('click', () => {
      accepted = true;
      dialog.close();
    });
    ignore.addEventListener('click', () => dialog.close());
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(accepted);
    });
    dialog.showModal();
    ignore.focus();
  });
}

/** @param {SharedSettings} settings @returns {Node[]} */
function describe({ session, functions, model, transport, dialect }) {
  const tools = Array.isArray(session.tools) ? session.tools.filter(isObject) : [];
  const servers = tools.filter(isMcp);
  const names = tools.flatMap((tool) => (isMcp(tool) ? [] : [String(tool.name)]));
  const instructions = valueAt(session, 'instructions');
  return [
    make(
      'p',
      'hint',
      `Model ${model}, ${transport === 'webrtc' ? 'WebRTC' : 'WebSocket'}, ${dialect === 'beta' ? 'beta' : 'GA'} dialect.`,
    ),
    ...(servers.length > 0
      ? [
          make('h3', '', 'The server will contact'),
          make('ul', '', ...servers.map((server) => make('li', '', ...describeServer(server)))),
        ]
      : []),
    ...(functions.trim() !== ''
      ? [
          make('h3', '', 'JavaScript will run when the model calls it'),
          make('p', 'hint', 'In a frame without access to this page or to any network.'),
          block(functions),
        ]
      : []),
    ...(names.length > 0 ? [make('p', '', `The model can call: ${names.join(', ')}.`)] : []),
    ...(typeof instructions === 'string' && instructions !== ''
      ? [make('h3', '', 'Instructions'), block(instructions)]
      : []),
    make('details', 'more', make('summary', '', 'The whole session'), block(JSON.stringify(session, null, 2))),
  ];
}

/** @param {import('./json.js').JsonObject} server */
function describeServer({ server_label, server_url, connector_id, tunnel_id, require_approval }) {
  const place = server_url !== undefined ? hostOf(server_url) : String(connector_id ?? tunnel_id ?? '');
  const asks = (require_approval ?? 'always') === 'always';
  return [
    make('strong', '', place || 'a server of its configuration'),
    ` (MCP, ${String(server_label)}): `,
    asks ? 'asks you before each call.' : make('strong', '', 'may call its tools without asking you.'),
  ];
}

/** @param {string} text */
function block(text) {
  const node = make('pre', 'code', text);
  // Scrollable, so the keyboard must reach it.
  node.tabIndex = 0;
  return node;
}
