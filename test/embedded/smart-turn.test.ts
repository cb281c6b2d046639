/** A turn model from a file: `--turn smart-turn:FILE` (docs/turn-taking.md). */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SmartTurn } from '../../src/engines/embedded/smart-turn/smart-turn.ts';
import { startServer } from '../../src/server/server.ts';
import { tone } from '../support/fake-engines.ts';
import { fakeEngineSet, silentLog } from '../support/server.ts';

const folder = mkdtempSync(join(tmpdir(), 'parley-smart-turn-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

/** The parts of a message of Protocol Buffers: fields with a number, and bytes or a small integer. */
type Field = [number, Uint8Array | string | number];

function message(...fields: Field[]): Uint8Array {
  return Buffer.concat(
    fields.map(([number, value]) => {
      if (typeof value === 'number') return Buffer.from([...varint(number << 3), ...varint(value)]);
      const bytes = Buffer.from(value);
      return Buffer.concat([Buffer.from([...varint((number << 3) | 2), ...varint(bytes.length)]), bytes]);
    }),
  );
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >> 7)];
}

/** A tensor of float32 without dimensions, in ONNX's `ValueInfoProto`. */
const value = (name: string) => message([1, name], [2, message([1, message([1, 1])])]);
const node = (type: string, input: string, output: string, ...attributes: Field[]) =>
  message([1, input], [2, output], [4, type], ...attributes);

/** An ONNX model: the sigmoid of the mean of its input. */
function meanModel(input: string): string {
  const axes = message([1, 'axes'], [8, 1], [8, 2], [20, 7]);
  const flat = message([1, 'axis'], [3, 1], [20, 2]);
  const graph = message(
    [1, node('ReduceMean', input, 'mean', [5, axes])],
    [1, node('Flatten', 'mean', 'flat', [5, flat])],
    [1, node('Sigmoid', 'flat', 'probability')],
    [2, 'g'],
    [11, value(input)],
    [12, value('probability')],
  );
  const path = join(folder, `${input}.onnx`);
  writeFileSync(path, message([1, 8], [7, graph], [8, message([2, 13])]));
  return path;
}

const work = () => ({
  claim: { key: '', session: '', priority: 'live' as const },
  signal: new AbortController().signal,
});

test('a clip of any length and rate gets a probability, computed from its last 8 s', async (t) => {
  const model = new SmartTurn({ modelPath: meanModel('input_features') });
  t.after(() => model.close());
  await model.ready;
  const silentStart = await model.endOfTurn({ samples: tone(1000, 24_000), sampleRateHz: 24_000 }, work());
  const loud = await model.endOfTurn({ samples: tone(8000, 24_000), sampleRateHz: 24_000 }, work());
  const longer = await model.endOfTurn({ samples: tone(12_000, 24_000), sampleRateHz: 24_000 }, work());
  for (const probability of [silentStart, loud, longer]) assert.ok(probability > 0 && probability < 1);
  assert.ok(Math.abs(loud - silentStart) > 1e-6, 'the silence before a short clip counts');
  assert.ok(Math.abs(loud - longer) < 0.01, `${loud} ${longer}`);
});

for (const [what, make, expected] of [
  ['is missing', () => join(folder, 'none.onnx'), /none\.onnx is missing/],
  ['is no ONNX model', () => new URL(import.meta.url).pathname, /is not a Smart Turn v3 model/],
  ['is another model', () => meanModel('audio'), /is not a Smart Turn v3 model: it has no input input_features/],
] as const) {
  test(`the server does not start with a file that ${what}, and the error says so`, async () => {
    const config = { port: 0, turn: `smart-turn:${make()}` };
    await assert.rejects(startServer({ config, engines: fakeEngineSet(), log: silentLog }), (error: Error) => {
      assert.match(error.message, /^turn: Smart Turn: /);
      assert.match(error.message, expected);
      return true;
    });
  });
}
