import { Child } from '../../bench/child.ts';
import type { Profile } from './profiles.ts';
import type { FromTarget, ServerStats, ToTarget, Trouble } from './server-process.ts';

/** The servers that are attacked, in a child process that is started again when it ends. */
export class Target {
  readonly ports: Readonly<Record<Profile, number>>;
  /** Resolves with what the process wrote last, when it ends by itself. */
  readonly died: Promise<string>;
  /** What the log said of the code's own errors, until it is taken. */
  readonly troubles: Trouble[] = [];
  readonly #child: Child<ToTarget, FromTarget>;

  private constructor(child: Child<ToTarget, FromTarget>, ports: Record<Profile, number>, onTrouble: () => void) {
    this.#child = child;
    this.ports = ports;
    this.died = child.ended.catch((error: unknown) => (error instanceof Error ? error.message : String(error)));
    child.onMessage((message) => {
      if (message.type !== 'trouble') return;
      this.troubles.push(message.trouble);
      onTrouble();
    });
  }

  static async start(onTrouble: () => void = () => {}): Promise<Target> {
    const child = new Child<ToTarget, FromTarget>(new URL('./server-process.ts', import.meta.url));
    const { ports } = await child.next('ready');
    return new Target(child, ports, onTrouble);
  }

  async stats(): Promise<ServerStats> {
    this.#child.send({ type: 'stats' });
    return (await this.#child.next('stats')).stats;
  }

  close(): Promise<void> {
    return this.#child.close();
  }
}
