/** A call over WebRTC: events on a data channel, audio on tracks. */

import { captureStream } from '../audio/capture.js';
import { closeCodes } from './link.js';

/** @typedef {import('./link.js').Link} Link */

/** Maximum time from the offer to the answer. */
const answerMs = 15_000;
/** Maximum time from the answer until the data channel is open. */
const connectMs = 8000;
const blocked =
  'No packets pass between the browser and the server (UDP). On the server, see --call-port and --call-addresses.';
/** Answers that a WebSocket would get too: access, limits. */
const refusals = [403, 429];

/** @implements {Link} */
export class Call {
  carriesAudio = true;
  #listener;
  #peer = new RTCPeerConnection();
  #events = this.#peer.createDataChannel('oai-events');
  #sender = this.#peer.addTransceiver('audio', { direction: 'sendrecv' }).sender;
  #output = new Audio();
  /** Listens to the output, for the timeline. @type {AudioContext | null} */
  #capture = null;
  /** Ends the request of the offer. */
  #offering = new AbortController();
  /** @type {number | undefined} */
  #timer;
  #closed = false;

  /** Whether the browser has WebRTC, and its user has not switched it off. */
  static get isSupported() {
    return 'RTCPeerConnection' in globalThis;
  }

  /** @param {import('./link.js').LinkListener} listener */
  constructor(listener) {
    this.#listener = listener;
    this.#output.autoplay = true;
    this.#peer.addEventListener('track', ({ streams }) => {
      this.#output.srcObject = streams[0] ?? null;
      // Without it only the timeline lacks the audio of the answers.
      if (streams[0] !== undefined) this.#listen(streams[0]).catch(() => {});
    });
    this.#events.addEventListener('message', ({ data }) => listener.onMessage(data));
    this.#events.addEventListener('open', () => clearTimeout(this.#timer));
    this.#peer.addEventListener('connectionstatechange', () => {
      if (this.#peer.connectionState !== 'failed') return;
      if (this.#events.readyState === 'connecting') this.#end(this.#obstacle, closeCodes.noCalls);
      else this.#end('The connection of the call was lost.', closeCodes.lost);
    });
    this.#events.addEventListener('close', () => this.#end('The server ended the call.', closeCodes.lost));
  }

  /**
   * @param {URL} url
   * @param {import('./link.js').LinkOptions} options
   */
  async open(url, { apiKey, dialect }) {
    try {
      await this.#peer.setLocalDescription();
    } catch (error) {
      return this.#end(`The browser cannot offer a call: ${error}`, closeCodes.noCalls);
    }
    const tooLate = `${url.host} has not answered the offer of a call within ${answerMs / 1000} s.`;
    this.#timer = setTimeout(() => this.#end(tooLate, closeCodes.lost), answerMs);
    let answer;
    try {
      answer = await fetch(url, {
        method: 'POST',
        signal: this.#offering.signal,
        headers: {
          'Content-Type': 'application/sdp',
          ...(apiKey !== '' && { Authorization: `Bearer ${apiKey}` }),
          ...(dialect === 'beta' && { 'OpenAI-Beta': 'realtime=v1' }),
        },
        body: this.#peer.localDescription?.sdp ?? '',
      });
    } catch {
      return this.#end(`${url.host} cannot be reached. Is Parley running?`, closeCodes.lost);
    }
    if (!answer.ok) return this.#end(await messageOf(answer), codeOf(answer.status), retryAfterMs(answer));
    try {
      await this.#peer.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
    } catch (error) {
      return this.#end(`The answer to the call cannot be used: ${error}`, closeCodes.noCalls);
    }
    clearTimeout(this.#timer);
    if (this.isOpen || this.#closed) return;
    this.#timer = setTimeout(() => this.#end(this.#obstacle, closeCodes.noCalls), connectMs);
  }

  get isOpen() {
    return this.#events.readyState === 'open';
  }

  get maxMessageBytes() {
    return this.#peer.sctp?.maxMessageSize ?? 0;
  }

  get waitingBytes() {
    return this.#events.bufferedAmount;
  }

  /** @param {string} text */
  send(text) {
    this.#events.send(text);
  }

  /** Browsers play and record sound only after a user gesture, so call it from one. */
  unlock() {
    if (this.#output.paused) this.#output.play().catch(() => {});
    void this.#capture?.resume();
  }

  /** @param {MediaStreamTrack | null} track of the microphone; null sends nothing */
  async sendTrack(track) {
    await this.#sender.replaceTrack(track).catch(() => {});
  }

  /** @param {string} deviceId empty: the default; one that is gone has no effect */
  async setSpeaker(deviceId) {
    if ('setSinkId' in this.#output) await this.#output.setSinkId(deviceId).catch(() => {});
  }

  close() {
    this.#closed = true;
    this.#offering.abort();
    clearTimeout(this.#timer);
    this.#peer.close();
    void this.#capture?.close();
    this.#capture = null;
  }

  /** @param {MediaStream} stream */
  async #listen(stream) {
    const capture = await captureStream(stream, this.#listener.onAudio);
    if (this.#closed) return capture.close();
    this.#capture = capture;
    // Before the user has pressed a button, this waits.
    void capture.resume();
  }

  /** Why the data channel did not open after the answer. */
  get #obstacle() {
    const packetsPass = ['connected', 'completed'].includes(this.#peer.iceConnectionState);
    return packetsPass ? 'The encryption of the call could not be set up (DTLS).' : blocked;
  }

  /** @type {import('./link.js').LinkListener['onClosed']} */
  #end(message, code, retryMs) {
    if (this.#closed) return;
    this.close();
    this.#listener.onClosed(message, code, retryMs);
  }
}

/** @param {Response} answer */
async function messageOf(answer) {
  try {
    return String((await answer.json()).error.message);
  } catch {
    return `The server did not accept the call (HTTP ${answer.status}).`;
  }
}

/** @param {number} status */
function codeOf(status) {
  if (status === 401) return closeCodes.keyRefused;
  if (status >= 500) return closeCodes.lost;
  return refusals.includes(status) ? closeCodes.refused : closeCodes.noCalls;
}

/** @param {Response} answer */
function retryAfterMs({ headers }) {
  // A date instead of seconds is ignored.
  return (Number(headers.get('Retry-After')) || 0) * 1000;
}
