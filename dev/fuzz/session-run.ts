/** Runs one session of a case against a server, and checks the answers. */

import { setTimeout as delay } from 'node:timers/promises';
import { OfficialCheck } from '../harness/official-events.ts';
import { RawConnection } from '../harness/raw-connection.ts';
import { encodeFrame, opcodes } from '../harness/websocket-frames.ts';
import type { SessionCase, Step } from './cases.ts';
import type { Coverage } from './coverage.ts';
import type { Finding } from './findings.ts';
import { configs, key } from './profiles.ts';
import type { Secrets } from './target.ts';

export interface RunContext {
  port: number;
  secrets: Secrets;
  coverage: Coverage;
}

export interface Outcome {
  findings: Finding[];
  /** Number of frames sent and received. */
  sent: number;
  received: number;
  /** Bytes in both directions. */
  bytesSent: number;
  bytesReceived: number;
}

/** Longer than any step takes on any machine. */
const answerMs = 20_000;
/** Events between checks that the session still answers. */
const batch = 16;

export async function runSession(fuzzed: SessionCase, context: RunContext): Promise<Outcome> {
  const run = new SessionRun(fuzzed, context);
  await run.whole();
  run.count();
  return run.outcome;
}

class SessionRun {
  readonly outcome: Outcome = { findings: [], sent: 0, received: 0, bytesSent: 0, bytesReceived: 0 };
  readonly #case: SessionCase;
  readonly #coverage: Coverage;
  readonly #check: OfficialCheck;
  readonly #connection: RawConnection;
  readonly #request: string;
  readonly #refused = new Set<string>();
  readonly #waiting = new Map<string, () => void>();
  #names = { item: 'item_none', response: 'resp_none', call: 'call_none' };
  #created: () => void = () => {};
  /** From here on the server may close the connection. */
  #mayEnd = false;
  #barriers = 0;
  #over = false;
  #endedByServer = false;

  constructor(fuzzed: SessionCase, { port, secrets, coverage }: RunContext) {
    this.#case = fuzzed;
    this.#coverage = coverage;
    this.#check = new OfficialCheck(fuzzed.dialect);
    this.#connection = new RawConnection({ port, onText: (text) => this.#received(text) });
    const request = Buffer.from(fuzzed.request, 'base64').toString('latin1');
    this.#request = fuzzed.secret ? request.replace(key, secrets[fuzzed.dialect]) : request;
  }

