/** A server with a language model and a voice that answer at a given pace. */

import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { tone } from '../../dev/harness/instant-engines.ts';
import { samplesToBytes } from '../../src/audio/pcm.ts';
import { wavHeader } from '../../src/audio/wav.ts';

export const rateHz = 24_000;
const chunkMs = 100;

export interface RemotePace {
  /** Milliseconds between two tokens; 0 streams as fast as the reader. */
  tokenMs: number;
  tokens: number;
  /** Milliseconds that one second of speech takes to generate; 100 is a real-time factor of 0.1. */
  speechMs: number;
}

/** One sentence, repeated. */
const words = ['Well,', ' this', ' is', ' a', ' sentence', ' of', ' eight', ' words. '];

export class RemoteServer {
  readonly url: string;
  /**
   * Times of the last requests: chat arrived, its first sentence was sent, it was closed; speech arrived, its first
   * audio was sent.
   */
  readonly times = { chat: 0, sentence: 0, closed: 0, speech: 0, sound: 0 };
  readonly #close: () => void;
  onClosed: () => void = () => {};

  private constructor(url: string, close: () => void) {
    this.url = url;
    this.#close = close;
  }

  static async start(pace: () => RemotePace): Promise<RemoteServer> {
    const server = createServer(async (request, response) => {
      for await (const _ of request);
      if (request.url === '/v1/chat/completions') await remote.#chat(response, pace());
      else if (request.url === '/v1/audio/speech') await remote.#speak(response, pace());
      else response.writeHead(200, { 'content-type': 'application/json' }).end('{"data":[]}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const remote = new RemoteServer(`http://127.0.0.1:${port}/v1`, () => {
      server.close();
      server.closeAllConnections();
    });
    return remote;
  }

  close(): void {
    this.#close();
  }

  async #chat(response: ServerResponse, { tokenMs, tokens }: RemotePace): Promise<void> {
    this.times.chat = performance.now();
    response.on('close', () => {
      this.times.closed = performance.now();
      this.onClosed();
    });
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (let token = 0; token < tokens && !response.destroyed; token++) {
      if (tokenMs > 0) await sleep(tokenMs);
      if (token === words.length - 1) this.times.sentence = performance.now();
      const content = words[token % words.length];
      const written = response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`);
      if (!written) await new Promise((resolve) => response.once('drain', resolve).once('close', resolve));
    }
    response.end('data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n');
  }

  async #speak(response: ServerResponse, { speechMs }: RemotePace): Promise<void> {
    this.times.speech = performance.now();
    const chunk = samplesToBytes(tone(chunkMs, rateHz));
    response.writeHead(200, { 'content-type': 'audio/wav' });
    await sleep((speechMs * chunkMs) / 1000);
    this.times.sound = performance.now();
    response.write(wavHeader(rateHz));
    for (let sent = 0; sent < 10 && !response.destroyed; sent++) {
      response.write(chunk);
      await sleep((speechMs * chunkMs) / 1000);
    }
    response.end();
  }
}
