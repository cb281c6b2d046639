/**
 * Engines for a simulated clock: each request is computed while the clock stands still, and its results arrive after the
 * CPU time that the computation took. Equal requests are computed once.
 */

import { createHash } from 'node:crypto';
import { pause } from '../../src/core/abort.ts';
import type { Clock } from '../../src/core/clock.ts';
import { decorate, type EngineEvents, type EngineRequest } from '../../src/engines/decorate.ts';
import type { Engines, RequestKind } from '../../src/session/ports/engines.ts';
import type { VoiceActivityDetector } from '../../src/session/ports/voice-activity.ts';

interface Recorded {
  event: EngineEvents[RequestKind];
  costMs: number;
}

export class SimulatedEngines {
  readonly engines: Engines;
  readonly #clock: Clock;
  readonly #inner: Engines;
  readonly #computing = new Set<Promise<unknown>>();
  readonly #recorded: Map<string, Recorded[]>;
  /** One request at a time, so that its cost is that of an idle machine. */
  #last: Promise<unknown> = Promise.resolve();

  /** `recorded`: shared by simulations with the same engines. */
  constructor(inner: Engines, clock: Clock, recorded: Map<string, Recorded[]>) {
    this.#inner = inner;
    this.#clock = clock;
    this.#recorded = recorded;
    const decorated = decorate(inner, (request) => this.#answer(request));
    this.engines = { ...decorated, voiceActivity: this.#detector(inner.voiceActivity) };
  }

  /** Resolves when a running computation has ended; undefined if there is none. */
  get computing(): Promise<unknown> | undefined {
    return this.#computing.size === 0 ? undefined : Promise.race(this.#computing);
  }

  async *#answer<Kind extends RequestKind>(request: EngineRequest<Kind>): AsyncGenerator<EngineEvents[Kind]> {
    const { signal } = request.work;
    const key = keyOf(request);
    const recorded = (key && this.#recorded.get(key)) || (await this.#track(this.#compute(request)));
    if (key) this.#recorded.set(key, recorded);
    for (const { event, costMs } of recorded) {
      await pause(costMs, this.#clock, signal);
      yield event as EngineEvents[Kind];
    }
  }

  #compute<Kind extends RequestKind>(request: EngineRequest<Kind>): Promise<Recorded[]> {
    const computed = this.#last.then(async () => {
      const recorded: Recorded[] = [];
      let costSince = startCost();
      for await (const event of request.send(this.#inner[request.kind])) {
        recorded.push({ event, costMs: costSince() });
        costSince = startCost();
      }
      return recorded;
    });
    this.#last = computed.catch(() => {});
    return computed;
  }

  #detector(inner: VoiceActivityDetector): VoiceActivityDetector {
    return {
      ...(inner.reducesNoise && { reducesNoise: true }),
      open: (options) => {
        const stream = inner.open(options);
        return {
          frameMs: stream.frameMs,
          push: (samples) => {
            const pushed = stream.push(samples);
            return pushed && this.#track(pushed);
          },
          reduceNoise: (reduction) => stream.reduceNoise?.(reduction),
          close: () => stream.close(),
        };
      },
    };
  }

  #track<T>(work: Promise<T>): Promise<T> {
    const tracked = work.finally(() => this.#computing.delete(tracked));
    this.#computing.add(tracked);
    tracked.catch(() => {});
    return tracked;
  }
}

/**
 * Measures the cost of a computation in milliseconds: the CPU time of this process, since other programs may be running,
 * and at most the time that it took, since other threads may be.
 */
function startCost(): () => number {
  const startedAt = performance.now();
  const usage = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(usage);
    return Math.min(performance.now() - startedAt, (user + system) / 1000);
  };
}

/** Identifies a request whose result depends on its contents only. */
function keyOf<Kind extends RequestKind>({ content }: EngineRequest<Kind>): string | undefined {
  if ('clip' in content) {
    const { samples, sampleRateHz } = content.clip;
    const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
    return `${sampleRateHz} ${createHash('sha1').update(bytes).digest('hex')}`;
  }
  if ('text' in content) return `${content.options.voice} ${content.options.speed} ${content.text}`;
  return undefined;
}
