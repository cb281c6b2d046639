/** A connection over a WebSocket: events, with audio in them. */

import { closeCodes } from './link.js';

/** @typedef {import('./link.js').Link} Link */
/** @typedef {import('./link.js').LinkListener} LinkListener */

/** @implements {Link} */
export class Socket {
  carriesAudio = false;
  maxMessageBytes = Number.POSITIVE_INFINITY;
  #listener;
  /** @type {WebSocket | null} */
  #socket = null;

  /** @param {LinkListener} listener */
  constructor(listener) {
    this.#listener = listener;
  }

  /**
   * @param {URL} url
   * @param {import('./link.js').LinkOptions} options
   */
  open(url, { apiKey, dialect }) {
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    // A browser cannot set headers on a WebSocket, so subprotocols stand for them.
    const protocols = ['realtime'];
    if (apiKey !== '') protocols.push(`openai-insecure-api-key.${apiKey}`);
    if (dialect === 'beta') protocols.push('openai-beta.realtime-v1');
    let socket;
    try {
      socket = new WebSocket(url, protocols);
    } catch {
      const why = 'The API key contains characters that cannot be sent over a WebSocket.';
      return this.#listener.onClosed(why, closeCodes.keyRefused);
    }
    this.#socket = socket;
    let opened = false;
    socket.addEventListener('open', () => {
      opened = true;
    });
    socket.addEventListener('message', ({ data }) => this.#listener.onMessage(data));
    socket.addEventListener('close', ({ code, reason }) => {
      const message = opened ? explainClose(code, reason) : `${url.host} cannot be reached. Is Parley running?`;
      this.#listener.onClosed(message, code);
    });
  }

  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  get waitingBytes() {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** @param {string} text */
  send(text) {
    this.#socket?.send(text);
  }

  close() {
    this.#socket?.close(1000);
  }
}

/**
 * @param {number} code
 * @param {string} reason
 */
function explainClose(code, reason) {
  const why = reason === '' ? `code ${code}` : `${code}, ${reason}`;
  if (code === closeCodes.keyRefused) return 'The server refused the API key.';
  if (code === closeCodes.lost) return 'The connection was lost (1006). Has the server stopped?';
  if (code === 1009) return 'The last message was larger than the server accepts (1009, --limits.frame-bytes).';
  return `The server closed the connection (${why}).`;
}
