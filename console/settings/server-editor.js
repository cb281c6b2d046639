/** The form of an MCP server. Its secrets are stored for this tab only. */

import { input, make } from '../dom.js';
import { addressProblem } from './check.js';
import { showProblem, withLabel } from './field-control.js';
import { isObject, withValue } from './json.js';

/** @typedef {import('./json.js').JsonObject} JsonObject */

const approvals = [
  new Option('Ask me before each call', '"always"'),
  new Option('Run without asking', '"never"'),
  new Option('Ask, but not for tools that only read', JSON.stringify({ never: { read_only: true } })),
];

/**
 * @param {JsonObject} tool
 * @param {(tool: JsonObject) => void} onChange
 * @returns {import('./tool-editor.js').Editor}
 */
export function editServer(tool, onChange) {
  let current = tool;
  const change = (/** @type {string} */ key, /** @type {unknown} */ value) => {
    current = withValue(current, key, value);
    onChange(current);
  };
  const move = (/** @type {'server_label' | 'server_url'} */ key, /** @type {string | undefined} */ value) => {
    if (value === current[key]) return;
    // The secrets are those of the server before.
    const { authorization: _token, headers: _headers, ...server } = current;
    current = server;
    token.value = headers.value = '';
    change(key, value);
  };
  const text = (/** @type {string} */ key) => (typeof tool[key] === 'string' ? tool[key] : '');

  const label = field('Label', input(text('server_label')), (value) => {
    if (value === '') return 'Enter a label, such as docs.';
    move('server_label', value);
    return '';
  });
  const address = field('Address', input(text('server_url')), (value) => {
    const problem = addressProblem(value);
    if (problem === '') move('server_url', value || undefined);
    return problem;
  });

  const approval = make('select', '', ...approvals.map((each) => each.cloneNode(true)));
  const before = JSON.stringify(tool.require_approval ?? 'always');
  // One that was written as JSON.
  if (!approvals.some(({ value }) => value === before)) approval.append(new Option(before, before));
  approval.value = before;

  const allowed = make('textarea', '');
  allowed.rows = 2;
  const isList = Array.isArray(tool.allowed_tools);
  const isFilter = tool.allowed_tools != null && !isList;
  allowed.value = isList ? /** @type {unknown[]} */ (tool.allowed_tools).join('\n') : '';
  allowed.disabled = isFilter;

  const token = input(text('authorization'));
  token.className = 'secret';
  const headers = make('textarea', 'secret');
  headers.rows = 2;
  headers.spellcheck = false;
  headers.value = isObject(tool.headers)
    ? Object.entries(tool.headers)
        .map(([name, value]) => `${name}: ${value}`)
        .join('\n')
    : '';

  return {
    nodes: [
      label,
      address,
      field('Calls of its tools', approval, (value) => {
        change('require_approval', JSON.parse(value));
        return '';
      }),
      field(
        'Allowed tools',
        allowed,
        (value) => {
          const names = lines(value);
          change('allowed_tools', names.length === 0 ? undefined : names);
          return '';
        },
        isFilter ? 'A filter, written as JSON.' : 'Names, one per line. Empty: all of them.',
      ),
      field(
        'Authorization',
        token,
        (value) => {
          change('authorization', value || undefined);
          return '';
        },
        'A token. Until this tab is closed; not in links, copied code or saved sessions.',
      ),
      field(
        'Headers',
        headers,
        (value) => {
          const wrong = lines(value).find((line) => !/^[^:\s]+:/.test(line));
          if (wrong !== undefined) return 'Enter one header per line: a name, a colon, a value.';
          const entries = lines(value).map((line) => {
            const at = line.indexOf(':');
            return [line.slice(0, at), line.slice(at + 1).trim()];
          });
          change('headers', entries.length === 0 ? undefined : Object.fromEntries(entries));
          return '';
        },
        'One per line, such as X-Team: voice. Secret, as the authorization.',
      ),
    ],
    title: ({ server_label, server_url }) => `${server_label} · ${hostOf(server_url)}`,
  };
}

/**
 * The host that the server will contact.
 * @param {unknown} address
 */
export function hostOf(address) {
  return typeof address === 'string' && URL.canParse(address) ? new URL(address).host : 'of the configuration';
}

/**
 * @param {string} label
 * @param {HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement} input
 * @param {(value: string) => string} onChange returns why the value is not used
 * @param {string} [hint]
 */
function field(label, input, onChange, hint) {
  const { element, problem } = withLabel(label, input, { hint });
  input.addEventListener('change', () => showProblem(input, problem, onChange(input.value.trim())));
  return element;
}

/** @param {string} text */
function lines(text) {
  const all = text.split('\n').map((line) => line.trim());
  return all.filter((line) => line !== '');
}
