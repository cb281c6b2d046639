/** The marks of the timeline, with their times, derived from the events of a record. */

import { InputClock } from '../session/input-clock.js';
import { ledgerMarks } from './ledger-marks.js';

/** @typedef {import('../session/record.js').Entry} Entry */
/** @typedef {import('../session/record.js').Played} Played */
/** @typedef {'speech' | 'turns' | 'transcripts' | 'responses' | 'ledger' | 'tools' | 'notes'} Row */
/**
 * @typedef {'user' | 'agent' | 'tool' | 'note' | 'error' | keyof import('../../src/protocol/wire/ledger.ts').LedgerParts} Tone
 */
/**
 * A stretch or a moment.
 * @typedef {object} Mark
 * @property {Row} row
 * @property {Tone} tone
 * @property {string} name the kind of mark
 * @property {string} text
 * @property {number} startMs
 * @property {number | null} endMs null: it goes on
 * @property {[name: string, value: string][]} facts further figures
 * @property {string} [item] whose audio this is
 * @property {number} entry index of the event that it comes from
 */

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

const maxMarks = 20_000;
const maxText = 2000;

export class Marks {
  /** @type {Mark[]} */
  #marks = [];
  /** Marks that later events extend, by kind and id. @type {Map<string, Mark>} */
  #open = new Map();
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
    const marks = this.#marks.filter(
      ({ item, startMs, endMs }) => item === itemId && endMs !== null && endMs > startMs,
    );
    if (marks.length === 0) return null;
    return {
      fromMs: Math.min(...marks.map(({ startMs }) => startMs)),
      untilMs: Math.max(...marks.map(({ endMs }) => endMs ?? 0)),
    };
  }

  /** In order of their first event. */
  get all() {
    return this.#marks;
  }

  /** @param {Entry} entry */
  add(entry) {
    const { atMs, event } = entry;
    switch (event.type) {
      case 'session.created':
        for (const map of [this.#open, this.#startedMs, this.#stoppedMs, this.#answers]) map.clear();
        this.#clock = new InputClock();
        this.#unsentFromMs = null;
        this.#moment(entry, 'notes', 'note', 'Session started', String(event.session.id ?? ''));
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
        this.#append(`transcript ${event.item_id}`, event.delta);
        break;
      case 'conversation.item.input_audio_transcription.completed':
        this.#end(`transcript ${event.item_id}`, atMs, { text: event.transcript.trim() || '(no words)' });
        break;
      case 'conversation.item.input_audio_transcription.failed':
        this.#end(`transcript ${event.item_id}`, atMs, { text: event.error.message, tone: 'error' });
        break;
      case 'conversation.item.create':
        this.#itemSent(entry, event.item);
        break;
      case 'conversation.item.truncated':
        this.#moment(entry, 'notes', 'note', 'Truncated', '', [['audio_end_ms', ms(event.audio_end_ms)]]);
        break;
      case 'response.created':
        this.#begin(`response ${event.response.id}`, entry, 'responses', 'agent', 'Response', '');
        break;
      case 'response.output_audio.delta':
        this.#firstAudio(`response ${event.response_id}`, atMs);
        break;
      case 'response.output_audio_transcript.delta':
      case 'response.output_text.delta':
        this.#append(`response ${event.response_id}`, event.delta);
        break;
      case 'response.done':
        this.#responseDone(entry, event.response);
        break;
      case 'parley.ledger':
        this.#push(...ledgerMarks(entry.index, event, this.#ledgerOrigin(event)));
        break;
      case 'response.output_item.added':
        if (event.item.type === 'message') this.#answers.set(event.response_id, event.item.id);
        if (event.item.type === 'function_call')
          this.#begin(`tool ${event.item.call_id}`, entry, 'tools', 'tool', 'Tool call', event.item.name);
        if (event.item.type === 'mcp_call')
          this.#begin(`tool ${event.item.id}`, entry, 'tools', 'tool', 'MCP call', event.item.name);
        break;
      case 'response.function_call_arguments.done':
        this.#end(`tool ${event.call_id}`, atMs, { text: `${event.name}(${event.arguments})` });
        break;
      case 'response.mcp_call.completed':
      case 'mcp_list_tools.completed':
        this.#end(`tool ${event.item_id}`, atMs);
        break;
      case 'response.mcp_call.failed':
      case 'mcp_list_tools.failed':
        this.#end(`tool ${event.item_id}`, atMs, { tone: 'error' });
        break;
      case 'mcp_list_tools.in_progress':
        this.#begin(`tool ${event.item_id}`, entry, 'tools', 'tool', 'Import of MCP tools', '');
        break;
      case 'output_audio_buffer.started':
        this.#begin(`call ${event.response_id}`, entry, 'speech', 'agent', 'Played', '').item = this.#answers.get(
          event.response_id,
        );
        break;
      case 'output_audio_buffer.stopped':
        this.#end(`call ${event.response_id}`, atMs);
        break;
      case 'output_audio_buffer.cleared':
        this.#end(`call ${event.response_id}`, atMs, { facts: [['ended by', 'an interruption']] });
        break;
      case 'error':
        this.#moment(entry, 'notes', 'error', `Error ${event.error.code ?? event.error.type}`, event.error.message);
        break;
      default:
        break;
    }
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
    const mark = this.#push({
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
    this.#startedMs.set(itemId, audioMs);
    const speech = this.#begin(`speech ${itemId}`, entry, 'speech', 'user', 'Speech', '');
    const turn = this.#begin(`turn ${itemId}`, entry, 'turns', 'user', 'Turn', '');
    speech.item = itemId;
    speech.facts.push(['audio_start_ms', ms(audioMs)], ['reported at', seconds(entry.atMs)]);
    turn.facts.push(['item', itemId]);
    this.#placeStart(itemId, entry.atMs);
  }

  /**
   * In a call, the end of speech may show that its start was earlier than it seemed.
   * @param {string} itemId
   * @param {number} reportedMs
   */
  #placeStart(itemId, reportedMs) {
    const audioMs = this.#startedMs.get(itemId);
    for (const key of [`speech ${itemId}`, `turn ${itemId}`]) {
      const mark = this.#open.get(key);
      if (mark !== undefined && audioMs !== undefined) mark.startMs = this.#clock.timeOf(audioMs, reportedMs);
    }
  }

  /**
   * @param {Entry} entry
   * @param {{ audio_end_ms: number, item_id: string }} event
   */
  #speechStopped({ atMs }, { audio_end_ms: audioMs, item_id: itemId }) {
    this.#stoppedMs.set(itemId, atMs);
    const endMs = this.#clock.timeOf(audioMs, atMs);
    this.#placeStart(itemId, atMs);
    this.#end(`speech ${itemId}`, endMs, {
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
    if (!this.#open.has(`turn ${itemId}`)) {
      const turn = this.#begin(`turn ${itemId}`, entry, 'turns', 'user', 'Turn, committed by the client', '');
      turn.startMs = this.#unsentFromMs ?? entry.atMs;
      turn.item = itemId;
    }
    this.#unsentFromMs = null;
    this.#end(`turn ${itemId}`, entry.atMs);
    this.#begin(`transcript ${itemId}`, entry, 'transcripts', 'user', 'Transcript', '');
  }

  /**
   * @param {Entry} entry
   * @param {import('../../src/protocol/wire/client-events.ts').ClientEvent & { type: 'conversation.item.create' } extends { item: infer Item } ? Item : never} item
   */
  #itemSent(entry, item) {
    if (item.type === 'function_call_output') {
      this.#end(`tool ${item.call_id}`, entry.atMs, { facts: [['output', item.output]] });
    } else if (item.type === 'message' && item.role === 'user') {
      const text = item.content.map((part) => ('text' in part ? part.text : '')).join('');
      this.#moment(entry, 'turns', 'user', 'Typed', text ?? '');
    }
  }

  /**
   * @param {string} key
   * @param {number} atMs
   */
  #firstAudio(key, atMs) {
    const mark = this.#open.get(key);
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
    this.#end(`response ${id}`, entry.atMs, { facts, ...(failed && { tone: 'error' }) });
    if (failed) this.#moment(entry, 'notes', 'error', `Error ${details.error.code}`, details.error.message);
  }

  /**
   * The end of speech that a ledger counts from; for a response without a turn, its creation.
   * @param {import('../../src/protocol/wire/ledger.ts').LedgerEvent} event
   */
  #ledgerOrigin({ item_id: itemId, response_id: responseId, at_ms: at }) {
    const decidedMs = itemId === null ? undefined : this.#stoppedMs.get(itemId);
    if (decidedMs !== undefined) return decidedMs - (at.decided ?? 0);
    return this.#open.get(`response ${responseId}`)?.startMs;
  }

  /**
   * @param {string} key
   * @param {Entry} entry
   * @param {Row} row
   * @param {Tone} tone
   * @param {string} name
   * @param {string} text
   */
  #begin(key, { atMs, index }, row, tone, name, text) {
    // In an opened file it may be anything.
    const shown = `${text}`.slice(0, maxText);
    const mark = this.#push({ row, tone, name, text: shown, startMs: atMs, endMs: null, facts: [], entry: index });
    this.#open.set(key, mark);
    return mark;
  }

  /**
   * @param {Entry} entry
   * @param {Row} row
   * @param {Tone} tone
   * @param {string} name
   * @param {string} text
   * @param {Mark['facts']} [facts]
   */
  #moment({ atMs, index }, row, tone, name, text, facts = []) {
    this.#push({ row, tone, name, text: text.slice(0, maxText), startMs: atMs, endMs: atMs, facts, entry: index });
  }

  /**
   * @param {string} key
   * @param {string} text
   */
  #append(key, text) {
    const mark = this.#open.get(key);
    if (mark !== undefined && mark.text.length < maxText) mark.text += text;
  }

  /**
   * @param {string} key
   * @param {number} atMs
   * @param {{ text?: string, tone?: Tone, facts?: Mark['facts'] }} [change]
   */
  #end(key, atMs, { text, tone, facts = [] } = {}) {
    const mark = this.#open.get(key);
    if (mark === undefined) return;
    mark.endMs = Math.max(atMs, mark.startMs);
    if (text !== undefined) mark.text = text.slice(0, maxText);
    if (tone !== undefined) mark.tone = tone;
    mark.facts.push(...facts);
  }

  /**
   * @param {Mark[]} marks
   * @returns {Mark} the first of them
   */
  #push(...marks) {
    this.#marks.push(...marks);
    if (this.#marks.length > maxMarks) {
      const dropped = new Set(this.#marks.splice(0, maxMarks / 10));
      for (const [key, mark] of this.#open) if (dropped.has(mark)) this.#open.delete(key);
    }
    return /** @type {Mark} */ (marks[0]);
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
