/** `parley serve`: starts the server, prints its addresses, and stops it on a signal. */

import { constants } from 'node:os';
import { type Config, ConfigError, configHelp, loadConfig, logOptions } from '../config/config.ts';
import { messageOf } from '../core/errors.ts';
import { createLog, type ProcessLog } from '../core/log.ts';
import { startCommand } from '../server/configured-engines.ts';
import {
  type ConfiguredServer,
  type EngineStatus,
  ListenError,
  logCloseMs,
  type ParleyServer,
  startConfiguredServer,
} from '../server/server.ts';
import { engineKinds } from '../session/ports/engines.ts';
import { collectLessOften } from './collections.ts';

const usage = `Start the server.

  parley serve [options]

Every option can be set in three places: as a flag (--output-lead-ms 500), in the environment
(PARLEY_OUTPUT_LEAD_MS=500), or in a configuration file (output-lead-ms: 500; limits stand under
"limits:"). Flags win over the environment, and the environment over the file.

  --config FILE
      The configuration file, YAML or JSON; also PARLEY_CONFIG.

`;

/**
 * Resolves with the exit code once the server has stopped; 2 if the configuration is invalid, 1 if it cannot listen.
 */
export async function serve(args: readonly string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(usage + configHelp());
    return 0;
  }
  const startedAt = performance.now();
  collectLessOften();
  let log: ProcessLog | undefined;
  try {
    const { config, warnings } = loadConfig({ flags: args, environment: process.env });
    log = createLog({ ...logOptions(config), held: true }, process.stderr.isTTY);
    for (const warning of warnings) log.warn('config_warning', { warning });
    const server = await startConfiguredServer(config, { log });
    const stopped = untilStopped(server, config, log);
    announce(server, config, startedAt);
    log.release();
    await stopped;
    return 0;
  } catch (error) {
    if (error instanceof ConfigError) {
      const help = error.cause === undefined ? 'See "parley serve --help". ' : '';
      process.stderr.write(`${error.message}\n${help}Nothing was started.\n`);
      return 2;
    }
    if (error instanceof ListenError) {
      process.stderr.write(`${error.message}\n`);
      return 1;
    }
    throw error;
  } finally {
    await log?.close(logCloseMs);
  }
}

function announce(server: ParleyServer, config: Config, startedAt: number): void {
  const lines = [
    `Parley listening on ${server.url}`,
    `WebSocket  ${server.wsUrl}?model=${config.models[0] ?? 'gpt-realtime'}`,
    ...config.upstream.map(upstreamLine),
    enginesLine(server.engines()),
    ...standInLines(server),
    config.apiKeys.length === 0
      ? 'Keys       none: any key is accepted, from this machine only'
      : `Keys       ${config.apiKeys.length}: clients must send one`,
  ];
  if (server.fingerprint !== undefined) lines.push(`TLS        certificate SHA-256 ${server.fingerprint}`);
  process.stdout.write(`${lines.join('\n')}\n`);
  server.ready.then(
    () => {
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      const hints = server.engines().flatMap(({ hint }) => (hint === undefined ? [] : [`Model      ${hint}\n`]));
      process.stdout.write(`${hints.join('')}Ready: a turn can be taken (${seconds} s)\n`);
    },
    (error: unknown) => {
      const reason = messageOf(error);
      process.stdout.write(`Not ready, no turn can be taken: ${reason}\n`);
    },
  );
}

/** Embedded engines in full; others by their configured name. */
const fullNames: Record<string, string> = {
  silero: 'Silero v5',
  moonshine: 'Moonshine tiny (English)',
  flite: 'Flite',
  responder: 'the built-in responder',
};

