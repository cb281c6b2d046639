import { messageOf } from '../../src/core/errors.ts';
import { Child } from '../harness/child.ts';
import { mint } from '../harness/plain-request.ts';
import type { ServerCost } from './cost.ts';
import { key, type Profile } from './profiles.ts';
import type { FromTarget, ServerStats, ToTarget, Trouble } from './server-process.ts';

/** Client secrets of each dialect. */
export type Secrets = Readonly<Record<'ga' | 'beta', string>>;

/** The servers under test, in a child process that is restarted when it exits. */
export class Target {
  readonly ports: Readonly<Record<Profile, number>>;
  readonly secrets: Readonly<Record<Profile, Secrets>>;
  /** Resolves with the last output of the process when it exits by itself. */
  readonly died: Promise<string>;
  /** Internal errors in the log since the last call. */
  readonly troubles: Trouble[] = [];
  readonly #child: Child<ToTarget, FromTarget>;

  private constructor(
    child: Child<ToTarget, FromTarget>,
    { ports, secrets }: Pick<Target, 'ports' | 'secrets'>,
    onTrouble: () => void,
  ) {
    this.#child = child;
    this.ports = ports;
    this.secrets = secrets;
    this.died = child.ended.catch(messageOf);
    child.onMessage((message) => {
      if (message.type !== 'trouble') return;
      this.troubles.push(message.trouble);
      onTrouble();
    });
  }

  static async start(onTrouble: () => void = () => {}): Promise<Target> {
    const child = new Child<ToTarget, FromTarget>(new URL('./server-process.ts', import.meta.url));
    const { ports } = await child.next('ready');
    const secrets = { roomy: await mintBoth(ports.roomy), tight: await mintBoth(ports.tight) };
    return new Target(child, { ports, secrets }, onTrouble);
  }

  async stats(): Promise<ServerStats> {
    this.#child.send({ type: 'stats' });
    return (await this.#child.next('stats')).stats;
  }

  async measure(options: { collect: boolean }): Promise<void> {
    this.#child.send({ type: 'measure', ...options });
    await this.#child.next('measuring');
  }

  /** Cost since `measure`. `last`: the measurement ends. */
  async cost({ last }: { last: boolean }): Promise<ServerCost> {
    this.#child.send({ type: 'cost', last });
    return (await this.#child.next('cost')).cost;
  }

  close(): Promise<void> {
    return this.#child.close();
  }
}

async function mintBoth(port: number): Promise<Secrets> {
  const url = `http://127.0.0.1:${port}`;
  const parley = { locked: ['instructions'], max_session_seconds: 600 };
  const expires = { expires_after: { anchor: 'created_at', seconds: 7200 } };
  return {
    ga: await mint(url, key, 'ga', { ...expires, parley }),
    beta: await mint(url, key, 'beta', { client_secret: expires, parley }),
  };
}
