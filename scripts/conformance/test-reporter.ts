/** A reporter for `node --test` that writes one line of JSON per test of a file: its position and its result. */

import type { TestEvent } from 'node:test/reporters';

export interface TestResult {
  file: string;
  line: number;
  name: string;
  outcome: 'passed' | 'failed' | 'skipped';
  /** The failure in one line. */
  reason?: string;
}

export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of events) {
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue;
    const { data } = event;
    if (data.nesting > 0) continue;
    const failed = event.type === 'test:fail';
    const skipped = data.skip !== undefined && data.skip !== false;
    const result: TestResult = {
      file: data.file ?? '',
      line: data.line ?? 0,
      name: data.name,
      outcome: failed ? 'failed' : skipped ? 'skipped' : 'passed',
      ...(failed && { reason: firstLine(event.data.details.error) }),
    };
    yield `${JSON.stringify(result)}\n`;
  }
}

function firstLine(error: Error): string {
  const { message } = error.cause instanceof Error ? error.cause : error;
  return message.split('\n', 1).join();
}
