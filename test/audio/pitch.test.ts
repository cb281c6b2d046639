import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PitchEstimator } from '../../src/audio/pitch.ts';
import { noise } from '../engines/speech.ts';

const rateHz = 16_000;
const frameSamples = 512;

/** The estimates of all frames but the first, which lacks a period before it. */
function estimates(samples: Int16Array): number[] {
  const estimator = new PitchEstimator(rateHz, frameSamples);
  const pitches: number[] = [];
  for (let at = 0; at + frameSamples <= samples.length; at += frameSamples) {
    estimator.push(samples.subarray(at, at + frameSamples));
    pitches.push(estimator.estimate());
  }
  return pitches.slice(1);
}

/** A second of a voice-like sound: harmonics that become weaker by 6 dB per octave, or have the levels of a vowel. */
function harmonics(hz: number, levels: (harmonic: number) => number): Int16Array {
  return Int16Array.from({ length: rateHz }, (_, i) => {
    let sample = 0;
    for (let k = 1; k * hz < 3500; k++) sample += levels(k) * Math.sin((2 * Math.PI * k * hz * i) / rateHz + k * k);
    return sample * 3000;
  });
}

for (const hz of [62, 75, 110, 165, 220, 330, 355]) {
  test(`the pitch of a sound with harmonics of ${hz} Hz is within 1 %`, () => {
    for (const levels of [(k: number) => 1 / k, (k: number) => (Math.abs(k * hz - 600) < 250 ? 1 : 0.2)]) {
      for (const pitch of estimates(harmonics(hz, levels))) {
        assert.ok(Math.abs(pitch / hz - 1) < 0.01, `${pitch} Hz`);
      }
    }
  });
}

test('a missing fundamental is found', () => {
  for (const pitch of estimates(harmonics(120, (k) => (k === 1 ? 0 : 1 / k)))) {
    assert.ok(Math.abs(pitch / 120 - 1) < 0.01, `${pitch} Hz`);
  }
});

test('noise and silence are unvoiced', () => {
  assert.deepEqual(new Set(estimates(noise(2000, 8000))), new Set([0]));
  assert.deepEqual(new Set(estimates(new Int16Array(rateHz))), new Set([0]));
});
