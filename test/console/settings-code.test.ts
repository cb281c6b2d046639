/** The parts of the copied programs. */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { nodeCode } from '../../console/settings/code/node.js';
import { planOf } from '../../console/settings/code/plan.js';

const place = { page: 'http://127.0.0.1:8080/', requiresKey: false };
const plan = (functions: string, names: string[]) => {
  const tools = names.map((name) => ({ type: 'function', name }));
  return planOf({ session: { tools }, functions, transport: 'websocket', dialect: 'ga', model: 'm' }, place);
};

suite('copied programs', () => {
  const shared = {
    session: {},
    functions: 'function a() {}',
    dialect: 'ga',
    transport: 'websocket',
    model: 'm',
  } as const;

  test('each secret has a variable of its own', () => {
    const tools = ['a-b', 'a_b'].map((server_label) => ({ type: 'mcp', server_label, authorization: 'x' }));
    const { variables } = planOf({ ...shared, session: { tools } }, place);
    assert.deepEqual(variables, ['A_B_AUTHORIZATION', 'A_B_AUTHORIZATION_2']);
  });

  test('the default port of http is in the code, because the SDK would take that of https', () => {
    assert.match(nodeCode(shared, { ...place, page: 'http://parley.example/' }), /net\.connect\({ host, port: 80 }\)/);
  });

  test("code of a link has a warning, the user's own has none", () => {
    const warning = /^\/\/ They came with a link .* full access/m;
    assert.match(nodeCode(shared, { ...place, isBorrowed: true }), warning);
    assert.doesNotMatch(nodeCode(shared, place), warning);
  });
});

suite('functions that the code declares', () => {
  test('in each form, and no others', () => {
    const code = `// The function
      function a() {} async function* b() {} function*c() {}
      const d = () => 1; let e = d, other; var f; class g {} functionh() {}`;
    assert.deepEqual(plan(code, [...'abcdefgh', 'other', 'missing']).functions, [...'abcdefg']);
  });

  test('long white space takes no longer than other text', () => {
    const code = `function${' '.repeat(250_000)};const${'\n'.repeat(250_000)}function a() {}`;
    assert.deepEqual(plan(code, ['a', 'b']).functions, ['a']);
  });
});
