/** A microphone that a test speaks into when it wants, in place of the browser's. */

import type { Page } from 'playwright-core';

/** Speaks samples at 24 kHz; resolves when they have been said. */
export type Speak = (samples: Int16Array) => Promise<void>;

/** Reloads the page with such a microphone; it is silent until something is said. */
export async function giveMicrophone(page: Page): Promise<Speak> {
  await page.addInitScript(() => {
    // A frame without an origin has no devices.
    if (window !== top) return;
    const context = new AudioContext({ sampleRate: 24_000 });
    const output = context.createMediaStreamDestination();
    const speak = (samples: number[]) =>
      new Promise<void>((resolve) => {
        const buffer = context.createBuffer(1, samples.length, 24_000);
        buffer.copyToChannel(
          Float32Array.from(samples, (sample) => sample / 32_768),
          0,
        );
        const source = new AudioBufferSourceNode(context, { buffer });
        source.addEventListener('ended', () => resolve());
        source.connect(output);
        source.start();
      });
    Object.assign(window, { speak });
    navigator.mediaDevices.getUserMedia = async () => output.stream.clone();
  });
  await page.reload();
  return async (samples) => {
    await page.evaluate((values) => Reflect.get(window, 'speak')(values), [...samples]);
  };
}
