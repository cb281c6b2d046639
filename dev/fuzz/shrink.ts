/** Reduces a finding to the smallest input that reproduces it. */

import type { Case, SessionCase, Step } from './cases.ts';

/** Whether a case still reproduces the finding. */
export type Shows = (fuzzed: Case) => Promise<boolean>;

const maxAttempts = 150;
/** Each attempt may wait for a server that does not answer. */
const maxMs = 60_000;

/** The smallest case for which `shows` holds; the case itself if nothing can be removed or it is not reproducible. */
export async function shrink(fuzzed: Case, shows: Shows): Promise<{ fuzzed: Case; repeatable: boolean }> {
  if (!(await shows(fuzzed))) return { fuzzed, repeatable: false };
  if (fuzzed.kind === 'request') return { fuzzed, repeatable: true };
  let attempts = 0;
  const until = performance.now() + maxMs;
  const attempt = async (steps: Step[]) => {
    if (attempts++ >= maxAttempts || performance.now() > until) return false;
    return shows({ ...fuzzed, steps });
  };
  const fewer = await fewerSteps(fuzzed.steps, attempt);
  const simpler = await simplerTexts(fewer, attempt);
  return { fuzzed: { ...fuzzed, steps: simpler } satisfies SessionCase, repeatable: true };
}

type Attempt = (steps: Step[]) => Promise<boolean>;

/** Removes halves, quarters and so on, down to single steps. */
async function fewerSteps(steps: readonly Step[], attempt: Attempt): Promise<Step[]> {
  let rest = [...steps];
  for (let size = Math.ceil(rest.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < rest.length; ) {
      const without = [...rest.slice(0, at), ...rest.slice(at + size)];
      if (await attempt(without)) rest = without;
      else at += size;
    }
  }
  return rest;
}

/** Removes members of the events, outermost first. */
async function simplerTexts(steps: readonly Step[], attempt: Attempt): Promise<Step[]> {
  let rest = [...steps];
  for (const [index, step] of steps.entries()) {
    if (step.kind !== 'event') continue;
    let text = step.text;
    for (const candidate of withoutMembers(text)) {
      const { kind } = step;
      const next = rest.with(index, { kind, text: candidate });
      if (!(await attempt(next))) continue;
      rest = next;
      text = candidate;
    }
  }
  return rest;
}

/** The text without each of the members of its two outer levels. */
function withoutMembers(text: string): string[] {
  try {
    const event: unknown = JSON.parse(text);
    if (typeof event !== 'object' || event === null) return [];
    return [event, ...Object.values(event)].flatMap((holder: unknown) =>
      typeof holder === 'object' && holder !== null
        ? Object.keys(holder).map((key) => {
            const value: unknown = Reflect.get(holder, key);
            Reflect.deleteProperty(holder, key);
            const without = JSON.stringify(event);
            Reflect.set(holder, key, value);
            return without;
          })
        : [],
    );
  } catch {
    return [];
  }
}
