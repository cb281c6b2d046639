/** The interface of both transports. */

/**
 * @typedef {object} Link
 * @property {boolean} isOpen
 * @property {boolean} carriesAudio whether audio is on tracks, not in events
 * @property {number} maxMessageBytes maximum size of an event
 * @property {number} waitingBytes of events that have not been sent
 * @property {(text: string) => void} send
 * @property {() => void} close
 */
/** @typedef {{ apiKey: string, dialect: import('../settings/dialect.js').Dialect }} LinkOptions */
/**
 * @typedef {object} LinkListener
 * @property {(text: string) => void} onMessage
 * @property {(samples: Int16Array) => void} onAudio of the server, from its track, in chunks of 20 ms
 * @property {(message: string, code: number, retryMs?: number) => void} onClosed unless the page closed the
 *   connection; the server asks for no new connection within `retryMs`
 */

/** Codes of the end of a connection: those of WebSockets, and further ones for calls. */
export const closeCodes = {
  /** The key is missing or invalid. */
  keyRefused: 3000,
  refused: 4000,
  /** No call is possible; a WebSocket may be. */
  noCalls: 4001,
  lost: 1006,
};
