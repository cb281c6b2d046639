/** `npm run bench`: measures everything and prints one table. */

import { writeFile } from 'node:fs/promises';
import { UsageError } from '../src/cli/flags.ts';
import { access } from './access.ts';
import { bareLimit } from './bare-limit.ts';
import { capacity } from './capacity/capacity.ts';
import { coldStart } from './cold-start.ts';
import { compare } from './compare.ts';
import { eventLoop } from './event-loop.ts';
import { reached, type Section } from './figures.ts';
import { limitsCost } from './limits-cost.ts';
import { mcp } from './mcp.ts';
import { memory } from './memory.ts';
import {
  type BenchOptions,
  fullComparePlan,
  fullPlan,
  type Part,
  parseOptions,
  parts,
  quickComparePlan,
  quickPlan,
  usage,
} from './options.ts';
import { loadQuestions, QuestionError } from './questions.ts';
import { remoteEngines } from './remote/remote-engines.ts';
import { busyWarning, comparisonTable, describeMachine, heading, table, warningLine } from './report.ts';
import { soak } from './soak.ts';
import { checkOut, type Tree } from './tree.ts';
import { ownShare, turnLatency } from './turn-latency.ts';
import { turnTaking } from './turns/turn-taking.ts';
import { calls } from './webrtc/calls.ts';

/** For `--compare`, whose rounds must be short. */
const shortQuestion = 'What time is it now?';

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  try {
    const options = parseOptions(argv);
    if (options !== 'help') return await bench(options);
    process.stdout.write(usage);
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof QuestionError)) throw error;
    process.stderr.write(`${error.message}\nSee \`npm run bench -- --help\`.\n`);
    return 2;
  }
}

/** Returns the exit status. */
async function bench(options: BenchOptions): Promise<number> {
  // First, because the commit may not exist and dependencies may have to be installed.
  const there = options.compare === undefined ? undefined : checkOut(options.compare);
  const machine = await describeMachine();
  const questions = await loadQuestions(options.questions, there && [shortQuestion]);
  const warning = busyWarning(machine);
  process.stdout.write(`${heading(machine, options.quick ? 'quick' : 'full')}\n`);
  if (warning !== null) process.stdout.write(`${warningLine(warning)}\n`);
  const { figures, passed } = there
    ? await measureBoth(there, options, questions)
    : await measureParts(options, questions);
  if (options.json !== undefined) {
    const { quick } = options;
    await writeFile(options.json, `${JSON.stringify({ machine, quick, warning, ...figures }, null, 2)}\n`);
  }
  return passed ? 0 : 1;
}

interface Outcome {
  /** Written as JSON. */
  figures: object;
  passed: boolean;
}

async function measureBoth(there: Tree, { quick }: BenchOptions, questions: readonly Int16Array[]): Promise<Outcome> {
  const plan = quick ? quickComparePlan : fullComparePlan;
  const comparisons = await compare(there, plan, questions, (done) =>
    process.stderr.write(`round ${done} of ${plan.rounds}\n`),
  );
  process.stdout.write(`${comparisonTable(comparisons, there.label)}\n`);
  const worse = comparisons.filter(({ verdict }) => verdict === 'WORSE');
  process.stdout.write(worse.length === 0 ? 'No figure is worse.\n' : `Worse: ${worse.map(nameOf).join('; ')}.\n`);
  return { figures: { comparedWith: there.label, plan, comparisons }, passed: worse.length === 0 };
}

async function measureParts({ quick, only, tuning }: BenchOptions, questions: readonly Int16Array[]): Promise<Outcome> {
  const plan = quick ? quickPlan : fullPlan;
  const measure: Record<Part, () => Promise<Section | Section[]>> = {
    'cold-start': () => coldStart({ runs: plan.coldStarts, question: questions[0] ?? new Int16Array(0) }),
    'turn-latency': () => turnLatency({ questions, turns: Math.max(plan.turns, questions.length) }),
    turns: () => turnTaking({ split: tuning ? 'tuning' : 'held-out', share: plan.corpusShare }),
    'own-share': () => ownShare({ sessions: plan.instantSessions, turns: plan.instantTurns }),
    'remote-engines': () => remoteEngines({ rounds: plan.remoteRounds, turns: plan.remoteTurns }),
    'event-loop': () => eventLoop({ questions, sessions: plan.talkers, ms: plan.talkMs }),
    'bare-limit': () => bareLimit({ sessions: plan.streamers, spans: plan.spans, spanMs: plan.spanMs }),
    access: () => access({ spans: plan.accessSpans, secrets: plan.secrets, connections: plan.connections }),
    memory: () => memory({ idle: plan.idleSessions, live: plan.sessionCounter }),
    'limits-cost': () => limitsCost({ rounds: plan.limitRounds }),
    mcp: () => mcp({ calls: plan.toolCalls, imports: plan.toolImports }),
    capacity: () => capacity(plan.capacity, questions[0] ?? new Int16Array(0)),
    soak: () => soak(plan.soak),
    webrtc: () =>
      calls({
        ...{ opened: plan.openedCalls, answers: plan.callAnswers, toneMs: plan.toneMs, questions },
        ...{ costRounds: plan.callCostRounds, closedCalls: plan.closedCalls },
      }),
  };
  const sections: Section[] = [];
  for (const part of parts.filter((candidate) => only.includes(candidate))) {
    const measured = [await measure[part]()].flat();
    sections.push(...measured);
    process.stdout.write(`${table(measured)}\n`);
  }

  const missed = sections.flatMap(({ figures }) => figures).filter((figure) => reached(figure) === false);
  process.stdout.write(missed.length === 0 ? 'Every aim was met.\n' : `Missed: ${missed.map(nameOf).join('; ')}.\n`);
  return { figures: { plan, sections }, passed: true };
}

function nameOf({ name }: { name: string }): string {
  return name.trim();
}
