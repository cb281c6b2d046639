/** `npm run compare`: replays a recording against a server and prints the differences. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { newServer } from '../support/server.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const script = join(root, 'scripts/compare-recording.ts');

async function compared(t: TestContext, lines: readonly object[]): Promise<{ code: number; out: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-compare-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'recording.jsonl');
  writeFileSync(file, lines.map((line) => JSON.stringify(line)).join('\n'));
  const { wsUrl } = await newServer(t);
  const args = [script, file, '--url', `${wsUrl}?model=gpt-realtime`];
  return new Promise((resolve) => {
    execFile(process.execPath, args, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), out: stdout + stderr }),
    );
  });
}

const error = {
  type: 'invalid_request_error',
  code: 'response_cancel_not_active',
  message: 'Cancellation failed: no active response found',
  param: null,
  event_id: 'event_c1',
};
const cancelled = [
  { client: { type: 'response.cancel', event_id: 'event_c1' } },
  { server: { type: 'error', event_id: 'event_1', error } },
];

test('events that only the server sent are marked', async (t) => {
  assert.deepEqual(await compared(t, cancelled), {
    code: 1,
    out: '+ session.created\n1 differences (- recorded only, + played only, ~ differs).\n',
  });
});

test('differences in events and fields, and additional ones of the server', async (t) => {
  const clear = { client: { type: 'input_audio_buffer.clear' } };
  const cleared = { server: { type: 'input_audio_buffer.cleared', event_id: 'event_2', at_ms: 7 } };
  const { code, out } = await compared(t, [...cancelled, clear, cleared]);
  assert.equal(code, 1);
  assert.match(out, /^~ input_audio_buffer\.cleared at_ms: recorded 7, played nothing$/m);
});

test('an invalid recording is refused with its line', async (t) => {
  const { code, out } = await compared(t, [...cancelled, { sever: {} }]);
  assert.equal(code, 1);
  assert.match(out, /recording\.jsonl:3: /);
});
