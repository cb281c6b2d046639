/** Latency of an answer: with the embedded engines, and with instant engines, where the rest is Parley's own share. */

import { tone } from '../dev/harness/instant-engines.ts';
import { Load } from './clients.ts';
import { type Section, turnFigure } from './figures.ts';
import { lengthsOf } from './questions.ts';
import { wireRateHz } from './recording.ts';
import { MeasuredServer, ParleyProcess } from './servers.ts';

/** Covers the longest question, its silence, and a slow answer. */
const turnTimeoutMs = 15_000;

export async function turnLatency({
  questions,
  turns: count,
}: {
  questions: readonly Int16Array[];
  turns: number;
}): Promise<Section> {
  const server = await ParleyProcess.start();
  try {
    const { turns, warnings } = await takeTurns(server.wsUrl, { questions, count, pauseMs: 500 });
    return {
      title: 'Turn latency, embedded engines, one session',
      how:
        `${questions.length} questions of ${lengthsOf(questions)} s streamed in real time over a WebSocket in 20 ms chunks, server_vad ` +
        'with its defaults, input transcription on, one after the other in one session; a first turn is not counted. Times begin when ' +
        'speech_stopped arrives. Audible: the first sample above −50 dBFS, when audio is played as it arrives. The last line begins when the ' +
        "caller's last voiced sample is sent, and contains the 500 ms of silence that server_vad waits for.",
      figures: [
        turnFigure('speech_stopped → audible answer', turns, (turn) => turn.heardMs, { median: 300 }),
        turnFigure('  transcriber: → transcript completed', turns, (turn) => turn.transcriptMs),
        turnFigure('  language model: → first words, from there', turns, (t) => t.wordsMs - t.transcriptMs),
        turnFigure('  voice: → first audio, from there', turns, (turn) => turn.audioMs - turn.wordsMs),
        turnFigure('  silence at the beginning of the audio', turns, (turn) => turn.heardMs - turn.audioMs),
        turnFigure('end of the voice → audible answer', turns, (turn) => turn.voiceToHeardMs),
      ],
      warnings,
    };
  } finally {
    await server.close();
  }
}

/** Takes `count` turns in one session, one after the other, after a first one that is not counted. */
export async function takeTurns(
  wsUrl: string,
  { questions, count, pauseMs }: { questions: readonly Int16Array[]; count: number; pauseMs: number },
) {
  const shape = { sessions: 1, chunkMs: 20, detection: 'server_vad', spreadMs: 0, listen: false } as const;
  const load = await Load.start({ wsUrl, questions, pauseMs, ...shape });
  await load.takeTurns(1, turnTimeoutMs);
  load.begin();
  await load.takeTurns(count, count * turnTimeoutMs);
  const turns = load.turns.slice(0, count);
  return { turns, warnings: await load.stop() };
}

/** Each session takes a turn every 4 s: 600 ms of speech, 500 ms of silence, and this pause. */
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
    // A warm-up round, in which code is compiled.
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
