/** The pieces in which engines without a model stream their answers; each counts as a token. */

import type { ModelEvent } from '../session/ports/language-model.ts';

/** Pieces between two turns of the event loop, so that other sessions are not delayed. */
export const deltasPerTurn = 32;

/** A word with the space before it; very long words are split. */
export function* textDeltas(text: string): Generator<ModelEvent> {
  for (const [delta] of text.matchAll(/\s*\S{1,24}|\s+/gu)) yield { type: 'text', text: delta };
}

export function* callDeltas(call: { name: string; arguments: string }): Generator<ModelEvent> {
  yield { type: 'call', name: call.name };
  for (const [delta] of call.arguments.matchAll(/.{1,12}/gsu)) yield { type: 'call_arguments', delta };
  yield { type: 'call_end' };
}

/** Whether an event is one of the pieces. */
export function isDelta({ type }: ModelEvent): boolean {
  return type === 'text' || type === 'call_arguments';
}