  async whole(): Promise<void> {
    const connection = this.#connection;
    const ended = connection.closed.then((close) => {
      this.#over = true;
      return close;
    });
    const created = new Promise<void>((resolve) => {
      this.#created = resolve;
    });
    connection.write(this.#request);
    const begun = await within(answerMs, Promise.race([created.then(() => 'created'), ended.then(() => 'ended')]));
    if (begun !== 'created') {
      this.#found('no-answer', `no session was created: ${begun ?? 'nothing came'}`);
      connection.socket.destroy();
      return;
    }
    for (let at = 0; at < this.#case.steps.length && !this.#over; at += batch) {
      const steps = this.#case.steps.slice(at, at + batch);
      for (const step of steps) this.#send(step);
      if (!(await this.#answers())) break;
      this.#noteAccepted(steps);
    }
    if (!this.#over && !this.#mayEnd) await this.#stillResponds();
    await this.#leave();
    const { code, reason } = await ended;
    if (code !== undefined) this.#coverage.mark(`close ${code}`);
    if (!this.#mayEnd && this.#endedByServer) {
      this.#found('session-ended', `closed with ${code ?? 'nothing'}: ${reason}`);
    }
  }

  count(): void {
    const { bytesWritten, bytesRead } = this.#connection.socket;
    Object.assign(this.outcome, { bytesSent: bytesWritten, bytesReceived: bytesRead });
  }

  #send(step: Step): void {
    this.outcome.sent++;
    if (step.kind === 'event') {
      const payload = this.#filled(step.text);
      this.#connection.write(encodeFrame({ opcode: opcodes.text, payload }));
      this.#mayEnd ||= Buffer.byteLength(payload) > this.#frameBytes;
    } else {
      const bytes = Buffer.from(step.bytes, 'base64');
      this.#coverage.mark(`framing ${step.what}`);
      this.#connection.write(bytes);
      this.#mayEnd ||= step.mayEnd || bytes.length > this.#frameBytes;
    }
  }

  /** Maximum size of a message; beyond it the connection is closed. */
  get #frameBytes(): number {
    return configs[this.#case.profile].limits?.frameBytes ?? Number.POSITIVE_INFINITY;
  }

  /** `@item`, `@response` and `@call` stand for the last ids of the server. */
  #filled(text: string): string {
    if (!text.includes('@')) return text;
    const { item, response, call } = this.#names;
    return text.replaceAll('@item', item).replaceAll('@response', response).replaceAll('@call', call);
  }

  /** Whether the session answers an invalid event; broken framing may prevent that. */
  async #answers(): Promise<boolean> {
    const id = `barrier_${++this.#barriers}`;
    const answered = this.#answerTo(id);
    this.outcome.sent++;
    this.#connection.text(JSON.stringify({ type: 'fuzz.barrier', event_id: id }));
    const ended = this.#connection.closed.then(() => 'ended' as const);
    const result = await within(this.#mayEnd ? 50 : answerMs, Promise.race([answered, ended]));
    if (result === 'ended') {
      this.#endedByServer = true;
      return false;
    }
    if (result === undefined && !this.#mayEnd) this.#found('no-answer', 'an event was not answered');
    return result === 'answered';
  }

  #answerTo(id: string): Promise<'answered'> {
    return new Promise((resolve) => {
      this.#waiting.set(id, () => resolve('answered'));
    });
  }

  #noteAccepted(steps: readonly Step[]): void {
    for (const step of steps) {
      if (step.kind !== 'event' || step.type === undefined || step.eventId === undefined) continue;
      if (!this.#refused.has(step.eventId)) this.#coverage.accept(this.#case.dialect, step.type);
    }
  }

  /** Requests a response without context; a session that cannot create one may refuse. */
  async #stillResponds(): Promise<void> {
    if (this.#case.transcription) return;
    const { dialect } = this.#case;
    const id = 'last_wish';
    const answered = this.#answerTo(id);
    const modalities = dialect === 'ga' ? { output_modalities: ['text'] } : { modalities: ['text'] };
    const response = {
      conversation: 'none',
      input: [],
      tools: [],
      tool_choice: 'none',
      metadata: { id },
      ...modalities,
    };
    this.outcome.sent++;
    this.#connection.text(JSON.stringify({ type: 'response.create', event_id: id, response }));
    const ended = this.#connection.closed.then(() => 'ended' as const);
    const result = await within(answerMs, Promise.race([answered, ended]));
    if (result === 'ended') this.#endedByServer = true;
    if (result === undefined) this.#found('no-answer', 'a response was not made');
  }

  async #leave(): Promise<void> {
    const { socket } = this.#connection;
    if (this.#over) return;
    if (this.#mayEnd || this.#case.ending === 'destroy') {
      socket.destroy();
      return;
    }
    if (this.#case.ending === 'half-close') socket.end();
    else this.#connection.write(encodeFrame({ opcode: opcodes.close, payload: Buffer.from([0x03, 0xe8]) }));
    if ((await within(answerMs, this.#connection.closed)) !== undefined) return;
    this.#found('no-answer', `the end of a connection (${this.#case.ending}) was not answered`);
    socket.destroy();
  }

  #received(text: string): void {
    this.outcome.received++;
    for (const complaint of this.#check.complaints(text)) this.#found('invalid-output', complaint);
    const event = JSON.parse(text) as ReceivedEvent;
    this.#coverage.see(this.#case.dialect, event.type);
    this.#remember(event);
    if (event.type === 'session.created' || event.type === 'transcription_session.created') this.#created();
    if (event.type === 'error' && event.error) this.#refusal(event.error);
    if (event.type === 'response.done') this.#done(event);
  }

  #remember({ item, response }: ReceivedEvent): void {
    if (item?.role === 'assistant' && item.id) this.#names.item = item.id;
    if (item?.call_id) this.#names.call = item.call_id;
    if (response?.id) this.#names.response = response.id;
  }

  #refusal(error: ReceivedError): void {
    const { code, message, event_id } = error;
    this.#coverage.meet({ code, message });
    if (code === 'internal_error') this.#found('internal-error', message);
    if (event_id === null) return;
    this.#refused.add(event_id);
    this.#waiting.get(event_id)?.();
    this.#waiting.delete(event_id);
  }

  #done({ response }: ReceivedEvent): void {
    const { type, error } = response?.status_details ?? {};
    if (error?.code) this.#coverage.meet({ code: error.code, message: error.message ?? '' });
    if (type === 'failed' && error?.code === 'internal_error') this.#found('internal-error', 'a response failed');
    this.#waiting.get(String(response?.metadata?.id))?.();
  }

  #found(kind: Finding['kind'], what: string): void {
    this.outcome.findings.push({ kind, what: `${this.#case.dialect}: ${what}` });
  }
}

interface ReceivedError {
  code: string | null;
  message: string;
  event_id: string | null;
}

/** The fields of an event that are used here; `OfficialCheck` checks the rest. */
interface ReceivedEvent {
  type: string;
  error?: ReceivedError;
  item?: { id?: string; role?: string; call_id?: string };
  response?: {
    id?: string;
    metadata?: Record<string, string> | null;
    status_details?: { type?: string; error?: { code?: string; message?: string } } | null;
  };
}

/** The result of the promise, or undefined after `ms`. */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  const abort = new AbortController();
  const late = delay(ms, undefined, { signal: abort.signal }).catch(() => undefined);
  const first = await Promise.race([promise, late]);
  abort.abort();
  return first;
}
