/** The marks of the timeline, with their times, derived from the events of a record. */

import { setBounded } from '../bounded.js';
import { InputClock } from '../session/input-clock.js';
import { ledgerMarks } from './ledger-marks.js';
import { MarkList } from './mark-list.js';

/** @typedef {import('../session/record.js').Entry} Entry */
/** @typedef {import('../session/record.js').Played} Played */
/** @typedef {import('./mark-list.js').Mark} Mark */
/** @typedef {import('./mark-list.js').Row} Row */

/** @type {readonly { row: Row, title: string }[]} */
export const rows = [
  { row: 'speech', title: 'Speech' },
  { row: 'turns', title: 'Turns' },
  { row: 'transcripts', title: 'Transcripts' },
  { row: 'responses', title: 'Responses' },
  { row: 'ledger', title: 'Waited for' },
  { row: 'tools', title: 'Tools' },
  { row: 'notes', title: 'Notes' },
];

/** Turns and responses that later events can still refer to. */
const maxOpen = 100;

export class Marks {
  #marks = new MarkList();
  /** Whether the record is a view, which has no events of clients. */
  #isView = false;
  /** The time of the last event. */
  #lastMs = 0;
  #clock = new InputClock();
  /** Start of the audio that has not been committed. @type {number | null} */
  #unsentFromMs = null;
  /** `audio_start_ms` by item. @type {Map<string, number>} */
  #startedMs = new Map();
  /** The spoken item of each response. @type {Map<string, string>} */
  #answers = new Map();
  /** When the server reported the end of speech, by item. @type {Map<string, number>} */
  #stoppedMs = new Map();
  /** @type {{ played: Played, mark: Mark } | null} */
  #lastPlayed = null;

  /**
   * Where the audio of an item is: the speech of a turn, or what was played of an answer.
   * @param {string} itemId
   * @returns {{ fromMs: number, untilMs: number } | null} null without audio, or while the user speaks
   */
  stretchOf(itemId) {
    return this.#marks.stretchOf(itemId);
  }

  /** In order of their first event. */
  get all() {
    return this.#marks.all;
  }

