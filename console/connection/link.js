/** What the transports have in common. */

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
 * @property {(samples: Int16Array) => void} onAudio what the server says on its track, in chunks of 20 ms
 * @property {(message: string, code: number) => void} onClosed once, unless the page closed the connection
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
