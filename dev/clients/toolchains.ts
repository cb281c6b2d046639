/** How clients are installed and started, by language. Nothing is installed into the sources or for the whole machine. */

import { join } from 'node:path';

export interface Toolchain {
  /** The command that must exist. */
  tool: string;
  /** Files, as globs in the client's folder, after whose change it has to be installed again. */
  inputs: readonly string[];
  /** The commands that install a client from its folder into a directory; they run in the folder. */
  install(directory: string): readonly (readonly string[])[];
  /** The command that starts a program of the client in its folder. */
  start(directory: string, program: string): readonly string[];
}

export const python: Toolchain = {
  tool: 'python3',
  inputs: ['requirements.txt'],
  install: (directory) => [
    ['python3', '-m', 'venv', '--clear', directory],
    // The file lists every package with its version, so nothing remains to be resolved.
    [join(directory, 'bin/pip'), 'install', '--quiet', '--no-deps', '--no-compile', '-r', 'requirements.txt'],
  ],
  start: (directory, program) => [join(directory, 'bin/python'), program],
};

export const cargo: Toolchain = {
  tool: 'cargo',
  inputs: ['Cargo.*', 'src/**/*.rs'],
  install: (directory) => [['cargo', 'build', '--quiet', '--locked', '--target-dir', directory]],
  start: (directory, program) => [join(directory, 'debug', program)],
};

export const go: Toolchain = {
  tool: 'go',
  inputs: ['go.*', '**/*.go'],
  // Without optimisation, because compiling the SDK takes longer than all runs together.
  install: (directory) => [['go', 'build', '-gcflags=all=-N -l', '-o', join(directory, '/'), './...']],
  start: (directory, program) => [join(directory, program)],
};
