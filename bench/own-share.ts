/** What Parley itself adds to a turn: the same turns, with engines that take no time. */

import { tone } from '../dev/harness/instant-engines.ts';
import type { Section } from './figures.ts';
import { Load } from './load.ts';
import { MeasuredServer } from './measured-server.ts';
import { wireRateHz } from './recording.ts';
import { turnFigure } from './turn-figures.ts';

/** A turn of each session every 4 s: 600 ms of voice, 500 ms until it counts as ended, and this pause. */
const pauseMs = 2900;
const turnEveryMs = 4000;

export async function ownShare({ sessions, turns: count }: { sessions: number; turns: number }): Promise<Section> {
  const server = await MeasuredServer.start('instant');
  try {
    const load = await Load.start({
      wsUrl: server.wsUrl,
      sessions,
      chunkMs: 20,
      detection: 'server_vad',
      questions: [tone(600, wireRateHz)],
      pauseMs,
      spreadMs: turnEveryMs,
      listen: true,
    });
    // One round, so that what is compiled on first use is.
    await load.takeTurns(sessions, 3 * turnEveryMs);
    load.begin();
    await load.takeTurns(count, 3 * turnEveryMs * Math.ceil(count / sessions));
    const turns = load.turns.slice(0, count);
    const warnings = await load.stop();
    return {
      title: `Parley's own share of a turn, ${sessions} sessions`,
      how:
        `Engines that answer at once. ${sessions} sessions stream audio all the time in 20 ms chunks, each with a turn every 4 s, which ` +
        `makes ${sessions / 4} turns a second; the clients are another process. The first line begins when the append that ends the turn is ` +
        'sent: the way there, all that Parley does, and the way back. The second line begins when speech_stopped arrives; it is short ' +
        'because Parley sends the events that it has at one time together.',
      figures: [
        turnFigure('append that ends the turn → first audio', turns, (turn) => turn.appendToAudioMs, {
          median: 2,
          p99: 10,
        }),
        turnFigure('speech_stopped → first audio', turns, (turn) => turn.audioMs),
      ],
      warnings,
    };
  } finally {
    await server.close();
  }
}
