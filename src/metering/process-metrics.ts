import { collectDefaultMetrics, Registry } from 'prom-client';

let registry: Registry | undefined;

/**
 * How the process is: processor time, memory, delay of the event loop, garbage collection. What measures it runs from the
 * first time that somebody asks, and once, however many servers the process has.
 */
export function processMetrics(): Promise<string> {
  if (registry === undefined) {
    registry = new Registry();
    collectDefaultMetrics({ register: registry });
  }
  return registry.metrics();
}
