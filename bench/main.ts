/** `npm run bench`: measures everything and prints one table. */

import { writeFile } from 'node:fs/promises';
import { access } from './access.ts';
import { bareLimit } from './bare-limit.ts';
import { coldStart } from './cold-start.ts';
import { eventLoop } from './event-loop.ts';
import { reached, type Section } from './figures.ts';
import { limitsCost } from './limits-cost.ts';
import { busyWarning, describeMachine } from './machine.ts';
import { memory } from './memory.ts';
import { type BenchOptions, type Part, parseOptions, parts, UsageError, usage } from './options.ts';
import { ownShare } from './own-share.ts';
import { fullPlan, quickPlan } from './plan.ts';
import { loadQuestions, QuestionError } from './questions.ts';
import { remoteEngines } from './remote-engines.ts';
import { heading, table, warningLine } from './report.ts';
import { turnLatency } from './turn-latency.ts';

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  try {
    const options = parseOptions(argv);
    if (options === 'help') process.stdout.write(usage);
    else await bench(options);
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof QuestionError)) throw error;
    process.stderr.write(`${error.message}\nSee \`npm run bench -- --help\`.\n`);
    return 2;
  }
}

async function bench({ quick, json, questions: files, only }: BenchOptions): Promise<void> {
  const machine = await describeMachine();
  const questions = await loadQuestions(files);
  const warning = busyWarning(machine);
  process.stdout.write(`${heading(machine, quick ? 'quick' : 'full')}\n`);
  if (warning !== null) process.stdout.write(`${warningLine(warning)}\n`);

  const plan = quick ? quickPlan : fullPlan;
  const measure: Record<Part, () => Promise<Section>> = {
    'cold-start': () => coldStart({ runs: plan.coldStarts, question: questions[0] ?? new Int16Array(0) }),
    'turn-latency': () => turnLatency({ questions, turns: Math.max(plan.turns, questions.length) }),
    'own-share': () => ownShare({ sessions: plan.instantSessions, turns: plan.instantTurns }),
    'remote-engines': () => remoteEngines({ rounds: plan.remoteRounds, turns: plan.remoteTurns }),
    'event-loop': () => eventLoop({ questions, sessions: plan.talkers, ms: plan.talkMs }),
    'bare-limit': () => bareLimit({ sessions: plan.streamers, spans: plan.spans, spanMs: plan.spanMs }),
    access: () => access({ spans: plan.accessSpans, secrets: plan.secrets, connections: plan.connections }),
    memory: () => memory({ idle: plan.idleSessions, live: plan.liveSessions }),
    'limits-cost': () => limitsCost({ rounds: plan.limitRounds }),
  };
  const sections: Section[] = [];
  for (const part of parts.filter((candidate) => only.includes(candidate))) {
    const section = await measure[part]();
    sections.push(section);
    process.stdout.write(`${table([section])}\n`);
  }

  const missed = sections.flatMap(({ figures }) => figures).filter((figure) => reached(figure) === false);
  process.stdout.write(missed.length === 0 ? 'Every aim was met.\n' : `Missed: ${missed.map(nameOf).join('; ')}.\n`);
  if (json !== undefined) {
    await writeFile(json, `${JSON.stringify({ machine, quick, warning, plan, sections }, null, 2)}\n`);
  }
}

function nameOf({ name }: { name: string }): string {
  return name.trim();
}
