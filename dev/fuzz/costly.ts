/** Input that looks small or ordinary, and is expensive where a limit is missing. */

import type { WireDialect } from '../harness/official-events.ts';
import { key } from './profiles.ts';
import type { Random } from './random.ts';
import type { RawRequest } from './requests.ts';

type Event = { type: string } & Record<string, unknown>;

const kibibyte = 1024;
const oddCounts = [0, 1, 2, 3, 255, 4096, 65_535, 2 ** 31, 2 ** 32 - 1];

// ---- /v1/audio ----

/** A valid request to a route that processes its body. */
export function costlyRequest(random: Random): { about: string; request: RawRequest } {
  const about = random.pick(['wav of odd numbers', 'wav of tiny chunks', 'form of tiny parts', 'speech'] as const);
  if (about === 'speech') return { about, request: speechRequest(random) };
  const file = about === 'wav of tiny chunks' ? wavOfChunks(random) : oddWav(random);
  const tinyParts = about === 'form of tiny parts' ? random.integer(10, 4000) : 0;
  return { about, request: uploadRequest(random, file, tinyParts) };
}

function oddWav(random: Random): Buffer {
  const rate = random.pick([1, 4, 7999, 8000, 11_025, 44_100, 96_000, 384_000, 384_001, 2 ** 32 - 1, 0]);
  const channels = random.pick([1, 1, 2, 8, 255, 65_535, 0]);
  const bits = random.pick([16, 16, 8, 12, 24, 32, 64, 1, 0, 65_535]);
  const frameBytes = random.chance(0.7)
    ? Math.min(65_535, Math.floor((channels * bits) / 8))
    : random.pick([0, 1, 2, 3, 65_535]);
  const format = Buffer.alloc(16);
  format.writeUInt16LE(random.pick([1, 1, 1, 3, 6, 7, 85, 0xfffe]), 0);
  format.writeUInt16LE(channels, 2);
  format.writeUInt32LE(rate, 4);
  format.writeUInt32LE(random.pick([...oddCounts, (rate * frameBytes) % 2 ** 32]), 8);
  format.writeUInt16LE(frameBytes, 12);
  format.writeUInt16LE(bits, 14);
  const data = Buffer.alloc(random.pick([0, 1, 2, 4 * kibibyte, 64 * kibibyte, 512 * kibibyte]), 0x11);
  const claimed = random.chance(0.6) ? data.length : random.pick(oddCounts);
  return riff(chunk('fmt ', format), chunk('data', data, claimed));
}

/** A valid file with tens of thousands of chunks before its audio. */
function wavOfChunks(random: Random): Buffer {
  const size = random.pick([0, 1, 2, 40]);
  const chunks = Array.from({ length: random.pick([10, 1000, 30_000]) }, () => chunk('LIST', Buffer.alloc(size)));
  const format = Buffer.from('0100010080bb00000077010002001000', 'hex');
  const sounds = Array.from({ length: random.pick([1, 1000]) }, () => chunk('data', Buffer.alloc(2)));
  return riff(...chunks, chunk('fmt ', format), ...chunks.slice(0, 10), ...sounds);
}

function riff(...chunks: Buffer[]): Buffer {
  return chunk('RIFF', Buffer.concat([Buffer.from('WAVE'), ...chunks]));
}

function chunk(tag: string, content: Buffer, claimedBytes = content.length): Buffer {
  const head = Buffer.alloc(8);
  head.write(tag, 'latin1');
  head.writeUInt32LE(claimedBytes, 4);
  return Buffer.concat([head, content, Buffer.alloc(content.length % 2)]);
}

function uploadRequest(random: Random, file: Buffer, tinyParts: number): RawRequest {
  const boundary = `${'-'.repeat(random.pick([1, 8, 60]))}x`;
  const part = (headers: string, content: string) => `--${boundary}\r\n${headers}\r\n\r\n${content}\r\n`;
  const field = (name: string, value: string) => part(`Content-Disposition: form-data; name="${name}"`, value);
  const tiny = random.pick([
    () => field('a', ''),
    () => field('model', 'whisper-1'),
    () => part('Content-Disposition: form-data; name="file"; filename="a"', ''),
    () => part('A: b', ''),
    () => `--${boundary}\r\n\r\n\r\n`,
  ]);
  const body = [
    field('model', 'whisper-1'),
    ...Array.from({ length: tinyParts }, tiny),
    part('Content-Disposition: form-data; name="file"; filename="a.wav"', file.toString('latin1')),
    random.chance(0.2) ? field('stream', 'true') : '',
    `--${boundary}--\r\n`,
  ].join('');
  return postRequest(random, '/v1/audio/transcriptions', `multipart/form-data; boundary=${boundary}`, body);
}

