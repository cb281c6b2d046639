/** How long an answer takes with the embedded engines, one conversation at a time. */

import type { Section } from './figures.ts';
import { Load } from './load.ts';
import { ParleyProcess } from './parley-process.ts';
import { lengthsOf } from './questions.ts';
import { turnFigure } from './turn-figures.ts';

/** The longest question, its silence, and a slow answer. */
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
    const load = await Load.start({
      wsUrl: server.wsUrl,
      sessions: 1,
      chunkMs: 20,
      detection: 'server_vad',
      questions,
      pauseMs: 500,
      spreadMs: 0,
      listen: false,
    });
    await load.takeTurns(1, turnTimeoutMs);
    load.begin();
    await load.takeTurns(count, count * turnTimeoutMs);
    const turns = load.turns.slice(0, count);
    const warnings = await load.stop();
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
