/** Noise reduction with the embedded engines, through the front door. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rmsDbfs } from '../../src/audio/pcm.ts';
import type { ServerEvent } from '../../src/protocol/index.ts';
import { assertUnderstood, noise } from '../engines/speech.ts';
import { borrowed, embeddedEngines, spokenQuestion } from '../support/embedded.ts';
import { newServer } from '../support/server.ts';
import { WireClient } from '../support/wire-client.ts';

const sentence = 'Could you tell me when the next train leaves for the city?';

test('noise around speech is removed; the turn keeps its position and its words', async (t) => {
  const set = await embeddedEngines();
  t.after(() => set.close());
  const clean = await spokenQuestion(set, sentence);
  const hiss = noise((clean.length / 24_000) * 1000, 400, 24_000);
  const noisy = clean.map((sample, i) => sample + (hiss[i] ?? 0));
  const { wsUrl } = await newServer(t, { engines: borrowed(set) });

  /** The turn of a session that hears this audio. */
  async function turnOf(samples: Int16Array, noise_reduction: object | null) {
    const client = await WireClient.open(`${wsUrl}?model=m`);
    const input = {
      noise_reduction,
      transcription: {},
      turn_detection: { type: 'server_vad', create_response: false },
    };
    client.send({ type: 'session.update', session: { type: 'realtime', audio: { input } } });
    for (let at = 0; at < samples.length; at += 480) {
      const audio = Buffer.from(samples.slice(at, at + 480).buffer).toString('base64');
      client.send({ type: 'input_audio_buffer.append', audio });
    }
    const started = await client.until('input_audio_buffer.speech_started');
    const stopped = await client.until('input_audio_buffer.speech_stopped');
    const { transcript } = await client.until('conversation.item.input_audio_transcription.completed');
    client.send({ type: 'conversation.item.retrieve', item_id: started.item_id });
    const { item } = await client.until('conversation.item.retrieved');
    client.socket.close();
    const startMs = started.audio_start_ms;
    return { startMs, endMs: stopped.audio_end_ms, transcript, audio: audioIn(item) };
  }

  const plain = await turnOf(clean, null);
  const unreduced = await turnOf(noisy, null);
  const reduced = await turnOf(noisy, { type: 'far_field' });
  assert.ok(Math.abs(reduced.startMs - plain.startMs) <= 64, `starts at ${reduced.startMs}, not ${plain.startMs} ms`);
  assert.ok(Math.abs(reduced.endMs - plain.endMs) <= 96, `ends at ${reduced.endMs}, not ${plain.endMs} ms`);
  assertUnderstood(sentence, reduced.transcript, 0.2);
  // The silence at the end of the turn.
  const level = ({ audio }: { audio: Int16Array }) => rmsDbfs(audio.subarray(-9600));
  assert.ok(level(reduced) < level(unreduced) - 15, `${level(unreduced)} dBFS became ${level(reduced)}`);
});

function audioIn(item: Extract<ServerEvent, { type: 'conversation.item.retrieved' }>['item']): Int16Array {
  const [part] = item.type === 'message' ? item.content : [];
  assert.ok(part?.type === 'input_audio' && part.audio);
  return new Int16Array(new Uint8Array(Buffer.from(part.audio, 'base64')).buffer);
}
