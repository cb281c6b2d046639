/** The form of a function: name, description, and parameters as rows or as JSON Schema. */

import { button, input, make } from '../dom.js';
import { nameProblem } from './check.js';
import { showProblem, withLabel } from './field-control.js';
import { parseJson } from './json.js';
import { rowsOf, schemaOf, types } from './parameters.js';

/** @typedef {import('./json.js').JsonObject} JsonObject */
/** @typedef {import('./parameters.js').Row} Row */

/**
 * @param {JsonObject} tool
 * @param {(tool: JsonObject) => void} onChange
 * @returns {import('./tool-editor.js').Editor}
 */
export function editFunction(tool, onChange) {
  let current = tool;
  const change = (/** @type {JsonObject} */ changed) => {
    current = changed;
    onChange(changed);
  };

  const name = input(String(tool.name ?? ''));
  const nameField = withLabel('Name', name);
  name.addEventListener('change', () => {
    const text = name.value.trim();
    const problem = nameProblem(text);
    showProblem(name, nameField.problem, problem);
    if (problem === '') change({ ...current, name: text });
  });

  const description = input(typeof tool.description === 'string' ? tool.description : '');
  description.addEventListener('change', () => {
    const { description: _before, ...rest } = current;
    const text = description.value.trim();
    change(text === '' ? rest : { ...rest, description: text });
  });

  const parameters = make('div', 'parameters');
  const setSchema = (/** @type {unknown} */ schema) => change({ ...current, parameters: schema });
  const showRows = () => {
    const rows = rowsOf(current.parameters);
    if (rows === null) return showText('These parameters have no form. Edit them as JSON Schema.');
    parameters.replaceChildren(
      ...rowEditor(rows, (changed) => setSchema(schemaOf(changed, current.parameters))),
      button('Edit as JSON Schema', () => showText('')),
    );
  };
  const showText = (/** @type {string} */ why) => {
    const back = button('Edit as a form', showRows);
    back.hidden = why !== '';
    parameters.replaceChildren(schemaText(current.parameters, setSchema, why), back);
  };
  showRows();

  return {
    nodes: [
      nameField.element,
      withLabel('Description', description, { hint: 'The model decides by it when to call.' }).element,
      parameters,
    ],
    title: (changed) => `${changed.name}(${(rowsOf(changed.parameters) ?? []).map((row) => row.name).join(', ')})`,
  };
}

/**
 * @param {Row[]} rows
 * @param {(rows: Row[]) => void} onChange
 * @returns {Node[]}
 */
function rowEditor(rows, onChange) {
  const list = make('div', 'rows');
  let current = rows;
  const render = () =>
    list.replaceChildren(
      ...current.map((row, i) =>
        rowNode(
          row,
          (changed) => {
            const isTaken = current.some(({ name }, at) => at !== i && name === changed.name && name !== '');
            if (isTaken) return 'Another parameter has this name. Enter a different one.';
            current = current.with(i, changed);
            onChange(current);
            return '';
          },
          () => {
            current = current.filter((_row, at) => at !== i);
            onChange(current);
            render();
          },
        ),
      ),
    );
  render();
  const add = button('Add a parameter', () => {
    current = [...current, { name: '', type: 'string', description: '', required: true, more: {} }];
    render();
    list.lastElementChild?.querySelector('input')?.focus();
  });
  return [list, add];
}

/**
 * @param {Row} row
 * @param {(row: Row) => string} onChange returns why the row is not used
 * @param {() => void} onRemove
 */
function rowNode(row, onChange, onRemove) {
  const name = input(row.name);
  const type = make('select', '', ...types.map((each) => new Option(each)));
  type.value = row.type;
  const description = input(row.description);
  const required = make('input', '');
  required.type = 'checkbox';
  required.checked = row.required;
  const nameField = withLabel('Parameter', name);
  const read = () => {
    const changed = { ...row, name: name.value.trim(), type: type.value, description: description.value.trim() };
    showProblem(name, nameField.problem, onChange({ ...changed, required: required.checked }));
  };
  for (const each of [name, type, description, required]) each.addEventListener('change', read);
  return make(
    'div',
    'row',
    nameField.element,
    withLabel('Type', type).element,
    withLabel('Description of the parameter', description).element,
    make('div', 'row-end', make('label', 'tick', required, 'required'), button('Remove the parameter', onRemove)),
  );
}

/**
 * @param {unknown} schema
 * @param {(schema: unknown) => void} onChange
 * @param {string} why it is shown as text
 */
function schemaText(schema, onChange, why) {
  const area = make('textarea', 'code');
  area.rows = 8;
  area.spellcheck = false;
  area.value = JSON.stringify(schema ?? { type: 'object', properties: {} }, null, 2);
  const { element, problem } = withLabel('Parameters (JSON Schema)', area, { hint: why || undefined });
  area.addEventListener('input', () => showProblem(area, problem, parseJson(area.value).problem ?? ''));
  area.addEventListener('change', () => {
    const parsed = parseJson(area.value);
    if (parsed.problem === undefined) onChange(parsed.value);
  });
  return element;
}