const costlyTexts: readonly ((length: number) => string)[] = [
  (length) => '7'.repeat(length),
  (length) => 'https://'.padEnd(length, '7'),
  (length) => 'a'.repeat(length),
  (length) => 'a.'.repeat(length / 2),
  (length) => '. '.repeat(length / 2),
  (length) => '$1,000,000,000,000.99 '.repeat(length / 22),
  (length) => '\u0001'.repeat(length),
  (length) => '世'.repeat(length / 3),
  (length) => '👩‍👩‍👧‍👦'.repeat(length / 25),
  (length) => '<b>&amp;'.repeat(length / 8),
  (length) => 'Say exactly: '.repeat(length / 13),
  (length) => '{{a}}'.repeat(length / 5),
  (length) => '\\"'.repeat(length / 2),
  (length) => '('.repeat(length),
  (length) => '1+'.repeat(length / 2),
];

function costlyText(random: Random, length: number): string {
  return random.pick(costlyTexts)(length);
}

function speechRequest(random: Random): RawRequest {
  const body = {
    model: 'tts-1',
    voice: 'alloy',
    input: costlyText(random, random.pick([1, 500, 2048])),
    speed: random.pick([0.25, 1, 4, 1e-9]),
    response_format: random.pick(['wav', 'pcm']),
  };
  return postRequest(random, '/v1/audio/speech', 'application/json', JSON.stringify(body));
}

/** `body`: one character per byte. */
function postRequest(random: Random, target: string, type: string, body: string): RawRequest {
  const bytes = Buffer.from(body, type === 'application/json' ? 'utf8' : 'latin1').toString('latin1');
  const inChunks = random.chance(0.3);
  const chunkBytes = random.pick([1, 10, 1000]);
  const headers = [
    'Host: 127.0.0.1',
    `Authorization: Bearer ${key}`,
    `Content-Type: ${type}`,
    'Connection: close',
    inChunks ? 'Transfer-Encoding: chunked' : `Content-Length: ${bytes.length}`,
  ];
  const sent = inChunks ? chunked(bytes.slice(0, 40 * kibibyte), chunkBytes) : bytes;
  return { method: 'POST', target, headers, body: sent };
}

function chunked(body: string, chunkBytes: number): string {
  const chunks: string[] = [];
  for (let at = 0; at < body.length; at += chunkBytes) {
    const content = body.slice(at, at + chunkBytes);
    chunks.push(`${content.length.toString(16)}\r\n${content}\r\n`);
  }
  return `${chunks.join('')}0\r\n\r\n`;
}

// ---- Sessions ----

/** Valid events whose combination may be expensive. */
export function costlyEvents(random: Random, dialect: WireDialect): { about: string; events: Event[] } {
  const [about, events] = random.pick(Object.entries(costlySessions));
  return { about, events: [quiet(dialect), ...events(random, dialect)] };
}

const create = (response?: object): Event => ({ type: 'response.create', ...(response && { response }) });
const clear: Event = { type: 'input_audio_buffer.clear' };

function user(content: object[], id?: string): Event {
  return { type: 'conversation.item.create', item: { ...(id && { id }), type: 'message', role: 'user', content } };
}

const text = (words: string) => ({ type: 'input_text', text: words });

/** Text only, without turn detection. */
function quiet(dialect: WireDialect): Event {
  return dialect === 'ga'
    ? update(dialect, { output_modalities: ['text'], audio: { input: { turn_detection: null } } })
    : update(dialect, { modalities: ['text'], turn_detection: null });
}

function update(dialect: WireDialect, session: object): Event {
  return { type: 'session.update', session: { ...(dialect === 'ga' && { type: 'realtime' }), ...session } };
}

function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}

