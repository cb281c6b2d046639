/** The connection: a WebSocket, or a call over WebRTC. */

import { Call } from './call.js';

/** @typedef {import('../src/protocol/wire/ledger.ts').LedgerEvent} LedgerEvent */
/** @typedef {import('../src/protocol/wire/server-events.ts').ServerEvent | LedgerEvent} ServerEvent */
/** @typedef {import('../src/protocol/wire/client-events.ts').ClientEvent} ClientEvent */
/**
 * @typedef {object} ClientListener
 * @property {(event: ClientEvent, bytes: number) => void} onSent
 * @property {(event: ServerEvent, bytes: number) => void} onReceived
 * @property {(samples: Int16Array) => void} onCallAudio what the server says in a call, in chunks of 20 ms
 * @property {(message: string, code: number) => void} onClosed the connection is over, unasked, or could not be made
 */

/** Maximum audio waiting to be sent; beyond it, chunks are dropped. */
const maxBufferedBytes = 2_000_000;

const encoder = new TextEncoder();

/** The close code for a missing or invalid key. */
export const keyRefused = 3000;

export class RealtimeClient {
  #listener;
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {Call | null} */
  #call = null;
  #nextId = 1;
  #droppedAudio = false;
  #sentKey = false;

  /** @param {ClientListener} listener */
  constructor(listener) {
    this.#listener = listener;
  }

  get isOpen() {
    return this.#call?.isOpen ?? this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Whether the last connection was made with an API key. */
  get sentKey() {
    return this.#sentKey;
  }

  /** Whether audio is on tracks, not in events. */
  get carriesAudio() {
    return this.#call !== null;
  }

  /** @param {{ model: string, apiKey: string, transport: import('./settings.js').Transport }} options */
  connect({ model, apiKey, transport }) {
    this.close();
    this.#sentKey = apiKey !== '';
    if (transport === 'webrtc') return this.#callServer(model, apiKey);
    const url = new URL('v1/realtime', document.baseURI);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    url.searchParams.set('model', model);
    url.searchParams.set('parley', 'ledger');
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
      if (socket === this.#socket) this.#receive(data);
    });
    socket.addEventListener('close', ({ code, reason }) => {
      if (socket !== this.#socket) return;
      this.#socket = null;
      this.#listener.onClosed(
        opened ? explainClose(code, reason) : `${url.host} cannot be reached. Is Parley running?`,
        code,
      );
    });
  }

  /**
   * @param {string} model
   * @param {string} apiKey
   */
  #callServer(model, apiKey) {
    const call = new Call({
      onMessage: (text) => {
        if (call === this.#call) this.#receive(text);
      },
      onClosed: (message, code) => {
        if (call !== this.#call) return;
        this.#call = null;
        this.#listener.onClosed(message, code);
      },
      onAudio: (samples) => this.#listener.onCallAudio(samples),
    });
    this.#call = call;
    const url = new URL('v1/realtime/calls', document.baseURI);
    url.searchParams.set('model', model);
    url.searchParams.set('parley', 'ledger');
    void call.open(url, apiKey);
  }

  /** @param {string} text */
  #receive(text) {
    this.#listener.onReceived(JSON.parse(text), sizeOf(text));
  }

  close() {
    const socket = this.#socket;
    const call = this.#call;
    this.#socket = null;
    this.#call = null;
    socket?.close(1000);
    call?.close();
  }

  /** @param {MediaStreamTrack | null} track of the microphone, for a call; null sends nothing */
  sendTrack(track) {
    void this.#call?.sendTrack(track);
  }

  /**
   * Sends an event with an `event_id`, which an error about it repeats.
   * @param {ClientEvent} event
   * @returns {string} the id; the event is dropped when there is no connection
   */
  send(event) {
    const id = `page_${this.#nextId++}`;
    const link = this.#call ?? this.#socket;
    if (link === null || !this.isOpen) return id;
    const sent = { ...event, event_id: id };
    const text = JSON.stringify(sent);
    link.send(text);
    this.#listener.onSent(sent, sizeOf(text));
    return id;
  }

  /**
   * Sends audio in an event, unless too much is waiting; a call has its track.
   * @param {string} audio base64
   * @returns {'sent' | 'dropped' | 'dropping'} `dropped` only for the first of a row
   */
  sendAudio(audio) {
    if (this.carriesAudio) return 'sent';
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

/** @param {string} text @returns {number} bytes in UTF-8 */
function sizeOf(text) {
  return encoder.encode(text).length;
}

/**
 * @param {number} code
 * @param {string} reason
 */
function explainClose(code, reason) {
  const why = reason === '' ? `code ${code}` : `${code}, ${reason}`;
  if (code === keyRefused) return 'The server refused the API key.';
  if (code === 1006) return 'The connection was lost (1006). Has the server stopped?';
  return `The server closed the connection (${why}).`;
}
