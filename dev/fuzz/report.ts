/** The report of a run. */

import { readFileSync } from 'node:fs';
import { requirements } from '../harness/requirements.ts';
import { amplificationLine } from './cost.ts';
import type { Coverage } from './coverage.ts';
import type { Memory } from './fuzzer.ts';
import type { FoundCase, RunState } from './state.ts';

export interface Report extends Omit<RunState, 'next' | 'coverage'> {
  cases: number;
  framesPerSecond: number;
  memory: Memory | undefined;
  /** Requirements that a fuzzer can observe, and those that were reached. */
  reachable: string[];
  reached: string[];
}

export function reportOf(state: RunState, coverage: Coverage, memory: Memory | undefined): Report {
  const { next, coverage: _raw, ...rest } = state;
  const reach = reachOf(coverage);
  return {
    ...rest,
    cases: next,
    framesPerSecond: state.seconds > 0 ? state.framesSent / state.seconds : 0,
    memory,
    reachable: [...reach.keys()],
    reached: [...reach].filter(([, reached]) => reached).map(([id]) => id),
  };
}

export function formatReport(report: Report): string {
  const { framesSent, framesReceived, sessions, requests, seconds, deaths, reachable, reached, memory, findings } =
    report;
  const missing = reachable.filter((id) => !reached.includes(id));
  return [
    `Seed ${report.seed}, ${report.cases} cases in ${seconds.toFixed(0)} s: ${sessions} sessions and ${requests} requests.`,
    `${framesSent} frames sent (${report.framesPerSecond.toFixed(0)} in a second), ${framesReceived} received and checked.`,
    `Deaths of the server: ${deaths}.`,
    `The longest that a bystander waited for a pong: ${report.longestWaitMs.toFixed(0)} ms, the fuzzer's own delays included.`,
    memory === undefined ? 'Memory: not measured.' : memoryLine(memory),
    `Requirements: ${reached.length} of the ${reachable.length} that a fuzzer can observe were reached` +
      ` (of ${requirements.length} in all).`,
    ...(missing.length > 0 ? [`Not reached: ${missing.join(', ')}`] : []),
    `Measured alone: ${report.measured} cases. The worst of each cost:`,
    ...report.worst.map((each) => amplificationLine(each, report.seed)),
    findings.length === 0 ? 'Nothing was found.' : `Found: ${findings.length}`,
    ...findings.map(findingLines),
    '',
  ].join('\n');
}

function memoryLine({ before, after }: Memory): string {
  const sessions = after.openedSessions - before.openedSessions;
  return (
    `Memory after ${sessions} sessions more, all gone but ${after.openSessions}: heap ${before.heapMB.toFixed(1)} → ${after.heapMB.toFixed(1)} MB, ` +
    `resident ${before.residentMB.toFixed(0)} → ${after.residentMB.toFixed(0)} MB, handles ${before.resources} → ${after.resources}. ` +
    `The server's event loop was held up for at most ${after.eventLoopDelayMs.max.toFixed(0)} ms, garbage collection for these figures included.`
  );
}

function findingLines({ kind, what, count, seed, number, repeatable, minimal }: FoundCase): string {
  const steps =
    minimal.kind === 'session'
      ? minimal.steps.map((step) => (step.kind === 'event' ? step.text : `${step.what}: ${step.bytes}`))
      : [Buffer.from(minimal.request, 'base64').toString('latin1')];
  return [
    `\n${kind} (${count} times${repeatable ? '' : ', not repeatable alone'}): ${what}`,
    `  npm run fuzz -- --seed ${seed} --case ${number}   ${minimal.kind === 'session' ? `${minimal.dialect}, ${minimal.profile}` : minimal.profile}`,
    ...steps.map((step) => `  ${JSON.stringify(step.slice(0, 600))}`),
  ].join('\n');
}

/**
 * For each requirement that a fuzzer can observe, whether it was reached. A client event: sent in valid form and not
 * answered with an error. A server event: received. An error of docs/protocol.md §5: one with its code and the
 * beginning of its text. Some of §1: by close codes and HTTP statuses. Whether a requirement is met is for the tests to
 * decide; every received frame is checked against the official types and the rules of practice.
 */
function reachOf(coverage: Coverage): Map<string, boolean> {
  const reach = new Map<string, boolean>();
  const errorRules = readErrorRules();
  for (const { id, pending } of requirements) {
    if (pending !== undefined) continue;
    const [dialect = '', side = '', ...rest] = id.split('.');
    const type = rest.join('.');
    if (side === 'client') reach.set(id, coverage.accepted.has(`${dialect} ${type}`));
    else if (side === 'server') reach.set(id, coverage.sent.has(`${dialect} ${type}`));
    else if (dialect === 'rest' && restPaths[id]) reach.set(id, coverage.marks.has(`rest ${restPaths[id]} 200`));
    const rule = errorRules.get(id);
    if (rule)
      reach.set(
        id,
        [...coverage.errors.values()].some(
          (error) => rule.codes.includes(error.code) && error.message.startsWith(rule.beginning),
        ),
      );
    const marks = ruleMarks[id];
    if (marks)
      reach.set(
        id,
        marks.every((mark) => coverage.marks.has(mark)),
      );
  }
  return reach;
}

const restPaths: Record<string, string> = {
  'rest.client_secrets.create': '/v1/realtime/client_secrets',
  'rest.sessions.create': '/v1/realtime/sessions',
  'rest.transcription_sessions.create': '/v1/realtime/transcription_sessions',
};

const ruleMarks: Record<string, readonly string[]> = {
  'R1.1': ['rest /v1/realtime 101'],
  'R1.5': ['http 403', 'http 404'],
  'R1.6': ['close 3000', 'close 4000'],
  'R1.15': ['rest /openai/realtime 101', 'rest /openai/v1/realtime 101'],
  'R1.18': ['close 1002', 'close 1007', 'close 1009'],
};

interface ErrorRule {
  codes: (string | null)[];
  /** The text up to its first variable. */
  beginning: string;
}

/** The rows of the table of errors. */
function readErrorRules(): Map<string, ErrorRule> {
  const page = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8');
  const rules = new Map<string, ErrorRule>();
  for (const line of page.split('\n')) {
    const [, id = '', , code = '', , text = ''] = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
    if (!/^R5\.\d+$/.test(id)) continue;
    const codes = code === 'null' ? [null] : [...code.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
    const beginning = /^`([^`'"\d…]*)/.exec(text)?.[1] ?? '';
    rules.set(id, { codes, beginning: beginning.replace(/(resp_X|sk-).*/, '') });
  }
  return rules;
}