const costlySessions: Record<string, (random: Random, dialect: WireDialect) => Event[]> = {
  'schemas of tools': (random, dialect) => [
    update(dialect, { tools: times(random.pick([1, 20]), (index) => tool(random, index)), tool_choice: 'required' }),
    user([text(random.chance(0.5) ? 'What is the weather in Paris?' : costlyText(random, 3000))]),
    ...times(random.integer(1, 8), () => create({ conversation: 'none' })),
  ],
  'references to an item': (random) => {
    const content = random.pick([
      [text(costlyText(random, random.pick([100, 50_000])))],
      [{ type: 'input_image', image_url: `data:image/png;base64,${'A'.repeat(40_000)}` }],
      times(200, () => text('x')),
    ]);
    const input = times(random.pick([10, 400, 2000]), () => ({ type: 'item_reference', id: 'item_a' }));
    return [user(content, 'item_a'), ...times(random.integer(1, 4), () => create({ conversation: 'none', input }))];
  },
  'images by address': (random) => {
    const addresses = ['http://10.0.0.1/x.png', 'https://127.0.0.1:1/', 'http://[::1]/', 'http://localhost/'];
    const image = () => ({ type: 'input_image', image_url: random.pick(addresses) });
    return [user(times(random.pick([1, 20, 500]), image)), ...times(random.integer(1, 4), () => create())];
  },
  'retrievals of a long item': (random) => [
    user([text(costlyText(random, random.pick([1000, 100_000])))], 'item_a'),
    ...times(random.integer(1, 40), () => ({ type: 'conversation.item.retrieve', item_id: 'item_a' })),
  ],
  'many items': (random) => [
    ...times(random.pick([20, 600]), (index) => user([text('x')], `item_${index}`)),
    ...times(random.integer(1, 6), () => create({ conversation: 'none' })),
    ...times(10, (index) => ({ type: 'conversation.item.delete', item_id: `item_${index}` })),
  ],
  'many values': (random, dialect) => {
    const count = random.pick([100, 5000, 49_000]);
    const members = Object.fromEntries(times(count, (index) => [`k${index}`, 1]));
    return times(random.integer(1, 4), () =>
      random.pick<() => Event>([
        () => create({ input: times(count, () => null) }),
        () => create({ prompt: { id: 'x', variables: members } }),
        () => update(dialect, members),
        () => update(dialect, { tools: times(Math.min(count, 5000), () => ({})) }),
        () => ({ ...clear, event_id: 'x'.repeat(count) }),
      ])(),
    );
  },
  'updates with long answers': (random, dialect) => [
    update(dialect, { instructions: costlyText(random, 50_000), tools: [tool(random, 0)] }),
    ...times(random.integer(1, 30), () => update(dialect, {})),
  ],
  'long appends': (random, dialect) => {
    const audio = Buffer.alloc(random.pick([48, 4800, 480_000]), random.pick([0, 0x55])).toString('base64');
    const detection = { type: random.pick(['server_vad', 'semantic_vad']) };
    const session =
      dialect === 'ga' ? { audio: { input: { turn_detection: detection } } } : { turn_detection: detection };
    return [
      ...(random.chance(0.5) ? [update(dialect, session)] : []),
      ...times(random.integer(1, 10), () => ({ type: 'input_audio_buffer.append', audio })),
      { type: 'input_audio_buffer.commit' },
      clear,
    ];
  },
  'text that engines work on': (random) => [
    user([text(`${random.pick(['', 'Say exactly: ', 'Please repeat after me: '])}${costlyText(random, 20_000)}`)]),
    ...times(random.integer(1, 4), () => create({ conversation: 'none' })),
  ],
};

function tool(random: Random, index: number): object {
  return { type: 'function', name: `tool_${index}`, description: costlyText(random, 100), parameters: schema(random) };
}

function schema(random: Random): object {
  const count = random.pick([10, 1000, 8000]);
  const depth = random.pick([5, 60, 90]);
  const huge = random.pick([1e9, 2 ** 53, 1e308]);
  const nested = (inner: object, left: number, wrap: (inner: object) => object): object =>
    left === 0 ? inner : nested(wrap(inner), left - 1, wrap);
  const names = times(count, (at) => `p${at}`);
  return random.pick<() => object>([
    () => ({ type: 'object', properties: Object.fromEntries(names.map((name) => [name, {}])), required: names }),
    () => nested({ type: 'string' }, depth, (inner) => ({ type: 'array', items: inner, minItems: 9 })),
    () => nested({ type: 'string' }, 11, (inner) => ({ type: 'object', properties: { a: inner, b: inner } })),
    () => ({ type: 'object', properties: { a: { type: 'array', minItems: huge, items: {} } }, required: ['a'] }),
    () => ({ type: 'object', properties: { a: { type: 'string', minLength: huge } }, required: ['a'] }),
    () => ({ type: 'object', properties: { a: { enum: names } }, required: ['a'] }),
    () => ({ type: 'object', properties: { a: { pattern: '(a+)+$', default: 'a'.repeat(count) } }, required: ['a'] }),
    () => ({ $ref: '#', allOf: times(100, () => ({ $ref: '#' })), properties: { a: { $ref: '#' } }, required: ['a'] }),
    () => ({ anyOf: times(count / 10, () => ({ type: 'object', required: names.slice(0, 10) })) }),
    () => ({ type: 'object', properties: { a: { type: 'number', minimum: huge, multipleOf: 1e-300 } } }),
  ])();
}
