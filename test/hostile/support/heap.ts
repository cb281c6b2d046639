import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Frees all that can be freed. */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
}

/** What is in use once everything that can be is freed. */
export function heapBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}
