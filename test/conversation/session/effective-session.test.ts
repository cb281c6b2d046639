/** The session that results from an update of the defaults, for programs that show it before it is opened. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  applyUpdate,
  defaultRealtimeConfig,
  gaDialect,
  type SessionUpdate,
  sessionKinds,
} from '../../../src/protocol/index.ts';
import { newConversation } from '../../support/conversation.ts';
import { verifies } from '../../support/verifies.ts';

const updates: Record<string, SessionUpdate> = {
  realtime: parsed({ type: 'realtime', instructions: 'Be kind.', audio: { output: { voice: 'marin' } } }),
  'realtime with semantic_vad': parsed({
    type: 'realtime',
    audio: { input: { turn_detection: { type: 'semantic_vad' } } },
  }),
  transcription: parsed({
    type: 'transcription',
    audio: { input: { format: { type: 'audio/pcmu' }, transcription: { language: 'en' } } },
  }),
  'transcription without turn detection': parsed({
    type: 'transcription',
    include: ['item.input_audio_transcription.logprobs'],
    audio: { input: { turn_detection: null } },
  }),
};

for (const [what, update] of Object.entries(updates)) {
  test(`the effective session equals the one that is opened: ${what}`, () => {
    verifies('R2.7', 'R2.16');
    const { type } = update;
    const { client } = newConversation({}, { type, grant: { initial: update } });
    const { session } = client.last('session.created');
    const base = { id: session.id, model: 'gpt-realtime', expiresAt: session.expires_at };
    const effective = sessionKinds[type].view(applyUpdate(defaultRealtimeConfig(base), update));
    assert.deepEqual(JSON.parse(JSON.stringify(effective)), session);
    assert.equal(session.type, type);
  });
}

function parsed(session: object): SessionUpdate {
  const event = gaDialect.parse(JSON.stringify({ type: 'session.update', session }));
  assert.ok(event.type === 'session.update');
  return event.session;
}