/** Describes the stand-in and how to replace it; empty if a language model is configured. */
function standInLines(server: ParleyServer): string[] {
  if (!server.engines().some(({ part, name }) => part === 'languageModel' && name === 'responder')) return [];
  return [
    'Stand-in   A set of rules answers, not a language model. It greets, tells the time, does sums, remembers facts,',
    `           and calls tools. Ask "what can you do?" at ${server.url}`,
    `           A real model: run Ollama or llama.cpp here, and start with: ${startCommand} --llm auto`,
    `           or use any server with OpenAI's API: ${startCommand} --llm URL#MODEL`,
  ];
}

function enginesLine(engines: readonly EngineStatus[]): string {
  const idle = engines.every(({ state }) => state === 'idle');
  const purpose = idle ? 'for /v1/audio only, loaded on the first request: ' : '';
  return `Engines    ${purpose}${engines.map(describeEngine).join(' · ')}`;
}

function describeEngine({ part, name }: EngineStatus): string {
  return `${engineKinds[part].words} ${fullNames[name] ?? name}`;
}

/** Which sessions are relayed and to which host, without keys and other parts of the URL. */
function upstreamLine({ name, url, models, transcription }: Config['upstream'][number]): string {
  const sessions = models === undefined ? 'every model' : [...models.keys()].join(', ');
  return `Upstream   ${name} (${new URL(url).host}): ${sessions}${transcription ? ', transcription' : ''}`;
}

/** npm forwards a Ctrl-C that the terminal has already sent to all processes in the foreground. */
const sameSignalMs = 500;
/** Time to flush the log when the process ends at once. */
const exitMs = 200;
/** Time to drain and to close after an uncaught exception. */
const faultDrainSeconds = 10;
const faultCloseSeconds = 5;

/**
 * Resolves when the server has stopped after SIGTERM or SIGINT, or because the npm that started it has ended. An
 * uncaught exception stops it too, and then exits with 1. A second signal or exception ends the process at once.
 */
function untilStopped(server: ConfiguredServer, { drainSeconds }: Config, log: ProcessLog): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const exit = async (code: number) => {
    await log.close(exitMs);
    process.exit(code);
  };
  // `process.exit` would end threads that may be loading ONNX Runtime, which aborts the process then.
  const exitBy = async (signal: 'SIGINT' | 'SIGTERM') => {
    await log.close(exitMs);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
    // The system ignores the signal if this is the first process of a container.
    setTimeout(() => process.exit(128 + constants.signals[signal]), exitMs);
  };
  let stoppingSince: number | undefined;
  let faulty = false;
  const stop = (seconds = drainSeconds) => {
    if (stoppingSince !== undefined) return;
    stoppingSince = performance.now();
    server
      .drain(seconds)
      .then(() => server.close())
      // The faulty code may keep the event loop alive, so only `exit` surely ends the process.
      .then(async () => {
        if (!faulty) return resolve();
        await exit(1);
      })
      .catch(reject);
  };
  const onSignal = (signal: 'SIGINT' | 'SIGTERM') => {
    if (stoppingSince !== undefined && performance.now() - stoppingSince > sameSignalMs) void exitBy(signal);
    stop();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  onNpmExit(() => {
    server.log.warn('server_parent_ended', {});
    stop();
  });
  // The exception may have left shared state inconsistent, so the process must end soon.
  process.on('uncaughtException', (error) => {
    server.log.error('process_uncaught', { error });
    if (faulty) void exit(1);
    faulty = true;
    setTimeout(() => void exit(1), (faultDrainSeconds + faultCloseSeconds) * 1000).unref();
    stop(Math.min(drainSeconds, faultDrainSeconds));
  });
  // A rejected async function has run its `finally` blocks: one operation failed, others are unaffected.
  process.on('unhandledRejection', (error) => server.log.error('process_rejection', { error }));
  return promise;
}

const parentCheckMs = 1000;

/** npm, when terminated, terminates the shell of its script, but not the script itself. */
function onNpmExit(onEnd: () => void): void {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const check = setInterval(() => {
    // A process whose parent has died gets another parent, such as process 1.
    if (process.ppid === parent) return;
    clearInterval(check);
    onEnd();
  }, parentCheckMs);
  check.unref();
}
