/** An invalid frame fails the test that received it. The failing tests run in a separate process. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

const support = new URL('../support/frame-check.ts', import.meta.url);

function run(body: string): { status: number | null; stdout: string } {
  const source = `
    import { test } from 'node:test';
    import { frameCheck } from ${JSON.stringify(support.href)};
    const check = frameCheck('ga');
    ${body}`;
  const { NODE_TEST_CONTEXT: _ofThisRun, ...env } = process.env;
  const args = ['--test-reporter=tap', '--input-type=module', '--eval', source];
  const { status, stdout } = spawnSync(process.execPath, args, { env, encoding: 'utf8' });
  return { status, stdout };
}

test('an invalid frame fails its test, with the event and the path, and no other test', () => {
  const { status, stdout } = run(`
    test('good', () => check('{"type":"input_audio_buffer.cleared","event_id":"event_1"}'));
    test('bad', async () => {
      try { check('{"type":"error","event_id":"event_2","error":{}}'); } catch {}
      await new Promise(setImmediate);
    });
    test('after it', () => {});
  `);
  assert.notEqual(status, 0);
  assert.match(stdout, /^ok 1 - good$/m);
  assert.match(stdout, /^not ok 2 - bad$/m);
  assert.match(stdout, /error \(ga\): error\.message: expected string, got nothing/);
  assert.match(stdout, /^ok 3 - after it$/m);
});

test('an invalid frame after the end of its test fails the run', () => {
  const { status, stdout } = run(`
    test('over', () => { setImmediate(() => check('{"type":"nope","event_id":"event_1"}')); });
    test('another', () => new Promise(setImmediate));
  `);
  assert.notEqual(status, 0);
  assert.match(stdout, /nope \(ga\): no such event/);
});
