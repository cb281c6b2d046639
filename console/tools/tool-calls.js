/** Answers the calls of functions: with the user's code, or by hand. */

import { Sandbox } from './sandbox.js';

/** @typedef {import('../../src/protocol/wire/server-events.ts').ResponseResource} ResponseResource */
/** @typedef {Extract<ResponseResource['output'][number], { type: 'function_call' }>} FunctionCall */
/**
 * @typedef {object} Parts
 * @property {import('../realtime-client.js').RealtimeClient} client
 * @property {import('../transcript.js').Transcript} transcript
 * @property {() => string} code that declares functions
 * @property {() => void} onAnswered all calls of a response have an output: the model can continue
 */

export class ToolCalls {
  #parts;
  #sandbox = new Sandbox();
  /** Number of sessions, because a call of an earlier one must not be answered in another. */
  #session = 0;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /** Forgets the open calls. */
  reset() {
    this.#session++;
  }

  /** @param {ResponseResource} response that is done */
  async answer({ output, status }) {
    const session = this.#session;
    const calls = output.filter((item) => item.type === 'function_call');
    if (status !== 'completed' || calls.length === 0) return;
    await Promise.all(calls.map((call) => this.#answerCall(call, session)));
    if (session === this.#session) this.#parts.onAnswered();
  }

  /**
   * @param {FunctionCall} call
   * @param {number} session
   */
  async #answerCall(call, session) {
    const { client, transcript, code } = this.#parts;
    const id = String(call.id);
    const result = await this.#sandbox.call(code(), call.name, parse(call.arguments));
    const output =
      result.problem === undefined
        ? (result.output ?? (await transcript.ask(id, `Result of ${call.name}`)))
        : JSON.stringify({ error: result.problem });
    if (session !== this.#session) return;
    client.send({
      type: 'conversation.item.create',
      item: { type: 'function_call_output', call_id: String(call.call_id), output },
    });
  }
}

/** @param {string} json @returns {unknown} */
function parse(json) {
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}
