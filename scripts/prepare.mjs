/**
 * Builds `dist/`. npm runs this after an install in a clone, before it packs, and when it installs the package from git; there
 * it may run on a Node.js that cannot read TypeScript.
 *
 * Without a compiler, as after `npm install --omit=dev`, an install skips the build, and packing needs a `dist/` that exists.
 */

import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * By package: files that are read at run time, relative to its main file, and those that state its licence, relative to the
 * package. `src/engines/embedded/package-file.ts` looks for them in `dist/assets` first. These packages cannot be dependencies
 * of a published one: one of them depends on a folder of its author's disk, which only the overrides of a root project can mend.
 */
const assets = {
  '@moonshine-ai/moonshine-js': {
    main: 'dist',
    files: ['model/tiny/quantized/encoder_model.onnx', 'model/tiny/quantized/decoder_model_merged.onnx'],
    licence: ['LICENSE', 'package.json'],
  },
  '@ricky0123/vad-web': {
    main: 'dist',
    files: ['silero_vad_v5.onnx'],
    licence: ['README.md', 'package.json'],
  },
};

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const compiler = join(root, 'node_modules/typescript/bin/tsc');

if (existsSync(compiler)) build();
else skip();

function build() {
  rmSync(dist, { recursive: true, force: true });
  const { status, error } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json'], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) fail(`The build failed${error ? `: ${error.message}` : ''}.`);
  for (const [name, { main, files, licence }] of Object.entries(assets)) {
    const from = join(root, 'node_modules', name);
    const to = join(dist, 'assets', name);
    for (const file of files) copy(join(from, main, file), join(to, file));
    for (const file of licence) copy(join(from, file), join(to, file));
  }
}

function skip() {
  if (['install', 'ci'].includes(process.env.npm_command ?? '') || existsSync(join(dist, 'cli/main.js'))) return;
  fail('There is no dist/ and no TypeScript compiler to build it: run "npm install" with development dependencies.');
}

/** @param {string} from @param {string} to */
function copy(from, to) {
  if (!existsSync(from)) fail(`${from} is missing: run "npm install" first.`);
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
}

/** @param {string} message @returns {never} */
function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
