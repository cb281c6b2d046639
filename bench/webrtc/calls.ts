/** Calls over WebRTC: how fast they open and answer, their cost beside a bare peer, and what loss does to audio. */

import { concatSamples, samplesIn } from '../../src/audio/pcm.ts';
import { type Section, summarise } from '../figures.ts';
import { wireRateHz } from '../recording.ts';
import { withServers } from './callers.ts';
import { callCost } from './cost.ts';
import { reception } from './reception.ts';
import { releasedCalls } from './released-calls.ts';

interface Amount {
  /** Calls that are opened and closed, and questions in one of them. */
  opened: number;
  answers: number;
  /** How often the cost of a call is measured, and calls whose release is checked. */
  costRounds: number;
  closedCalls: number;
  /** Length of the tone and of the speech that are sent over each lossy network. */
  toneMs: number;
  questions: readonly Int16Array[];
}

export async function calls(amount: Amount): Promise<Section[]> {
  return [
    await opening(amount),
    await callCost(amount.costRounds, amount.questions[0] ?? new Int16Array(0)),
    await releasedCalls(amount.closedCalls),
    await reception(amount.toneMs, concatSamples(amount.questions).subarray(0, samplesIn(amount.toneMs, wireRateHz))),
  ];
}

function opening({ opened, answers, questions }: Amount): Promise<Section> {
  return withServers('embedded', async (bare, parley) => {
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
