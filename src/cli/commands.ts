/** The commands of the command line. */

import { packageVersion } from '../core/version.ts';
import { nearest } from '../protocol/parse/nearest.ts';

const usage = `Parley: the Realtime API on your own machine.

  parley serve [options]   start the server
  parley ask QUESTION      ask a running server a question, by voice (a WAV file) or by text
  parley key               create an API key
  parley doctor            test every configured engine, and explain problems
  parley --version

"parley COMMAND --help" lists the options of a command.
`;

/**
 * Runs a command line without the program's name; resolves with the exit code (`serve`: once the server has stopped).
 */
export async function runCommand(args: readonly string[]): Promise<number> {
  // A closed pipe or a full disk must not end a command: a server continues, and `ask` still writes its recording.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const [command, ...rest] = args;
  switch (command) {
    case 'serve': {
      const { serve } = await import('./serve.ts');
      return serve(rest);
    }
    case 'ask': {
      const { ask } = await import('./ask/ask.ts');
      return ask(rest);
    }
    case 'key': {
      const { makeKey } = await import('./key.ts');
      return makeKey(rest);
    }
    case 'doctor': {
      const { doctor } = await import('./doctor/doctor.ts');
      return doctor(rest);
    }
    case '--help':
    case '-h':
    case 'help':
      process.stdout.write(usage);
      return 0;
    case '--version':
    case '-v':
      process.stdout.write(`${packageVersion()}\n`);
      return 0;
    case undefined:
      process.stderr.write(usage);
      return 2;
    default: {
      const meant = nearest(command, ['serve', 'ask', 'key', 'doctor', '--help', '--version']);
      const hint = meant === undefined ? '' : ` Did you mean "parley ${meant}"?`;
      process.stderr.write(`"${command}" is not a command of Parley.${hint}\n\n${usage}`);
      return 2;
    }
  }
}
