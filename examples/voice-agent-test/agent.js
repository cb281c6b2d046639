/** The agent under test: a client of the Realtime API with one tool. In production it talks to the hosted service. */

import WebSocket from 'ws';

const lookUpOrder = {
  type: 'function',
  name: 'look_up_order',
  description: 'Finds out where an order is.',
  parameters: { type: 'object', properties: { number: { type: 'string' } }, required: ['number'] },
};

/** 100 ms of 24 kHz 16-bit PCM. */
const chunkBytes = 4800;

export class SupportAgent {
  #socket;
  #orders;
  #turn;

  /** `orders` has the status of each order by its number; `url` is the endpoint, model included. */
  constructor(url, { apiKey, orders }) {
    this.#orders = orders;
    this.#socket = new WebSocket(url, { headers: { Authorization: `Bearer ${apiKey}` } });
    this.#socket.on('message', (data) => this.#receive(JSON.parse(data.toString())));
    this.#socket.on('close', () => this.#turn?.reject(new Error('the connection was lost')));
    this.#socket.on('error', (error) => this.#turn?.reject(error));
  }

  /** Resolves once it can be talked to. */
  async connect() {
    const { promise, resolve, reject } = Promise.withResolvers();
    this.#turn = { reject, ready: resolve };
    await promise;
  }

  /** Says something to it, as 24 kHz 16-bit PCM; resolves with what it answered. */
  hear(speech) {
    const turn = this.#begin();
    // A pause ends the turn: it is found in the audio, so nobody has to wait for it.
    const audio = Buffer.concat([speech, Buffer.alloc(10 * chunkBytes)]);
    for (let start = 0; start < audio.length; start += chunkBytes) {
      const chunk = audio.subarray(start, start + chunkBytes);
      this.#send({ type: 'input_audio_buffer.append', audio: chunk.toString('base64') });
    }
    return turn;
  }

  /** Writes to it; resolves with what it answered. */
  read(text) {
    const turn = this.#begin();
    const item = { type: 'message', role: 'user', content: [{ type: 'input_text', text }] };
    this.#send({ type: 'conversation.item.create', item });
    this.#send({ type: 'response.create' });
    return turn;
  }

  close() {
    this.#socket.close();
  }

  #begin() {
    const { promise, resolve, reject } = Promise.withResolvers();
    this.#turn = { resolve, reject, heard: undefined, said: [], calls: [], audio: [] };
    return promise;
  }

  #receive(event) {
    const turn = this.#turn;
    switch (event.type) {
      case 'session.created': {
        const audio = {
          input: { transcription: { model: 'gpt-4o-transcribe' }, turn_detection: { type: 'server_vad' } },
        };
        return this.#send({ type: 'session.update', session: { type: 'realtime', tools: [lookUpOrder], audio } });
      }
      case 'session.updated':
        return turn.ready();
      case 'conversation.item.input_audio_transcription.completed':
        turn.heard = event.transcript;
        return;
      case 'response.output_audio.delta':
        turn.audio.push(Buffer.from(event.delta, 'base64'));
        return;
      case 'response.output_audio_transcript.done':
        turn.said.push(event.transcript);
        return;
      case 'response.done':
        return this.#responded(event.response, turn);
      case 'error':
        return turn.reject(new Error(event.error.message));
    }
  }

  /** Calls are answered, and a response without any ends the turn. */
  #responded({ status, status_details: details, output }, turn) {
    if (status === 'failed') return turn.reject(new Error(`Please try again later: ${details.error.message}`));
    const calls = output.filter(({ type }) => type === 'function_call');
    for (const call of calls) {
      const { number } = JSON.parse(call.arguments);
      turn.calls.push({ name: call.name, number });
      const found = this.#orders[number] ?? { status: 'unknown', arrives: 'never' };
      const item = { type: 'function_call_output', call_id: call.call_id, output: JSON.stringify(found) };
      this.#send({ type: 'conversation.item.create', item });
    }
    if (calls.length > 0) return this.#send({ type: 'response.create' });
    const { heard, said, audio } = turn;
    turn.resolve({ heard, said: said.join(' '), calls: turn.calls, audio: Buffer.concat(audio) });
  }

  #send(event) {
    this.#socket.send(JSON.stringify(event));
  }
}