  /** @param {Entry} entry */
  add(entry) {
    const { atMs, event } = entry;
    switch (event.type) {
      case 'session.created':
        this.#leave();
        this.#marks.moment(entry, 'notes', 'note', 'Session started', String(event.session.id ?? ''));
        break;
      case 'input_audio_buffer.append':
        if (entry.audio === null) break;
        this.#clock.sent(entry.audio.startMs, entry.audio.durationMs);
        this.#unsentFromMs ??= entry.audio.startMs;
        break;
      case 'input_audio_buffer.clear':
        this.#unsentFromMs = null;
        break;
      case 'input_audio_buffer.speech_started':
        this.#speechStarted(entry, event);
        break;
      case 'input_audio_buffer.speech_stopped':
        this.#speechStopped(entry, event);
        break;
      case 'input_audio_buffer.committed':
        this.#committed(entry, event.item_id);
        break;
      case 'conversation.item.input_audio_transcription.delta':
        this.#marks.append(`transcript ${event.item_id}`, event.delta);
        break;
      case 'conversation.item.input_audio_transcription.completed':
        this.#marks.end(`transcript ${event.item_id}`, atMs, { text: event.transcript.trim() || '(no words)' });
        break;
      case 'conversation.item.input_audio_transcription.failed':
        this.#marks.end(`transcript ${event.item_id}`, atMs, { text: event.error.message, tone: 'error' });
        break;
      case 'conversation.item.create':
        this.#itemSent(entry, event.item);
        break;
      case 'conversation.item.added':
        if (this.#isView) this.#itemSent(entry, event.item);
        break;
      case 'conversation.item.truncated':
        this.#marks.moment(entry, 'notes', 'note', 'Truncated', '', [['audio_end_ms', ms(event.audio_end_ms)]]);
        break;
      case 'response.created':
        this.#marks.begin(`response ${event.response.id}`, entry, 'responses', 'agent', 'Response', '');
        break;
      case 'response.output_audio.delta':
        this.#firstAudio(`response ${event.response_id}`, atMs);
        break;
      case 'response.output_audio_transcript.delta':
      case 'response.output_text.delta':
        this.#marks.append(`response ${event.response_id}`, event.delta);
        break;
      case 'response.done':
        this.#responseDone(entry, event.response);
        break;
      case 'parley.ledger':
        this.#marks.push(...ledgerMarks(entry.index, event, this.#ledgerOrigin(event)));
        break;
      case 'response.output_item.added':
        if (event.item.type === 'message') setBounded(this.#answers, event.response_id, event.item.id, maxOpen);
        if (event.item.type === 'function_call')
          this.#marks.begin(`tool ${event.item.call_id}`, entry, 'tools', 'tool', 'Tool call', event.item.name);
        if (event.item.type === 'mcp_call')
          this.#marks.begin(`tool ${event.item.id}`, entry, 'tools', 'tool', 'MCP call', event.item.name);
        break;
      case 'response.function_call_arguments.done':
        this.#marks.end(`tool ${event.call_id}`, atMs, { text: `${event.name}(${event.arguments})` });
        break;
      case 'response.mcp_call.completed':
      case 'mcp_list_tools.completed':
        this.#marks.end(`tool ${event.item_id}`, atMs);
        break;
      case 'response.mcp_call.failed':
      case 'mcp_list_tools.failed':
        this.#marks.end(`tool ${event.item_id}`, atMs, { tone: 'error' });
        break;
      case 'mcp_list_tools.in_progress':
        this.#marks.begin(`tool ${event.item_id}`, entry, 'tools', 'tool', 'Import of MCP tools', '');
        break;
      case 'output_audio_buffer.started':
        this.#firstAudio(`response ${event.response_id}`, atMs);
        this.#marks.begin(`call ${event.response_id}`, entry, 'speech', 'agent', 'Played', '').item = this.#answers.get(
          event.response_id,
        );
        break;
      case 'output_audio_buffer.stopped':
        this.#marks.end(`call ${event.response_id}`, atMs);
        break;
      case 'output_audio_buffer.cleared':
        this.#marks.end(`call ${event.response_id}`, atMs, { facts: [['ended by', 'an interruption']] });
        break;
      case 'parley.view.opened':
        this.#viewOpened(entry, event.session.id);
        break;
      case 'parley.view.omitted':
        this.#marks.moment(entry, 'notes', 'note', 'Event too long to show', event.event_type);
        break;
      case 'parley.view.closed':
        this.#leave();
        this.#marks.moment(entry, 'notes', 'note', 'View ended', event.reason);
        break;
      case 'error':
        this.#marks.moment(
          entry,
          'notes',
          'error',
          `Error ${event.error.code ?? event.error.type}`,
          event.error.message,
        );
        break;
      default:
        break;
    }
    this.#lastMs = atMs;
  }

