/**
 * The clients of other languages. Each has a folder below `test/clients` with its pinned packages, the program of the
 * scenarios and the program that docs/clients.md shows.
 */

import { cargo, go, python, type Toolchain } from './toolchains.ts';

export interface Client {
  /** Row of the table. */
  name: string;
  folder: string;
  toolchain: Toolchain;
  /** The program of the scenarios, and its arguments: a script, or the name of a binary. */
  scenarios: readonly string[];
  /** The program of docs/clients.md: a script, or the name of a binary. */
  quickstart: string;
  /** Source of the quickstart, in the folder. */
  source: string;
}

export const clients: readonly Client[] = [
  {
    name: 'openai (Python, GA)',
    folder: 'openai-python',
    toolchain: python,
    scenarios: ['ga.py'],
    quickstart: 'quickstart_ga.py',
    source: 'quickstart_ga.py',
  },
  {
    name: 'openai (Python, beta)',
    folder: 'openai-python',
    toolchain: python,
    scenarios: ['beta.py'],
    quickstart: 'quickstart_beta.py',
    source: 'quickstart_beta.py',
  },
  {
    name: 'openai-agents (Python)',
    folder: 'openai-agents-python',
    toolchain: python,
    scenarios: ['runner.py'],
    quickstart: 'quickstart.py',
    source: 'quickstart.py',
  },
  {
    name: 'Pipecat, turns of the server',
    folder: 'pipecat',
    toolchain: python,
    scenarios: ['service.py', 'server'],
    quickstart: 'quickstart.py',
    source: 'quickstart.py',
  },
  {
    name: 'Pipecat, its own VAD',
    folder: 'pipecat',
    toolchain: python,
    scenarios: ['service.py', 'own'],
    quickstart: 'quickstart.py',
    source: 'quickstart.py',
  },
  {
    name: 'async-openai (Rust)',
    folder: 'async-openai-rust',
    toolchain: cargo,
    scenarios: ['scenarios'],
    quickstart: 'quickstart',
    source: 'src/bin/quickstart.rs',
  },
  {
    name: 'openai-go',
    folder: 'openai-go',
    toolchain: go,
    scenarios: ['scenarios'],
    quickstart: 'quickstart',
    source: 'quickstart/main.go',
  },
  {
    name: 'aiortc (Python), WebRTC',
    folder: 'aiortc',
    toolchain: python,
    scenarios: ['calls.py'],
    quickstart: 'quickstart.py',
    source: 'quickstart.py',
  },
];
