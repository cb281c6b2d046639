/** Fades the first `length` samples in from silence, in place. */
export function fadeIn(samples: Int16Array, length: number): void {
  scale(samples, length, (part) => part);
}

/** Fades the first `length` samples out to silence, in place. */
export function fadeOut(samples: Int16Array, length: number): void {
  scale(samples, length, (part) => 1 - part);
}

function scale(samples: Int16Array, length: number, gain: (part: number) => number): void {
  for (let i = 0; i < Math.min(length, samples.length); i++) {
    samples[i] = Math.round((samples[i] ?? 0) * gain(i / length));
  }
}
