/** The bare limit: a WebSocket server that does the least with each event that any Realtime server must do. */

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { tone } from '../../dev/harness/instant-engines.ts';
import { samplesToBytes } from '../../src/audio/pcm.ts';
import { wireRateHz } from '../recording.ts';
import type { BareDetector, BareStream } from './bare-detector.ts';

/** As long as the answer of the instant engines. */
const answer = samplesToBytes(tone(500, wireRateHz));

const textTurn = [
  '{"type":"response.created"}',
  '{"type":"response.output_text.delta","delta":"All right."}',
  '{"type":"response.done"}',
];

/**
 * Parses each event and decodes its audio. With `detects`, it also runs voice activity detection, and answers each turn
 * with a fixed sound.
 */
export async function startBareServer({ detects }: { detects: boolean }): Promise<{ wsUrl: string }> {
  const detector = detects ? await startDetector() : undefined;
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  await once(server, 'listening');
  server.on('connection', (socket) => {
    const stream = detector?.open({
      began: () => socket.send('{"type":"input_audio_buffer.speech_started"}'),
      ended: (audioEndMs) => answerTurn(socket, audioEndMs),
    });
    socket.on('message', (data) => take(JSON.parse(data.toString()), socket, stream));
    socket.on('close', () => stream?.close());
    socket.send('{"type":"session.created"}');
  });
  // A listening TCP server has an address with a port.
  const { port } = server.address() as AddressInfo;
  return { wsUrl: `ws://127.0.0.1:${port}/v1/realtime` };
}

/** Deferred, so that without it the bare limit has no memory for the model. */
async function startDetector(): Promise<BareDetector> {
  const { BareDetector } = await import('./bare-detector.ts');
  return BareDetector.start();
}

function take(event: unknown, socket: WebSocket, stream: BareStream | undefined): void {
  if (typeof event !== 'object' || event === null) return;
  if ('audio' in event && typeof event.audio === 'string') {
    if (stream) stream.push(event.audio);
    else Buffer.from(event.audio, 'base64');
    return;
  }
  const type = 'type' in event ? event.type : undefined;
  if (type === 'session.update') socket.send('{"type":"session.updated"}');
  else if (type === 'response.create') for (const sent of textTurn) socket.send(sent);
}

function answerTurn(socket: WebSocket, audioEndMs: number): void {
  socket.send(`{"type":"input_audio_buffer.speech_stopped","item_id":"","audio_end_ms":${audioEndMs}}`);
  const delta = Buffer.from(answer.buffer, answer.byteOffset, answer.byteLength).toString('base64');
  socket.send(JSON.stringify({ type: 'response.output_audio.delta', delta }));
  socket.send('{"type":"response.done"}');
}
