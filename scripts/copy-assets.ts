/**
 * The last step of the build: copies the models into `dist/assets`, where `src/engines/embedded/package-file.ts` looks first.
 * The packages that they come in cannot be dependencies of a published one: one of them depends on a folder of its
 * author's disk, which only the overrides of a root project can mend.
 */

import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** By package: what is read of it, relative to its main file, and what tells its licence, relative to the package. */
const assets: Record<string, { main: string; files: string[]; licence: string[] }> = {
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

for (const [name, { main, files, licence }] of Object.entries(assets)) {
  const from = join(root, 'node_modules', name);
  const to = join(root, 'dist', 'assets', name);
  for (const file of files) copy(join(from, main, file), join(to, file));
  for (const file of licence) copy(join(from, file), join(to, file));
}

function copy(from: string, to: string): void {
  if (!existsSync(from)) throw new Error(`${from} is missing: run "npm install" first`);
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
}
