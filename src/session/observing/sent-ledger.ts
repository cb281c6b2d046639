import type { LedgerEvent } from '../../protocol/wire/ledger.ts';
import type { SessionObserver } from '../ports/observer.ts';
import { TurnLedger } from './turn-ledger.ts';

/** Sends the ledger entry of each response. */
export function sentLedger(send: (event: LedgerEvent) => void): SessionObserver {
  return new TurnLedger((_response, _times, entry) => {
    if (!entry) return;
    const { responseId, itemId = null, atMs, partsMs = null } = entry;
    // Not from the session's source of ids: an extension must not change the ids of other events.
    const event_id = `ledger_${responseId}`;
    send({
      type: 'parley.ledger',
      event_id,
      response_id: responseId,
      item_id: itemId,
      at_ms: atMs,
      parts_ms: partsMs,
    });
  });
}
