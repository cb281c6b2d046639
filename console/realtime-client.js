/** The WebSocket connection. */

/** @typedef {import('../src/protocol/wire/server-events.ts').ServerEvent} ServerEvent */
/** @typedef {import('../src/protocol/wire/client-events.ts').ClientEvent} ClientEvent */
/**
 * @typedef {object} ClientListener
 * @property {(event: ClientEvent) => void} onSent
 * @property {(event: ServerEvent) => void} onReceived
 * @property {(message: string, code: number) => void} onClosed the connection is over, unasked, or could not be made
 */

/** Maximum audio waiting to be sent; beyond it, chunks are dropped. */
const maxBufferedBytes = 2_000_000;

/** The close code for a missing or invalid key. */
export const keyRefused = 3000;

export class RealtimeClient {
  #listener;
  /** @type {WebSocket | null} */
  #socket = null;
  #nextId = 1;
  #droppedAudio = false;

  /** @param {ClientListener} listener */
  constructor(listener) {
    this.#listener = listener;
  }

  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** @param {{ model: string, apiKey: string }} options */
  connect({ model, apiKey }) {
    this.close();
    const url = new URL('v1/realtime', document.baseURI);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    url.searchParams.set('model', model);
    // A browser cannot set headers on a WebSocket, so the key is sent as a subprotocol.
    const protocols = apiKey === '' ? ['realtime'] : ['realtime', `openai-insecure-api-key.${apiKey}`];
    let socket;
    try {
      socket = new WebSocket(url, protocols);
    } catch {
      this.#listener.onClosed('The API key contains characters that cannot be sent over a WebSocket.', keyRefused);
      return;
    }
    this.#socket = socket;
    let opened = false;
    socket.addEventListener('open', () => {
      opened = true;
    });
    socket.addEventListener('message', ({ data }) => {
      if (socket === this.#socket) this.#listener.onReceived(JSON.parse(data));
    });
    socket.addEventListener('close', ({ code, reason }) => {
      if (socket !== this.#socket) return;
      this.#socket = null;
      this.#listener.onClosed(
        opened ? explainClose(code, reason) : `Nothing answers at ${url.host}. Is Parley running?`,
        code,
      );
    });
  }

  close() {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close(1000);
  }

  /**
   * Sends an event with an `event_id`, which an error about it repeats.
   * @param {ClientEvent} event
   * @returns {string} the id; the event is dropped when there is no connection
   */
  send(event) {
    const id = `page_${this.#nextId++}`;
    if (this.#socket === null || !this.isOpen) return id;
    const sent = { ...event, event_id: id };
    this.#socket.send(JSON.stringify(sent));
    this.#listener.onSent(sent);
    return id;
  }

  /**
   * Sends audio, unless too much is waiting.
   * @param {string} audio base64
   * @returns {'sent' | 'dropped' | 'dropping'} `dropped` only for the first of a row
   */
  sendAudio(audio) {
    if ((this.#socket?.bufferedAmount ?? 0) > maxBufferedBytes) {
      const first = !this.#droppedAudio;
      this.#droppedAudio = true;
      return first ? 'dropped' : 'dropping';
    }
    this.#droppedAudio = false;
    this.send({ type: 'input_audio_buffer.append', audio });
    return 'sent';
  }
}

/**
 * @param {number} code
 * @param {string} reason
 */
function explainClose(code, reason) {
  const why = reason === '' ? `code ${code}` : `${code}, ${reason}`;
  if (code === keyRefused) return 'The server requires a valid API key.';
  if (code === 1006) return 'The connection was lost (1006). Has the server stopped?';
  return `The server closed the connection (${why}).`;
}
