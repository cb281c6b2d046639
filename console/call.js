/** A call over WebRTC: events on a data channel, audio on tracks. */

import { captureStream } from './audio/capture.js';

/**
 * @typedef {object} CallListener
 * @property {(text: string) => void} onMessage
 * @property {(samples: Int16Array) => void} onAudio what the server says, in chunks of 20 ms
 * @property {(message: string, code: number) => void} onClosed once, unless the page closed the call
 */

/** As the close codes of a WebSocket: a refused key, any other refusal, a lost connection. */
const codes = { key: 3000, refused: 4000, lost: 1006 };

export class Call {
  #listener;
  #peer = new RTCPeerConnection();
  #events = this.#peer.createDataChannel('oai-events');
  #sender = this.#peer.addTransceiver('audio', { direction: 'sendrecv' }).sender;
  #output = new Audio();
  /** Listens to the output, for the timeline. @type {AudioContext | null} */
  #capture = null;
  #closed = false;

  /** @param {CallListener} listener */
  constructor(listener) {
    this.#listener = listener;
    this.#output.autoplay = true;
    this.#peer.addEventListener('track', ({ streams }) => {
      this.#output.srcObject = streams[0] ?? null;
      // Without it only the timeline lacks the audio of the answers.
      if (streams[0] !== undefined) this.#listen(streams[0]).catch(() => {});
    });
    this.#events.addEventListener('message', ({ data }) => listener.onMessage(data));
    this.#peer.addEventListener('connectionstatechange', () => {
      if (this.#peer.connectionState === 'failed') this.#fail();
    });
    this.#events.addEventListener('close', () => this.#end('The server ended the call.', codes.lost));
  }

  /**
   * @param {URL} url
   * @param {string} apiKey
   */
  async open(url, apiKey) {
    try {
      await this.#peer.setLocalDescription();
      const answer = await fetch(url, {
        method: 'POST',
        headers: { 'Content-Type': 'application/sdp', ...(apiKey !== '' && { Authorization: `Bearer ${apiKey}` }) },
        body: this.#peer.localDescription?.sdp ?? '',
      });
      if (!answer.ok) {
        const { error } = await answer.json();
        return this.#end(error.message, answer.status === 401 ? codes.key : codes.refused);
      }
      await this.#peer.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
    } catch (error) {
      this.#end(`The call cannot be opened: ${error instanceof Error ? error.message : error}`, codes.lost);
    }
  }

  get isOpen() {
    return this.#events.readyState === 'open';
  }

  /** @param {string} text */
  send(text) {
    this.#events.send(text);
  }

  /** @param {MediaStreamTrack | null} track of the microphone; null sends nothing */
  async sendTrack(track) {
    // Browsers may have refused to play before the user pressed a button.
    if (this.#output.paused) this.#output.play().catch(() => {});
    void this.#capture?.resume();
    await this.#sender.replaceTrack(track).catch(() => {});
  }

  close() {
    this.#closed = true;
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

  #fail() {
    if (this.#events.readyState !== 'connecting') return this.#end('The connection of the call was lost.', codes.lost);
    const why = 'No packets pass between the browser and the server (UDP). Choose the transport WebSocket in Settings,';
    this.#end(`${why} or see --call-port and --call-addresses.`, codes.refused);
  }

  /**
   * @param {string} message
   * @param {number} code
   */
  #end(message, code) {
    if (this.#closed) return;
    this.close();
    this.#listener.onClosed(message, code);
  }
}
