/** A child process that exchanges typed messages; waiting for one fails when the process exits. */

import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const errorTailCharacters = 4000;
const exitTimeoutMs = 10_000;

export class Child<ToChild extends object, FromChild extends { type: string }> {
  readonly #process: ChildProcess;
  readonly #listeners = new Set<(message: FromChild) => void>();
  readonly #ended = Promise.withResolvers<never>();
  #errorTail = '';
  #closing = false;

  constructor(script: URL, args: readonly string[] = [], nodeOptions: readonly string[] = []) {
    const path = fileURLToPath(script);
    this.#process = fork(path, args, {
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
      execArgv: [...process.execArgv, ...nodeOptions],
    });
    this.#process.stderr?.on('data', (data: Buffer) => {
      this.#errorTail = (this.#errorTail + data.toString()).slice(-errorTailCharacters);
    });
    // Both ends of the channel are in this project.
    this.#process.on('message', (message) => {
      for (const listener of this.#listeners) listener(message as FromChild);
    });
    this.#process.on('exit', (code) => {
      if (!this.#closing) this.#ended.reject(new Error(`${path} ended with code ${code}:\n${this.#errorTail}`));
    });
    this.#ended.promise.catch(() => {});
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  send(message: ToChild): void {
    this.#process.send(message);
  }

  onMessage(listener: (message: FromChild) => void): void {
    this.#listeners.add(listener);
  }

  /** The next message of a type. Rejects if the process exits first. */
  next<Type extends FromChild['type']>(type: Type): Promise<Extract<FromChild, { type: Type }>> {
    const { promise, resolve } = Promise.withResolvers<Extract<FromChild, { type: Type }>>();
    const listener = (message: FromChild) => {
      if (!isOfType(message, type)) return;
      this.#listeners.delete(listener);
      resolve(message);
    };
    this.#listeners.add(listener);
    return Promise.race([promise, this.#ended.promise]);
  }

  /** Rejects if the process exits by itself; otherwise never settles. */
  get ended(): Promise<never> {
    return this.#ended.promise;
  }

  /**
   * Ends the process and waits for its exit. It may exit by itself first, so that Node can write a profile if asked to.
   */
  async close(): Promise<void> {
    this.#closing = true;
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = new Promise<void>((resolve) => this.#process.once('exit', () => resolve()));
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), exitTimeoutMs);
    if (this.#process.connected) this.#process.disconnect();
    await exited;
    clearTimeout(timer);
  }
}

function isOfType<Message extends { type: string }, Type extends Message['type']>(
  message: Message,
  type: Type,
): message is Extract<Message, { type: Type }> {
  return message.type === type;
}
