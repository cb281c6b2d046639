import { setFlagsFromString } from 'node:v8';

/**
 * Lets memory grow to three times what is in use before the next full garbage collection, which takes 0.1 to 0.2 s of a
 * core. Without these flags V8 13 counts the audio of all sessions as growth of the heap, but not in the limit of that
 * growth: on one core with 60 talking sessions it collected every two to six seconds instead of two or three times a minute.
 *
 * The flags apply to the whole process, with its worker threads, so programs that embed Parley decide about them
 * themselves. Other versions of V8 print an error for flags that they do not have. The start script of package.json also
 * limits the young generation, which is possible only when Node.js starts.
 */
export function collectLessOften(): void {
  if (!process.versions.v8.startsWith('13.')) return;
  setFlagsFromString('--external-memory-accounted-in-global-limit');
  setFlagsFromString('--heap-growing-percent=200');
}