  /**
   * @param {Entry} entry
   * @param {string} sessionId
   */
  #viewOpened(entry, sessionId) {
    const facts = /** @type {Mark['facts']} */ (
      this.#isView ? [['missing', `events from ${seconds(this.#lastMs)} on`]] : []
    );
    this.#isView = true;
    this.#leave();
    this.#marks.moment(entry, 'notes', 'note', 'View opened', sessionId, facts);
  }

  /** No more events of what goes on will come. */
  #leave() {
    for (const map of [this.#startedMs, this.#stoppedMs, this.#answers]) map.clear();
    this.#marks.leave(this.#lastMs);
    this.#clock = new InputClock();
    this.#unsentFromMs = null;
  }

  /**
   * A stretch of an answer was played; a continued stretch is reported again.
   * @param {Played} played
   * @param {number} entry
   */
  played(played, entry) {
    if (this.#lastPlayed?.played === played) {
      this.#lastPlayed.mark.endMs = played.endMs;
      return;
    }
    const { itemId, startMs, endMs } = played;
    const mark = this.#marks.push({
      row: 'speech',
      tone: 'agent',
      name: 'Played',
      text: '',
      startMs,
      endMs,
      facts: [['item', itemId]],
      item: itemId,
      entry,
    });
    this.#lastPlayed = { played, mark };
  }

  /**
   * @param {Entry} entry
   * @param {{ audio_start_ms: number, item_id: string }} event
   */
  #speechStarted(entry, { audio_start_ms: audioMs, item_id: itemId }) {
    setBounded(this.#startedMs, itemId, audioMs, maxOpen);
    this.#clock.reported(audioMs, entry.atMs);
    const speech = this.#marks.begin(`speech ${itemId}`, entry, 'speech', 'user', 'Speech', '');
    const turn = this.#marks.begin(`turn ${itemId}`, entry, 'turns', 'user', 'Turn', '');
    speech.item = itemId;
    speech.facts.push(['audio_start_ms', ms(audioMs)], ['reported at', seconds(entry.atMs)]);
    turn.facts.push(['item', itemId]);
    this.#placeStart(itemId);
  }

  /**
   * In a call, the end of speech may show that its start was earlier than it seemed.
   * @param {string} itemId
   */
  #placeStart(itemId) {
    const audioMs = this.#startedMs.get(itemId);
    for (const key of [`speech ${itemId}`, `turn ${itemId}`]) {
      const mark = this.#marks.get(key);
      if (mark !== undefined && audioMs !== undefined) mark.startMs = this.#clock.timeOf(audioMs);
    }
  }

  /**
   * @param {Entry} entry
   * @param {{ audio_end_ms: number, item_id: string }} event
   */
  #speechStopped({ atMs }, { audio_end_ms: audioMs, item_id: itemId }) {
    setBounded(this.#stoppedMs, itemId, atMs, maxOpen);
    this.#clock.reported(audioMs, atMs);
    const endMs = this.#clock.timeOf(audioMs);
    this.#placeStart(itemId);
    this.#marks.end(`speech ${itemId}`, endMs, {
      facts: [
        ['audio_end_ms', ms(audioMs)],
        ['decided at', seconds(atMs)],
      ],
    });
  }

  /**
   * @param {Entry} entry
   * @param {string} itemId
   */
  #committed(entry, itemId) {
    if (this.#marks.get(`turn ${itemId}`) === undefined) {
      const turn = this.#marks.begin(`turn ${itemId}`, entry, 'turns', 'user', 'Turn, committed by the client', '');
      turn.startMs = this.#unsentFromMs ?? entry.atMs;
      turn.item = itemId;
    }
    this.#unsentFromMs = null;
    this.#marks.end(`turn ${itemId}`, entry.atMs);
    this.#marks.begin(`transcript ${itemId}`, entry, 'transcripts', 'user', 'Transcript', '');
  }

  /**
   * @param {Entry} entry
   * @param {import('../../src/protocol/wire/items.ts').ItemInput | import('../../src/protocol/wire/items.ts').Item} item
   */
  #itemSent(entry, item) {
    if (item.type === 'function_call_output') {
      this.#marks.end(`tool ${item.call_id}`, entry.atMs, { facts: [['output', item.output]] });
    } else if (item.type === 'message' && item.role === 'user') {
      const text = item.content.map((part) => ('text' in part ? part.text : '')).join('');
      const isSpoken = item.content.some((part) => part.type === 'input_audio');
      if (!isSpoken) this.#marks.moment(entry, 'turns', 'user', 'Typed', text);
    }
  }

  /**
   * @param {string} key
   * @param {number} atMs
   */
  #firstAudio(key, atMs) {
    const mark = this.#marks.get(key);
    if (mark !== undefined && !mark.facts.some(([name]) => name === 'first audio'))
      mark.facts.push(['first audio', `after ${ms(atMs - mark.startMs)}`]);
  }

  /**
   * @param {Entry} entry
   * @param {import('../../src/protocol/wire/server-events.ts').ResponseResource} response
   */
  #responseDone(entry, { id, status, status_details: details, usage }) {
    /** @type {[string, string][]} */
    const facts = [['status', details !== null && 'reason' in details ? `${status}: ${details.reason}` : status]];
    if (usage !== null) facts.push(['tokens', `${usage.input_tokens} in, ${usage.output_tokens} out`]);
    const failed = details?.type === 'failed';
    this.#marks.end(`response ${id}`, entry.atMs, { facts, ...(failed && { tone: 'error' }) });
    if (failed) this.#marks.moment(entry, 'notes', 'error', `Error ${details.error.code}`, details.error.message);
  }

  /**
   * The end of speech that a ledger counts from; for a response without a turn, its creation.
   * @param {import('../../src/protocol/wire/ledger.ts').LedgerEvent} event
   */
  #ledgerOrigin({ item_id: itemId, response_id: responseId, at_ms: at }) {
    const decidedMs = itemId === null ? undefined : this.#stoppedMs.get(itemId);
    if (decidedMs !== undefined) return decidedMs - (at.decided ?? 0);
    return this.#marks.get(`response ${responseId}`)?.startMs;
  }
}

/** @param {number} value */
function ms(value) {
  return `${Math.round(value).toLocaleString('en')} ms`;
}

/** @param {number} value */
function seconds(value) {
  return `${(value / 1000).toFixed(3)} s`;
}
