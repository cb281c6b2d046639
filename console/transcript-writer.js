/** Writes events of a session into a transcript: of this page's conversation, or of another session that is shown. */

import { setBounded } from './bounded.js';

/** @typedef {import('./session/record.js').RecordedEvent} RecordedEvent */
/** @typedef {import('../src/protocol/wire/items.ts').Item} Item */
/** @typedef {Item & { type: 'message' }} Message */
/** @typedef {Item & { type: 'mcp_approval_request' }} ApprovalRequest */
/** @typedef {'add' | 'addImages' | 'append' | 'complete' | 'endSession' | 'has' | 'markInterrupted' | 'place' | 'remark' | 'remove' | 'startSession' | 'withoutAudio'} Method */

/** Calls whose results can still be shown. */
const maxCalls = 500;

export class TranscriptWriter {
  #transcript;
  #onApprovalRequest;
  /** The item of each function call, by its call_id. @type {Map<string, string>} */
  #calls = new Map();

  /**
   * @param {Pick<import('./transcript.js').Transcript, Method>} transcript
   * @param {(request: ApprovalRequest) => void} [onApprovalRequest] after the question was written
   */
  constructor(transcript, onApprovalRequest = () => {}) {
    this.#transcript = transcript;
    this.#onApprovalRequest = onApprovalRequest;
  }

  /** @param {RecordedEvent} event those of clients are ignored: the server reports their effects */
  receive(event) {
    const transcript = this.#transcript;
    switch (event.type) {
      case 'session.created':
        this.#calls.clear();
        transcript.endSession();
        transcript.startSession();
        break;
      case 'input_audio_buffer.speech_started':
      case 'input_audio_buffer.committed':
        transcript.add(event.item_id, 'user');
        break;
      case 'conversation.item.added':
        this.#add(event.item);
        transcript.place(event.item.id, event.previous_item_id);
        break;
      case 'conversation.item.done':
        this.#done(event.item, event.previous_item_id);
        break;
      case 'conversation.item.deleted':
        transcript.remove(event.item_id);
        break;
      case 'conversation.item.truncated':
        transcript.markInterrupted(event.item_id, event.audio_end_ms);
        break;
      case 'conversation.item.input_audio_transcription.delta':
      case 'response.output_audio_transcript.delta':
      case 'response.output_text.delta':
        transcript.append(event.item_id, event.delta);
        break;
      case 'conversation.item.input_audio_transcription.completed':
        transcript.complete(event.item_id, event.transcript.trim());
        if (event.transcript.trim() === '') transcript.remark(event.item_id, 'no words were understood');
        break;
      case 'conversation.item.input_audio_transcription.failed':
        transcript.remark(event.item_id, `not transcribed: ${event.error.message}`);
        break;
      case 'response.output_audio_transcript.done':
        transcript.complete(event.item_id, event.transcript);
        break;
      case 'response.output_text.done':
        transcript.complete(event.item_id, event.text);
        transcript.withoutAudio(event.item_id);
        break;
      case 'response.function_call_arguments.done':
        setBounded(this.#calls, event.call_id, event.item_id, maxCalls);
        transcript.complete(event.item_id, `${event.name}(${event.arguments})`);
        break;
      case 'response.output_item.done':
        // In the beta dialect, the event above has no name.
        if (event.item.type === 'function_call')
          transcript.complete(event.item.id, `${event.item.name}(${event.item.arguments})`);
        break;
      case 'response.done':
        this.#responseDone(event.response);
        break;
      default:
        break;
    }
  }

  /** @param {Item} item */
  #add(item) {
    const transcript = this.#transcript;
    switch (item.type) {
      case 'message':
        this.#addMessage(item);
        break;
      case 'function_call':
        transcript.add(item.id, 'tool');
        break;
      case 'function_call_output':
        transcript.remark(this.#calls.get(item.call_id) ?? '', `result: ${item.output}`);
        this.#calls.delete(item.call_id);
        break;
      case 'mcp_call':
        transcript.add(item.id, 'tool');
        transcript.append(item.id, `${item.server_label}: ${item.name}`);
        break;
      case 'mcp_approval_request':
        transcript.add(item.id, 'tool');
        transcript.complete(item.id, `May ${item.server_label} run ${item.name}(${item.arguments})?`);
        this.#onApprovalRequest(item);
        break;
      case 'mcp_approval_response':
        transcript.remark(item.approval_request_id, item.approve ? 'approved' : 'rejected');
        break;
      default:
        break;
    }
  }

  /** @param {Message} message */
  #addMessage(message) {
    const { id, role, content } = message;
    const isNew = this.#transcript.add(id, role);
    const urls = content.flatMap((part) => (part.type === 'input_image' ? [part.image_url] : []));
    // The page has shown its own images, loads none from elsewhere, and in a call may get an event without them (R10.6).
    const shown = urls.filter((url) => isNew && url?.startsWith('data:'));
    this.#transcript.addImages(
      id,
      shown.map((url) => ({ url, alt: 'An image' })),
    );
    if (content.some(({ type }) => type === 'input_text' || type === 'input_image')) this.#transcript.withoutAudio(id);
    if (textOf(message) !== '' || urls.length > 0) this.#transcript.complete(id, textOf(message));
  }

  /**
   * @param {Item} item
   * @param {string | null | undefined} previousItemId
   */
  #done(item, previousItemId) {
    const transcript = this.#transcript;
    // A view may have been opened after the item was added.
    if (item.type === 'message' && !transcript.has(item.id)) {
      this.#add(item);
      transcript.place(item.id, previousItemId ?? null);
    }
    if (item.type !== 'mcp_call') return;
    const { id, server_label: label, name, arguments: args, output, error } = item;
    transcript.add(id, 'tool');
    transcript.complete(id, `${label}: ${name}(${args})`);
    transcript.remark(id, error ? `failed: ${error.message}` : `result: ${output ?? ''}`);
  }

  /** @param {import('../src/protocol/wire/server-events.ts').ResponseResource} response */
  #responseDone({ status, status_details: details, output }) {
    for (const { id } of output) {
      if (status === 'cancelled') this.#transcript.markInterrupted(id);
      if (details?.type === 'incomplete') this.#transcript.remark(id, `incomplete: ${details.reason}`);
    }
  }
}

/** @param {Message} message */
function textOf({ content }) {
  return content
    .map((part) => ('text' in part ? part.text : 'transcript' in part ? (part.transcript ?? '') : ''))
    .join('');
}
