/** Reads a stream as chunks of 20 ms in the wire format. */

import { sampleRateHz } from './pcm.js';

/**
 * @param {MediaStream} stream
 * @param {(samples: Int16Array) => void} onChunk
 * @returns {Promise<AudioContext>} delivers chunks once it is resumed, until it is closed
 */
export async function captureStream(stream, onChunk) {
  const { context, source } = connectSource(stream);
  try {
    await context.audioWorklet.addModule(new URL('./microphone-worklet.js', import.meta.url));
  } catch (error) {
    void context.close();
    throw error;
  }
  const node = new AudioWorkletNode(context, 'parley-microphone', { channelCount: 1, channelCountMode: 'explicit' });
  node.port.onmessage = ({ data }) => onChunk(data);
  // The output is silent; the connection keeps the node running.
  source.connect(node).connect(context.destination);
  return context;
}

/**
 * Lets the browser resample if possible. Firefox cannot connect a stream to a context with another rate
 * (NotSupportedError), so the worklet resamples there.
 * @param {MediaStream} stream
 */
function connectSource(stream) {
  const context = new AudioContext({ sampleRate: sampleRateHz, latencyHint: 'interactive' });
  try {
    return { context, source: context.createMediaStreamSource(stream) };
  } catch {
    void context.close();
    const own = new AudioContext({ latencyHint: 'interactive' });
    return { context: own, source: own.createMediaStreamSource(stream) };
  }
}
