/** `parley ask`: sends a spoken or written question to a Realtime endpoint, and writes the answer to a file. */

import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { createInterface, type Interface } from 'node:readline/promises';
import { durationMs } from '../../audio/pcm.ts';
import { resample } from '../../audio/resample.ts';
import { readWav, WavError, writeWav } from '../../audio/wav.ts';
import { messageOf } from '../../core/errors.ts';
import { UsageError } from '../flags.ts';
import { ConnectionError } from '../realtime-client.ts';
import { Conversation, type Outcome, type Question, sampleRateHz } from './conversation.ts';
import { type AskOptions, parseOptions, usage } from './options.ts';
import { formatMs, Report } from './report.ts';
import { readTools } from './tools.ts';

/**
 * Runs the command with the arguments that follow `ask`; it needs a server that runs.
 * Resolves with the exit code: 0 if there was an answer, 1 if there was none, 2 if the command line is invalid.
 */
export async function ask(argv: string[]): Promise<number> {
  const report = new Report(process.stdout);
  try {
    const options = parseOptions(argv, process.env);
    if (options === 'help') {
      process.stdout.write(usage);
      return 0;
    }
    const tools = readTools(options.tools);
    const question = options.question === undefined ? undefined : await readQuestion(options.question);
    let input: Interface | undefined;
    const terminal = () => (input ??= createInterface({ input: process.stdin }));
    const approve = approver(options, terminal);
    const conversation = await Conversation.open(options, { ...tools, approve }, report);
    try {
      if (question === undefined) return await holdDialogue(conversation, terminal(), options, report);
      return (await askOne(conversation, question, options, report)) ? 0 : 1;
    } finally {
      conversation.close();
      input?.close();
    }
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`${error.message}\nSee \`npm run ask -- --help\`.\n`);
      return 2;
    }
    if (error instanceof ConnectionError || error instanceof FileError) {
      report.line('error', error.message);
      return 1;
    }
    throw error;
  }
}

/** Asks questions that are typed or piped in, one per line; returns the exit code for all of them. */
async function holdDialogue(
  conversation: Conversation,
  input: Interface,
  options: AskOptions,
  report: Report,
): Promise<number> {
  if (process.stdin.isTTY) report.line('note', 'Type a question, or the path of a WAV file. Ctrl-D ends the dialogue.');
  let allAnswered = true;
  for await (const line of input) {
    const text = line.trim();
    if (text === '') continue;
    try {
      const answered = await askOne(conversation, await readQuestion(text), options, report);
      allAnswered &&= answered;
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      allAnswered = false;
      report.line('error', error.message);
    }
    if (conversation.ended) break;
  }
  return allAnswered ? 0 : 1;
}

/** Decides about calls by the option, or asks the user at the terminal. */
function approver({ approve }: AskOptions, terminal: () => Interface): () => Promise<boolean> {
  return async () => {
    if (approve !== 'ask' || !process.stdin.isTTY) return approve === 'always';
    const input = terminal();
    // At the end of the input nothing is approved.
    const end = once(input, 'close').then(() => '');
    const answer = await Promise.race([input.question(''), end]).catch(() => '');
    return /^y(es)?$/i.test(answer.trim());
  };
}

/** Whether it was answered. */
async function askOne(
  conversation: Conversation,
  question: Question,
  options: AskOptions,
  report: Report,
): Promise<boolean> {
  const outcome = await conversation.ask(question);
  await writeAnswer(outcome, options, report);
  return conclude(outcome, question, report);
}

/** A file cannot be read or written; the message names it. */
class FileError extends Error {
  override readonly name = 'FileError';
}

async function readQuestion(question: string): Promise<Question> {
  if (!existsSync(question)) {
    if (/\.wav$/i.test(question)) throw new FileError(`There is no file ${question}.`);
    return { text: question };
  }
  try {
    const clip = await resample(readWav(await readFile(question)), sampleRateHz);
    return { samples: clip.samples };
  } catch (error) {
    if (error instanceof WavError) throw new FileError(`${question}: ${error.message}.`);
    throw new FileError(`Cannot read ${question}: ${messageOf(error)}`);
  }
}

async function writeAnswer({ playback }: Outcome, { out }: AskOptions, report: Report): Promise<void> {
  const samples = playback.render();
  if (samples.length === 0) return;
  try {
    await writeFile(out, writeWav({ samples, sampleRateHz }));
  } catch (error) {
    throw new FileError(`Cannot write ${out}: ${messageOf(error)}`);
  }
  const length = formatMs(durationMs(samples.length, sampleRateHz));
  report.line('note', `${out}: the audio as it was played, from the start of the question, ${length}`);
}

function conclude({ answers, turns, problem }: Outcome, question: Question, report: Report): boolean {
  if (problem !== null) report.line('error', problem);
  else if (answers === 0 && turns === 0 && 'samples' in question) {
    report.line('error', 'No speech was detected in the recording.');
  } else if (answers === 0) report.line('error', 'No answer arrived.');
  return answers > 0 && problem === null;
}
