/** The conversation on the page: handles events, plays and interrupts answers, and tracks whose turn it is. */

import { decodeBase64 } from './audio/pcm.js';
import { SessionUpdates } from './settings/session-updates.js';
import { answersTurns, policySilenceMs, speechInterrupts, turnModeOf } from './settings/settings.js';
import { ToolCalls } from './tools/tool-calls.js';
import { TranscriptWriter } from './transcript-writer.js';

/** @typedef {import('./realtime-client.js').ServerEvent} ServerEvent */
/** @typedef {import('../src/protocol/wire/server-events.ts').ResponseResource} ResponseResource */
/** @typedef {import('./settings/settings.js').Settings} Settings */
/** @typedef {import('../src/protocol/wire/session-config.ts').SessionUpdate} SessionUpdate */
/**
 * @typedef {'disconnected' | 'connecting' | 'ready' | 'listening' | 'user-speaks' | 'thinking' | 'agent-speaks'} State
 */
/**
 * @typedef {object} Parts
 * @property {import('./realtime-client.js').RealtimeClient} client
 * @property {import('./audio/player.js').Player} player
 * @property {import('./transcript.js').Transcript} transcript
 * @property {import('./captions.js').Captions} captions
 * @property {import('./latency.js').Latency} latency
 * @property {Settings} settings
 * @property {() => void} onChange the state may be another
 * @property {(message: string, code: string | null) => void} onError
 * @property {(refusal: import('./settings/session-updates.js').Refusal) => void} onRefused the server refused a setting
 * @property {(path: string) => void} onUnchanged a setting was removed, but the running session keeps its value
 */
/**
 * A message of the composer, and the event that creates it.
 * @typedef {object} Message
 * @property {string} id
 * @property {string} text
 * @property {import('./composer/images.js').Picture | undefined} picture
 * @property {import('./realtime-client.js').ClientEvent} event
 */

/** Whether a call plays audio after an event. @type {ReadonlyMap<string, boolean>} */
const callPlays = new Map([
  ['output_audio_buffer.started', true],
  ['output_audio_buffer.stopped', false],
  ['output_audio_buffer.cleared', false],
]);

/** Types of events with words of an answer. @type {ReadonlySet<string>} */
const wordTypes = new Set([
  'response.output_audio_transcript.delta',
  'response.output_audio_transcript.done',
  'response.output_text.delta',
  'response.output_text.done',
]);

