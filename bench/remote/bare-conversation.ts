/** The least of a response through engines over HTTP: the first sentence goes to the voice, and its sound to the client. */

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { wavHeader } from '../../src/audio/wav.ts';
import { rateHz } from './remote-server.ts';

export interface BareConversation {
  wsUrl: string;
  close(): void;
}

/** Understands `response.create` and `response.cancel`, nothing else. */
export async function startBareConversation(engines: string): Promise<BareConversation> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  server.on('connection', (socket) => {
    const send = (event: object) => socket.send(JSON.stringify(event));
    let abort = new AbortController();
    send({ type: 'session.created' });
    socket.on('message', (data) => {
      const { type } = JSON.parse(String(data)) as { type: string };
      abort.abort();
      if (type === 'response.cancel') return send({ type: 'response.done' });
      abort = new AbortController();
      const { signal } = abort;
      respond(engines, socket, signal).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    });
  });
  const { port } = server.address() as AddressInfo;
  return { wsUrl: `ws://127.0.0.1:${port}`, close: () => server.close() };
}

async function respond(engines: string, socket: WebSocket, signal: AbortSignal): Promise<void> {
  const input = await firstSentence(engines, signal);
  const header = wavHeader(rateHz).length;
  let read = 0;
  const response = await post(`${engines}/audio/speech`, { model: 'v', input }, signal);
  for await (const bytes of response.body ?? []) {
    const sound = bytes.subarray(Math.max(0, header - read));
    read += bytes.length;
    const delta = Buffer.from(sound).toString('base64');
    if (delta !== '') socket.send(JSON.stringify({ type: 'response.output_audio.delta', delta }));
  }
}

/** The rest of the answer is read beside the speech. */
async function firstSentence(engines: string, signal: AbortSignal): Promise<string> {
  const messages = [{ role: 'user', content: 'Go on.' }];
  const response = await post(`${engines}/chat/completions`, { model: 'm', messages, stream: true }, signal);
  const sentence = Promise.withResolvers<string>();
  const read = async () => {
    let text = '';
    for await (const content of contents(response)) {
      text += content;
      if (text.endsWith('. ')) sentence.resolve(text);
    }
    sentence.resolve(text);
  };
  read().catch(sentence.reject);
  return sentence.promise;
}

function post(url: string, body: object, signal: AbortSignal): Promise<Response> {
  const headers = { 'content-type': 'application/json' };
  return fetch(url, { method: 'POST', headers, body: JSON.stringify(body), signal });
}

/** The texts of a stream of chat completions. */
export async function* contents(response: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let pending = '';
  for await (const bytes of response.body ?? []) {
    const lines = (pending + decoder.decode(bytes, { stream: true })).split('\n');
    pending = lines.pop() ?? '';
    for (const line of lines) {
      if (!line.startsWith('data: {')) continue;
      const chunk: { choices: { delta: { content?: string } }[] } = JSON.parse(line.slice(6));
      const content = chunk.choices[0]?.delta.content;
      if (content !== undefined) yield content;
    }
  }
}
