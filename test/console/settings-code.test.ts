/** The parts of the copied programs. */

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { planOf } from '../../console/settings/code/plan.js';

const place = { page: 'http://127.0.0.1:8080/', requiresKey: false };
const plan = (functions: string, names: string[]) => {
  const tools = names.map((name) => ({ type: 'function', name }));
  return planOf({ session: { tools }, functions, transport: 'websocket', dialect: 'ga', model: 'm' }, place);
};

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
