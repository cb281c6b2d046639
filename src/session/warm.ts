import type { Engines } from './ports/engines.ts';

/** Has engines that are far away make their connections ready: many servers drop those that idle for a few seconds. */
export function warmEngines({ transcriber, languageModel, voice }: Engines): void {
  for (const engine of [transcriber, languageModel, voice]) engine.warm?.();
}
