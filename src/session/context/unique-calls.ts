import type { EngineCalls } from '../conversation/engine-calls.ts';
import type { ContextItem } from '../ports/language-model.ts';

type Call = Extract<ContextItem, { type: 'call' }>;

/**
 * Makes call ids unique in a context, and those of their outputs accordingly: clients may create several calls with one
 * id, and an input may refer to one call several times. An output belongs to the first preceding call with its id that
 * has no output yet, otherwise to the last preceding call, otherwise to the first that follows.
 */
export function withUniqueCalls(items: readonly ContextItem[], engineCalls: Pick<EngineCalls, 'find'>): ContextItem[] {
  const groups = new Map<string, CallGroup>();
  for (const item of items) if (item.type === 'call') groupOf(item.callId).add();
  const taken = new Set(groups.keys());
  for (const group of groups.values()) group.nameCalls(taken);
  return items.map((item) => {
    if (item.type === 'call') return withEngineCall({ ...item, callId: groupOf(item.callId).nextCall() }, item.callId);
    if (item.type !== 'call_output') return item;
    return { ...item, callId: groups.get(item.callId)?.ofNextOutput() ?? item.callId };
  });

  function groupOf(callId: string): CallGroup {
    const group = groups.get(callId) ?? new CallGroup(callId);
    groups.set(callId, group);
    return group;
  }

  function withEngineCall(call: Call, callId: string): Call {
    const engineCall = engineCalls.find(callId);
    return engineCall ? { ...call, engineCall } : call;
  }
}

/** The calls of a context that share an id. */
class CallGroup {
  readonly #id: string;
  readonly #names: string[] = [];
  #calls = 0;
  #passed = 0;
  #answered = 0;

  constructor(id: string) {
    this.#id = id;
  }

  add(): void {
    this.#calls += 1;
  }

  nameCalls(taken: Set<string>): void {
    let number = 1;
    for (let call = 0; call < this.#calls; call += 1) {
      let name = this.#id;
      for (; call > 0 && taken.has(name); name = `${this.#id}_${number}`) number += 1;
      taken.add(name);
      this.#names.push(name);
    }
  }

  nextCall(): string {
    this.#passed += 1;
    return this.#names[this.#passed - 1] ?? this.#id;
  }

  ofNextOutput(): string {
    if (this.#answered < this.#passed) this.#answered += 1;
    return this.#names[Math.max(0, this.#answered - 1)] ?? this.#id;
  }
}
