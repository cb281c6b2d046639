import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { InputBuffer } from '../../src/session/input/input-buffer.ts';

const rateHz = 8000;
const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('append' as const), samples: fc.nat(9000) }),
    fc.record({ do: fc.constant('drop' as const), part: fc.double({ min: 0, max: 1, noNaN: true }) }),
    fc.record({ do: fc.constant('restart' as const) }),
  ),
  { maxLength: 20 },
);

test('a buffer has exactly its own audio, also in blocks that another one has used', () => {
  let sound = 0;
  const run = fc.property(steps, (plan) => {
    const buffer = new InputBuffer(rateHz);
    let expected: number[] = [];
    for (const step of plan) {
      if (step.do === 'append') {
        // Each append has other samples.
        sound = (sound % 32_000) + 1;
        const samples = new Int16Array(step.samples).fill(sound);
        buffer.append(samples);
        expected.push(...samples);
      } else if (step.do === 'drop') {
        const count = Math.floor(step.part * expected.length);
        buffer.dropUntil(buffer.startMs + (count / rateHz) * 1000);
        expected = expected.slice(count);
      } else {
        buffer.restart(rateHz);
        expected = [];
      }
      assert.deepEqual([...buffer.slice(buffer.startMs, buffer.endMs).samples], expected);
    }
  });
  fc.assert(run, { numRuns: 100 });
});