export class Conversation {
  #parts;
  #settings;
  #toolCalls;
  #writer;
  #updates;
  /** @type {'disconnected' | 'connecting' | 'connected'} */
  #phase = 'disconnected';
  #userSpeaks = false;
  /** A turn has ended, and its response has not started. */
  #awaitsResponse = false;
  /** @type {string | null} */
  #responseId = null;
  /** Responses whose rest is not to be heard. @type {Set<string>} */
  #interrupted = new Set();
  /** Whether the server plays audio to this page, in a call. */
  #callPlays = false;
  #nextItem = 1;
  #refusal = '';
  #hasExpired = false;
  /** @type {string | null} */
  #cancelId = null;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
    this.#settings = parts.settings;
    this.#writer = new TranscriptWriter(parts.transcript, ({ id }) => this.#askApproval(id));
    this.#toolCalls = new ToolCalls({
      client: parts.client,
      transcript: parts.transcript,
      code: () => this.#settings.functions,
      onAnswered: () => this.#continueWithTools(),
    });
    this.#updates = new SessionUpdates(
      (session) =>
        parts.client.send({ type: 'session.update', session: /** @type {SessionUpdate} */ ({ ...session }) }),
      parts.onRefused,
      parts.onUnchanged,
    );
  }

  get isConnected() {
    return this.#phase === 'connected';
  }

  /** The server's reason for not opening a session; empty if it gave none. */
  get refusal() {
    return this.#refusal;
  }

  /** Whether the server has ended the session after its time limit. */
  get hasExpired() {
    return this.#hasExpired;
  }

  /** Whether `interrupt` would stop an answer. */
  get isAnswering() {
    return this.isConnected && (this.#responseId !== null || this.#parts.player.isPlaying || this.#callPlays);
  }

  /** Whether the page must request the answers of turns, and can now. */
  get canAnswer() {
    return !answersTurns(this.#settings) && this.isConnected && !this.isAnswering && !this.#awaitsResponse;
  }

  /** Whether speech has started and not ended, according to the server. */
  get userSpeaks() {
    return this.#userSpeaks;
  }

  /**
   * @param {{ microphoneOn: boolean, held: boolean }} input
   * @returns {State}
   */
  state({ microphoneOn, held }) {
    if (this.#phase !== 'connected') return this.#phase;
    if (this.#userSpeaks || held) return 'user-speaks';
    if (this.#parts.player.isPlaying || this.#callPlays) return 'agent-speaks';
    if (this.#awaitsResponse || this.#responseId !== null) return 'thinking';
    return microphoneOn ? 'listening' : 'ready';
  }

  connect() {
    this.#reset('connecting');
    this.#refusal = '';
    this.#hasExpired = false;
    this.#parts.client.connect(this.#settings);
  }

  disconnected() {
    this.#reset('disconnected');
  }

  /** @param {Settings} settings take effect at once, as far as a live session allows */
  apply(settings) {
    this.#settings = settings;
    this.#updates.apply(settings.session);
  }

  /**
   * Sends a message and requests a response. Each image is an item, the last with the text, because the size of a
   * message on the data channel of a call is limited.
   * @param {string} text may be empty if there are images
   * @param {readonly import('./composer/images.js').Picture[]} [pictures]
   * @returns {boolean} false if the connection cannot carry the message: nothing was sent
   */
  say(text, pictures = []) {
    const messages = [
      ...pictures.slice(0, -1).map((picture) => this.#message('', picture)),
      this.#message(text, pictures.at(-1)),
    ];
    if (!messages.every(({ event }) => this.#parts.client.canSend(event))) return false;
    this.interrupt();
    for (const message of messages) this.#sendMessage(message);
    this.#requestResponse('typed');
    return true;
  }

  /**
   * @param {string} text
   * @param {import('./composer/images.js').Picture} [picture]
   * @returns {Message}
   */
  #message(text, picture) {
    const id = `msg_page_${this.#nextItem++}`;
    /** @type {import('./realtime-client.js').ClientEvent} */
    const event = {
      type: 'conversation.item.create',
      item: {
        id,
        type: 'message',
        role: 'user',
        content: [
          ...(picture === undefined ? [] : [{ type: /** @type {const} */ ('input_image'), image_url: picture.url }]),
          ...(text === '' ? [] : [{ type: /** @type {const} */ ('input_text'), text }]),
        ],
      },
    };
    return { id, text, picture, event };
  }

  /** @param {Message} message */
  #sendMessage({ id, text, picture, event }) {
    const { transcript, client } = this.#parts;
    transcript.add(id, 'user');
    if (picture !== undefined) transcript.addImages(id, [{ url: picture.thumbnail, alt: picture.name }]);
    transcript.complete(id, text);
    client.send(event);
  }

  /** The audio sent so far becomes a turn that requests a response. */
  endTurn() {
    this.#parts.client.send({ type: 'input_audio_buffer.commit' });
    this.#requestResponse('push to talk');
  }

  /** Requests a response to the turns so far. */
  answer() {
    this.#requestResponse('a request');
  }

  /** The user stops the agent, whatever its state. */
  interrupt() {
    const responseId = this.#responseId;
    this.#cut();
    if (responseId !== null) this.#cancelId = this.#parts.client.send({ type: 'response.cancel' });
    if (this.#callPlays) this.#parts.client.send({ type: 'output_audio_buffer.clear' });
  }

  /** @param {ServerEvent} event */
  receive(event) {
    const { latency } = this.#parts;
    const isMuted = wordTypes.has(event.type) && 'response_id' in event && this.#interrupted.has(event.response_id);
    this.#callPlays = callPlays.get(event.type) ?? this.#callPlays;
    switch (event.type) {
      case 'session.created':
        this.#phase = 'connected';
        latency.clear();
        this.#updates.start({ ...event.session }, this.#settings.session, this.#settings.dialect);
        break;
      case 'input_audio_buffer.speech_started':
        this.#userSpeaks = true;
        if (speechInterrupts(this.#settings)) this.#cut();
        break;
      case 'input_audio_buffer.speech_stopped':
        this.#userSpeaks = false;
        this.#awaitsResponse = answersTurns(this.#settings);
        latency.begin({ ...this.#turnEnd(), itemId: event.item_id });
        break;
      case 'input_audio_buffer.committed':
        this.#userSpeaks = false;
        latency.committed(event.item_id);
        break;
      case 'conversation.item.input_audio_transcription.completed':
        latency.transcribed(event.item_id);
        if (event.transcript.trim() === '') this.#awaitsResponse = false;
        break;
      case 'conversation.item.input_audio_transcription.failed':
        this.#awaitsResponse = false;
        break;
      case 'response.created':
        this.#awaitsResponse = false;
        this.#responseId = event.response.id;
        latency.answering(event.response.id);
        break;
      case 'response.output_audio_transcript.delta':
      case 'response.output_text.delta':
        if (!isMuted) latency.word(event.response_id);
        break;
      case 'response.output_audio.delta':
        this.#play(event);
        break;
      case 'parley.ledger':
        if (event.parts_ms) latency.measured(event.response_id, event.parts_ms);
        break;
      case 'output_audio_buffer.started':
        latency.reached(event.response_id, 'audio');
        break;
      case 'error':
        this.#failed(event);
        break;
      default:
        break;
    }
    if (!isMuted) this.#writer.receive(event);
    this.#parts.captions.receive(event);
    if (event.type === 'response.done') this.#responseDone(event.response);
    if (event.type === 'conversation.item.done' && event.item.type === 'mcp_call') this.#continueWithTools();
    this.#parts.onChange();
  }

  /** @param {'disconnected' | 'connecting'} phase */
  #reset(phase) {
    this.#phase = phase;
    this.#userSpeaks = false;
    this.#awaitsResponse = false;
    this.#responseId = null;
    this.#interrupted.clear();
    this.#callPlays = false;
    this.#toolCalls.reset();
    this.#updates.end();
    this.#parts.player.flush();
    this.#parts.captions.stop();
    this.#parts.transcript.endSession();
    this.#parts.onChange();
  }

  /** Stops the playback and reports its position to the server. */
  #cut() {
    if (this.#responseId !== null) this.#interrupted.add(this.#responseId);
    const cut = this.#parts.player.flush();
    if (cut === null) return;
    this.#parts.transcript.markInterrupted(cut.itemId);
    this.#parts.captions.cut(cut.itemId, cut.playedMs);
    if (cut.playedMs > 0) {
      this.#parts.client.send({
        type: 'conversation.item.truncate',
        item_id: cut.itemId,
        content_index: cut.contentIndex,
        audio_end_ms: cut.playedMs,
      });
    }
  }

  /** @param {string} kind */
  #requestResponse(kind) {
    this.#awaitsResponse = true;
    this.#parts.latency.begin({ kind });
    this.#parts.client.send({ type: 'response.create' });
    this.#parts.onChange();
  }

  #turnEnd() {
    const silenceMs = policySilenceMs(this.#settings);
    return { kind: `${silenceMs} ms of it: silence that ${turnModeOf(this.#settings.session)} waits for`, silenceMs };
  }

  /** A call may have ended while the model or the user speaks: their next answer includes its result. */
  #continueWithTools() {
    const isIdle = this.#responseId === null && !this.#awaitsResponse && !this.#userSpeaks;
    if (isIdle && this.isConnected) this.#requestResponse('the end of a tool');
  }

  /** @param {string} requestId */
  #askApproval(requestId) {
    const decide = (/** @type {boolean} */ approve) =>
      this.#parts.client.send({
        type: 'conversation.item.create',
        item: { type: 'mcp_approval_response', approval_request_id: requestId, approve },
      });
    this.#parts.transcript.offer(requestId, { Approve: () => decide(true), Reject: () => decide(false) });
  }

  /** @param {ServerEvent & { type: 'response.output_audio.delta' }} event */
  #play({ response_id: responseId, item_id: itemId, content_index: contentIndex, delta }) {
    if (this.#interrupted.has(responseId)) return;
    this.#parts.latency.audio(responseId, itemId);
    this.#parts.player.play({ itemId, contentIndex, samples: decodeBase64(delta) });
  }

  /** @param {ResponseResource} response */
  #responseDone(response) {
    if (response.id === this.#responseId) this.#responseId = null;
    this.#interrupted.delete(response.id);
    void this.#toolCalls.answer(response);
    const details = response.status_details;
    if (details?.type === 'failed')
      this.#parts.onError(`The answer failed: ${details.error.message}`, details.error.code);
  }

  /** @param {ServerEvent & { type: 'error' }} event */
  #failed({ error }) {
    if (this.#updates.refused(error)) return;
    this.#awaitsResponse = false;
    if (!this.isConnected) {
      this.#refusal = error.message;
      return;
    }
    this.#hasExpired ||= error.code === 'session_expired' || error.code === 'session_idle';
    // The answer may have ended before the cancel arrived.
    if (error.code === 'response_cancel_not_active' && error.event_id === this.#cancelId) return;
    this.#parts.onError(error.message, error.code);
  }
}
