/** The ids of tool calls in a request. */

import { createHash } from 'node:crypto';
import type { ContextItem } from '../../../session/ports/language-model.ts';

type Call = Extract<ContextItem, { type: 'call' }>;

/** The call ids that a server accepts: any, or nine letters and digits (Mistral). */
export type CallIds = 'any' | 'short';

export interface CallIdOptions {
  /** The engine's name, as stored with its calls. */
  engine: string;
  callIds: CallIds;
}

/**
 * Maps the ids of the request's items to ids for the server: its own id if it made the call and the id is unique in the
 * request.
 */
export function callIdsFor(calls: readonly Call[], { engine, callIds }: CallIdOptions): ReadonlyMap<string, string> {
  const own = (call: Call) => (call.engineCall?.engine === engine ? call.engineCall.id : undefined);
  const taken = new Map<string, number>();
  for (const id of calls.flatMap((call) => own(call) ?? [])) taken.set(id, (taken.get(id) ?? 0) + 1);
  const ids = new Map<string, string>();
  for (const call of calls) {
    const id = own(call);
    if (id !== undefined && taken.get(id) === 1 && fits(id, callIds)) ids.set(call.callId, id);
  }
  const used = new Set(ids.values());
  for (const { callId } of calls) {
    if (ids.has(callId)) continue;
    let id = callIds === 'any' ? callId : shortId(callId, 0);
    for (let attempt = 1; used.has(id); attempt += 1) id = shortId(callId, attempt);
    used.add(id);
    ids.set(callId, id);
  }
  return ids;
}

const shortIdPattern = /^[a-zA-Z0-9]{9}$/;

function fits(id: string, callIds: CallIds): boolean {
  return callIds === 'any' || shortIdPattern.test(id);
}

/** Nine letters and digits that are a function of the id. */
function shortId(callId: string, attempt: number): string {
  const hash = createHash('sha256').update(`${attempt} ${callId}`).digest('base64');
  return hash.replaceAll(/[^a-zA-Z0-9]/g, '').slice(0, 9);
}
