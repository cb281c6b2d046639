/** The connection to the server: a call over WebRTC, or a WebSocket. */

import { Call } from './connection/call.js';
import { closeCodes } from './connection/link.js';
import { Socket } from './connection/socket.js';
import { sizeOf } from './event-summary.js';
import { toGaEvent } from './settings/dialect.js';
import { readStored, writeStored } from './stored.js';

/** @typedef {import('../src/protocol/wire/ledger.ts').LedgerEvent} LedgerEvent */
/** @typedef {import('../src/protocol/wire/words.ts').WordsEvent} WordsEvent */
/** @typedef {import('../src/protocol/wire/server-events.ts').ServerEvent | LedgerEvent | WordsEvent} ServerEvent */
/** @typedef {import('../src/protocol/wire/client-events.ts').ClientEvent} ClientEvent */
/** @typedef {Pick<import('./settings/settings.js').Settings, 'model' | 'apiKey' | 'transport' | 'dialect'>} ConnectOptions */
/**
 * @typedef {object} ClientListener
 * @property {(event: ClientEvent, bytes: number) => void} onSent
 * @property {(event: ServerEvent, bytes: number, wire: ServerEvent) => void} onReceived with the names of GA, and as received
 * @property {(samples: Int16Array) => void} onCallAudio of the server, in a call, in chunks of 20 ms
 * @property {(why: string) => void} onNoCalls a call is not possible, and a WebSocket is opened instead
 * @property {(message: string) => void} onTooLarge an event was not sent
 * @property {(message: string, code: number, retryMs?: number) => void} onClosed the connection was lost, ended by the
 *   server, or could not be made; the server asks for no new connection within `retryMs`
 */

/** Maximum audio waiting to be sent; beyond it, chunks are dropped. */
const maxBufferedBytes = 2_000_000;
/** Size of the `event_id` that an event gets. */
const maxIdBytes = 50;
/** Extensions of Parley (docs/protocol.md, R1.32). */
const extensions = 'ledger,words';
/** Why calls are impossible: a call has failed in this tab. */
const noCallsKey = 'parley.no-calls';

/** The close code for a missing or invalid key. */
export const { keyRefused } = closeCodes;

export class RealtimeClient {
  #listener;
  /** @type {Call | Socket | null} */
  #link = null;
  #nextId = 1;
  #droppedAudio = false;
  #sentKey = false;
  #speakerId = '';

  /** @param {ClientListener} listener */
  constructor(listener) {
    this.#listener = listener;
  }

  get isOpen() {
    return this.#link?.isOpen ?? false;
  }

  /** Whether the last connection was made with an API key. */
  get sentKey() {
    return this.#sentKey;
  }

  /** Whether audio is on tracks, not in events. */
  get carriesAudio() {
    return this.#link?.carriesAudio ?? false;
  }

  /**
   * Opens a connection in place of the last one. If a call is not possible, and until `retryCalls`, a WebSocket.
   * @param {ConnectOptions} options
   */
  connect(options) {
    this.close();
    this.#sentKey = options.apiKey !== '';
    if (options.transport === 'websocket') return this.#open(Socket, options);
    const obstacle = Call.isSupported ? readStored('sessionStorage', noCallsKey) : 'This browser has no WebRTC.';
    if (obstacle === null) this.#open(Call, options);
    else this.#fallBack(obstacle, options);
  }

  /** The next connection tries a call again. */
  retryCalls() {
    writeStored('sessionStorage', noCallsKey, '');
  }

  /**
   * @param {typeof Call | typeof Socket} Kind
   * @param {ConnectOptions} options
   */
  #open(Kind, options) {
    const link = new Kind({
      onMessage: (text) => {
        if (link !== this.#link) return;
        const wire = JSON.parse(text);
        this.#listener.onReceived(toGaEvent(wire), sizeOf(text), wire);
      },
      onAudio: (samples) => {
        if (link === this.#link) this.#listener.onCallAudio(samples);
      },
      onClosed: (message, code, retryMs) => {
        if (link !== this.#link) return;
        this.#link = null;
        if (code === closeCodes.noCalls) this.#fallBack(message, options);
        else this.#listener.onClosed(message, code, retryMs);
      },
    });
    this.#link = link;
    const isBeta = options.dialect === 'beta';
    const url = new URL(link.carriesAudio && !isBeta ? 'v1/realtime/calls' : 'v1/realtime', document.baseURI);
    url.searchParams.set('model', options.model);
    url.searchParams.set('parley', extensions);
    if (link instanceof Call) void link.setSpeaker(this.#speakerId);
    void link.open(url, options);
  }

  /**
   * @param {string} why
   * @param {ConnectOptions} options
   */
  #fallBack(why, options) {
    writeStored('sessionStorage', noCallsKey, why);
    this.#open(Socket, options);
    this.#listener.onNoCalls(why);
  }

  close() {
    const link = this.#link;
    this.#link = null;
    link?.close();
  }

  /** Lets a call play sound. Call it from a user gesture. */
  unlock() {
    if (this.#link instanceof Call) this.#link.unlock();
  }

  /** @param {MediaStreamTrack | null} track of the microphone, for a call; null sends nothing */
  sendTrack(track) {
    if (this.#link instanceof Call) void this.#link.sendTrack(track);
  }

  /** @param {string} deviceId where a call plays; empty: the default */
  setSpeaker(deviceId) {
    this.#speakerId = deviceId;
    if (this.#link instanceof Call) void this.#link.setSpeaker(deviceId);
  }

  /**
   * Whether an event can be sent; one that is too large for a call is reported to the listener.
   * @param {ClientEvent} event
   */
  canSend(event) {
    return this.#accepts(event.type, sizeOf(JSON.stringify(event)) + maxIdBytes);
  }

  /**
   * Sends an event with an `event_id`, which an error about it repeats.
   * @param {ClientEvent} event
   * @returns {string | null} the id; null if the event was dropped (see `canSend`)
   */
  send(event) {
    const id = `page_${this.#nextId++}`;
    const sent = { ...event, event_id: id };
    const text = JSON.stringify(sent);
    const bytes = sizeOf(text);
    if (!this.#accepts(event.type, bytes)) return null;
    this.#link?.send(text);
    this.#listener.onSent(sent, bytes);
    return id;
  }

  /**
   * @param {string} type of an event
   * @param {number} bytes
   */
  #accepts(type, bytes) {
    const link = this.#link;
    if (link === null || !link.isOpen) return false;
    if (bytes <= link.maxMessageBytes) return true;
    const sizes = `${Math.ceil(bytes / 1000)} kB; a call takes ${Math.floor(link.maxMessageBytes / 1000)} kB`;
    this.#listener.onTooLarge(`${type} was not sent: it has ${sizes}. Choose the transport WebSocket.`);
    return false;
  }

  /**
   * Sends audio in an event, unless too much is waiting; a call has its track.
   * @param {string} audio base64
   * @returns {'sent' | 'dropped' | 'dropping'} `dropped` only for the first of a row
   */
  sendAudio(audio) {
    if (this.carriesAudio) return 'sent';
    if ((this.#link?.waitingBytes ?? 0) > maxBufferedBytes) {
      const first = !this.#droppedAudio;
      this.#droppedAudio = true;
      return first ? 'dropped' : 'dropping';
    }
    this.#droppedAudio = false;
    this.send({ type: 'input_audio_buffer.append', audio });
    return 'sent';
  }
}
