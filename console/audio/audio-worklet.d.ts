/** Types of the worklet's global scope (Web Audio API, "AudioWorkletGlobalScope"). */

declare const sampleRate: number;
/** Seconds. */
declare const currentTime: number;

declare abstract class AudioWorkletProcessor {
  readonly port: MessagePort;
  abstract process(inputs: Float32Array[][], outputs: Float32Array[][]): boolean;
}

declare function registerProcessor(name: string, processor: new () => AudioWorkletProcessor): void;
