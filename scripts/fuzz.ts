/** `npm run fuzz`: see `--help`. */

import { writeFile } from 'node:fs/promises';
import { Fuzzer, type Memory } from '../dev/fuzz/fuzzer.ts';
import { type FuzzOptions, parseOptions, usage } from '../dev/fuzz/options.ts';
import { formatReport, reportOf } from '../dev/fuzz/report.ts';
import { newState, type RunState, readState, writeState } from '../dev/fuzz/state.ts';
import { UsageError } from '../src/cli/flags.ts';

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  try {
    const options = parseOptions(argv);
    if (options !== 'help') return await fuzz(options);
    process.stdout.write(usage);
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\nSee \`npm run fuzz -- --help\`.\n`);
    return 2;
  }
}

async function fuzz({ minutes, seed, resume, report: file, cases, lanes }: FuzzOptions): Promise<number> {
  const state = (resume === undefined ? undefined : await readState(resume)) ?? newState(seed);
  const fuzzer = new Fuzzer({
    state,
    lanes,
    onProgress: (now) => progress(now, resume),
    onFinding: ({ kind, what }, number) => process.stderr.write(`case ${number}: ${kind}: ${what.slice(0, 300)}\n`),
  });
  let memory: Memory | undefined;
  if (cases.length > 0) await fuzzer.runOnly(cases);
  else memory = await fuzzer.run(minutes * 60_000);
  if (resume !== undefined) await writeState(resume, state);
  const report = reportOf(state, fuzzer.coverage, memory);
  process.stdout.write(formatReport(report));
  if (file !== undefined) await writeFile(file, `${JSON.stringify(report, null, 2)}\n`);
  return report.findings.length === 0 && report.deaths === 0 ? 0 : 1;
}

async function progress(state: RunState, file: string | undefined): Promise<void> {
  const { seconds, framesSent, next, deaths, findings } = state;
  process.stderr.write(
    `${seconds.toFixed(0)} s: ${next} cases, ${framesSent} frames, ${deaths} deaths, ${findings.length} findings\n`,
  );
  if (file !== undefined) await writeState(file, state);
}
