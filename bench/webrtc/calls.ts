/** Calls over WebRTC: how fast they open, beside a bare peer, and answer, and what loss does to audio. */

import { Child } from '../../dev/harness/child.ts';
import { concatSamples, samplesIn } from '../../src/audio/pcm.ts';
import { type Section, summarise } from '../figures.ts';
import { wireRateHz } from '../recording.ts';
import { MeasuredServer } from '../servers.ts';
import type { FromCallers, ToCallers } from './call-process.ts';
import { reception } from './reception.ts';

const callProcess = new URL('./call-process.ts', import.meta.url);

interface Amount {
  /** Calls that are opened and closed, and questions in one of them. */
  opened: number;
  answers: number;
  /** Length of the tone and of the speech that are sent over each lossy network. */
  toneMs: number;
  questions: readonly Int16Array[];
}

export async function calls(amount: Amount): Promise<Section[]> {
  return [
    await opening(amount),
    await reception(amount.toneMs, concatSamples(amount.questions).subarray(0, samplesIn(amount.toneMs, wireRateHz))),
  ];
}

class Callers {
  readonly #child = new Child<ToCallers, FromCallers>(callProcess);
  readonly #url: string;

  constructor({ wsUrl }: MeasuredServer) {
    this.#url = `${wsUrl.replace('ws', 'http')}/calls`;
  }

  open(calls: number): Promise<number[]> {
    return this.#ask({ type: 'open', url: this.#url, calls }, 'opened').then(({ ms }) => ms);
  }

  ask(question: Int16Array): Promise<number> {
    return this.#ask({ type: 'ask', question }, 'answered').then(({ ms }) => ms);
  }

  async hangUp(): Promise<void> {
    await this.#ask({ type: 'close' }, 'closed');
  }

  close(): Promise<void> {
    return this.#child.close();
  }

  #ask<T extends FromCallers['type']>(message: ToCallers, answer: T) {
    const answered = this.#child.next(answer);
    this.#child.send(message);
    return answered;
  }
}

async function withServers<T>(
  use: (
    bare: { server: MeasuredServer; callers: Callers },
    parley: { server: MeasuredServer; callers: Callers },
  ) => Promise<T>,
): Promise<T> {
  const servers = [await MeasuredServer.start('bare-peer'), await MeasuredServer.start('embedded')] as const;
  const [bare, parley] = [
    { server: servers[0], callers: new Callers(servers[0]) },
    { server: servers[1], callers: new Callers(servers[1]) },
  ];
  try {
    return await use(bare, parley);
  } finally {
    await Promise.all([bare.callers.close(), parley.callers.close(), ...servers.map((server) => server.close())]);
  }
}

function opening({ opened, answers, questions }: Amount): Promise<Section> {
  return withServers(async (bare, parley) => {
    const times = { bare: [] as number[], parley: [] as number[] };
    for (let call = 0; call <= opened; call += 1) {
      for (const [who, { callers }] of [
        ['bare', bare],
        ['parley', parley],
      ] as const) {
        const ms = await callers.open(1);
        await callers.hangUp();
        // The first call loads the library.
        if (call > 0) times[who].push(...ms);
      }
    }
    await parley.callers.open(1);
    const answered: number[] = [];
    const [question = new Int16Array(0)] = questions;
    for (let turn = 0; turn <= answers; turn += 1) {
      const ms = await parley.callers.ask(question);
      if (turn > 0) answered.push(ms);
    }
    const limit = summarise(times.bare);
    const figure = summarise(times.parley);
    return {
      title: 'A call over WebRTC, embedded engines',
      how:
        'From the sending of the offer to the first event on the data channel, in turns with a bare peer; the client is the same library in another process, and its work counts. ' +
        "From sending the caller's last voiced sample to the first frame above −50 dBFS that arrives; it contains the 500 ms of silence that server_vad waits for. A first call and a first turn are not counted.",
      figures: [
        { name: 'offer → first event: bare peer', unit: 'ms', ...limit },
        { name: '  Parley: session.created', unit: 'ms', ...figure, timesBare: figure.median / limit.median },
        { name: 'end of the voice → audible answer', unit: 'ms', ...summarise(answered) },
      ],
      warnings: [],
    };
  });
}
