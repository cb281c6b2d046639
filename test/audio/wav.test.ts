import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readWav, WavError, writeWav } from '../../src/audio/wav.ts';
import { WavReader } from '../../src/audio/wav-reader.ts';

interface Parts {
  tag?: number;
  channels?: number;
  bits?: number;
  rateHz?: number;
  frameBytes?: number;
  data: Uint8Array;
  before?: Buffer;
  dataSize?: number;
}

function wav({
  tag = 1,
  channels = 1,
  bits = 16,
  rateHz = 8000,
  frameBytes = (channels * bits) / 8,
  data,
  before = Buffer.alloc(0),
  dataSize,
}: Parts): Buffer {
  const format = Buffer.alloc(24);
  format.write('fmt ', 0);
  format.writeUInt32LE(16, 4);
  format.writeUInt16LE(tag, 8);
  format.writeUInt16LE(channels, 10);
  format.writeUInt32LE(rateHz, 12);
  format.writeUInt32LE(8000 * frameBytes, 16);
  format.writeUInt16LE(frameBytes, 20);
  format.writeUInt16LE(bits, 22);
  const head = Buffer.from('data\0\0\0\0', 'latin1');
  head.writeUInt32LE(dataSize ?? data.length, 4);
  return Buffer.concat([Buffer.from('RIFF\0\0\0\0WAVE', 'latin1'), before, format, head, data]);
}

test('a written file is read back', () => {
  const samples = Int16Array.of(0, -5, 32767, -32768);
  assert.deepEqual(readWav(writeWav({ samples, sampleRateHz: 24000 })), { samples, sampleRateHz: 24000 });
});

test('stereo is mixed down', () => {
  const data = new Uint8Array(Int16Array.of(100, 300, -100, -300).buffer);
  assert.deepEqual([...readWav(wav({ channels: 2, data })).samples], [200, -200]);
});

test('8-bit, 24-bit, float, µ-law and A-law are read', () => {
  assert.deepEqual([...readWav(wav({ bits: 8, data: Uint8Array.of(128, 255, 0) })).samples], [0, 32512, -32768]);
  assert.deepEqual(
    [...readWav(wav({ bits: 24, data: Uint8Array.of(0, 0, 0x40, 0, 0, 0xc0) })).samples],
    [16384, -16384],
  );
  const floats = new Uint8Array(Float32Array.of(0.5, -2).buffer);
  assert.deepEqual([...readWav(wav({ tag: 3, bits: 32, data: floats })).samples], [16384, -32768]);
  assert.deepEqual([...readWav(wav({ tag: 7, bits: 8, data: Uint8Array.of(0xff, 0x80) })).samples], [0, 32124]);
  assert.deepEqual([...readWav(wav({ tag: 6, bits: 8, data: Uint8Array.of(0xd5) })).samples], [8]);
});

test('other chunks, odd sizes, and streamed or truncated files are tolerated', () => {
  const data = new Uint8Array(Int16Array.of(7, 8).buffer);
  const list = Buffer.from('LIST\x03\0\0\0abc\0', 'latin1');
  assert.deepEqual([...readWav(wav({ data, before: list })).samples], [7, 8]);
  for (const dataSize of [0, 0xffffffff, 5000]) {
    assert.deepEqual([...readWav(wav({ data, dataSize })).samples], [7, 8]);
  }
  const unaligned = Buffer.concat([Buffer.of(0), wav({ data })]).subarray(1);
  assert.deepEqual([...readWav(unaligned).samples], [7, 8]);
});

test('errors describe the problem', () => {
  assert.throws(() => readWav(Buffer.from('ID3 an mp3, in truth')), /does not begin with RIFF/);
  assert.throws(() => readWav(new Uint8Array(0)), WavError);
  assert.throws(
    () => readWav(wav({ data: new Uint8Array(0) }).subarray(0, 30)),
    /fmt " chunk of this WAV file is cut short/,
  );
  assert.throws(() => readWav(wav({ data: new Uint8Array(0) }).subarray(0, 36)), /no "data" chunk/);
  assert.throws(() => readWav(wav({ tag: 85, data: new Uint8Array(4) })), /format 85 with 16 bits/);
  assert.throws(() => readWav(wav({ channels: 0, data: new Uint8Array(4) })), /no channels/);
});

const badHeaders: { name: string; parts: Omit<Parts, 'data'>; expected: RegExp }[] = [
  { name: 'a rate below speech', parts: { rateHz: 4 }, expected: /sample rate of 4 Hz; rates from 8000 to 384000 Hz/ },
  { name: 'a rate of nothing', parts: { rateHz: 0 }, expected: /sample rate of 0 Hz/ },
  { name: 'a rate beyond all hardware', parts: { rateHz: 0xffffffff }, expected: /sample rate of 4294967295 Hz/ },
  { name: 'more channels than a frame can have', parts: { channels: 4000 }, expected: /4000 channels; at most 32/ },
  { name: 'no bits', parts: { bits: 0 }, expected: /format 1 with 0 bits/ },
  { name: 'bits that are no bytes', parts: { bits: 12, frameBytes: 2 }, expected: /format 1 with 12 bits/ },
  { name: 'a frame of no bytes', parts: { frameBytes: 0 }, expected: /a frame has 0 bytes, but 1 × 16 bits are 2/ },
  { name: 'a frame of one byte', parts: { frameBytes: 1 }, expected: /a frame has 1 bytes/ },
  {
    name: 'chunks and nothing else',
    parts: { before: Buffer.from('junk\0\0\0\0'.repeat(300), 'latin1') },
    expected: /more than 256 chunks/,
  },
];
for (const { name, parts, expected } of badHeaders) {
  test(`an invalid WAV header is refused when it is read: ${name}`, () => {
    const file = wav({ ...parts, data: new Uint8Array(64) });
    assert.throws(() => readWav(file), expected);
  });
}

test('a file in pieces is read like the whole file, wherever it is cut', () => {
  const files = [
    wav({ channels: 2, bits: 24, data: Uint8Array.from({ length: 600 }, (_, at) => at * 7) }),
    wav({
      tag: 7,
      bits: 8,
      data: Uint8Array.from({ length: 99 }, (_, at) => at * 5),
      before: Buffer.from('LIST\x03\0\0\0abc\0'),
    }),
    writeWav({ samples: Int16Array.from({ length: 500 }, (_, at) => at * 60), sampleRateHz: 44_100 }),
  ];
  for (const file of files) {
    const whole = readWav(file);
    for (const pieceBytes of [1, 3, 7, 64]) {
      const reader = new WavReader();
      const samples: number[] = [];
      for (let at = 0; at < file.length; at += pieceBytes)
        samples.push(...reader.push(file.subarray(at, at + pieceBytes)));
      samples.push(...reader.end());
      assert.deepEqual({ samples: Int16Array.from(samples), sampleRateHz: reader.sampleRateHz }, whole);
    }
  }
});

function readInPieces(file: Uint8Array, pieceBytes: number): number[] {
  const reader = new WavReader();
  const samples: number[] = [];
  for (let at = 0; at < file.length; at += pieceBytes) samples.push(...reader.push(file.subarray(at, at + pieceBytes)));
  return [...samples, ...reader.end()];
}

const tail = Buffer.from('LIST\x03\0\0\0abc\0', 'latin1');
const first = Uint8Array.from({ length: 30 }, (_, at) => at * 3);
const second = Uint8Array.from({ length: 20 }, (_, at) => 200 - at);
const sequences: { name: string; file: Buffer }[] = [
  { name: 'two files', file: Buffer.concat([wav({ data: first }), wav({ data: second })]) },
  {
    name: 'two files with chunks behind',
    file: Buffer.concat([wav({ data: first }), tail, wav({ data: second }), tail]),
  },
  {
    name: 'two files of unknown length',
    file: Buffer.concat([wav({ data: first, dataSize: 0 }), wav({ data: second, dataSize: 0xffffffff })]),
  },
  {
    name: 'two files, the first of which states the length of all',
    file: Buffer.concat([wav({ data: first, dataSize: 5000 }), wav({ data: second })]),
  },
  { name: 'samples behind a length that is too short', file: Buffer.concat([wav({ data: first }), second]) },
  { name: 'a length of one sample', file: Buffer.concat([wav({ data: first, dataSize: 2 }), second]) },
  { name: 'a length that ends within a sample', file: Buffer.concat([wav({ data: first, dataSize: 7 }), second]) },
  {
    name: 'a second data chunk',
    file: Buffer.concat([wav({ data: first }), wav({ data: second }).subarray(36)]),
  },
  {
    name: 'a file without sound between',
    file: Buffer.concat([wav({ data: first }), wav({ data: Buffer.alloc(0) }), wav({ data: second })]),
  },
];
for (const { name, file } of sequences) {
  test(`audio in several parts is read as one, wherever it is cut: ${name}`, () => {
    const expected = [...readWav(wav({ data: Buffer.concat([first, second]) })).samples];
    for (const pieceBytes of [1, 2, 5, 11, 12, 13, 45, 1000]) {
      assert.deepEqual(readInPieces(file, pieceBytes), expected, `pieces of ${pieceBytes} bytes`);
    }
  });
}

test('samples that resemble the start of a header are samples', () => {
  const data = Buffer.from('RIFF1234WAVxRIFRRIFF', 'latin1');
  const expected = [...new Int16Array(new Uint8Array(data).buffer)];
  for (const pieceBytes of [1, 3, 64]) {
    for (const dataSize of [0, data.length, 4]) {
      assert.deepEqual(readInPieces(wav({ data, dataSize }), pieceBytes), expected);
    }
  }
});

test('padding bytes and empty chunks are not audio', () => {
  const data = Uint8Array.of(0xff, 0x80, 0xff);
  const law = (more: string) => readWav(Buffer.concat([wav({ tag: 7, bits: 8, data }), Buffer.from(more, 'latin1')]));
  const { samples } = law('');
  for (const more of ['\0', '\0LIST\0\0\0\0', 'LIST\0\0\0\0']) assert.deepEqual(law(more).samples, samples);
  const two = law(`\0${wav({ tag: 7, bits: 8, data }).toString('latin1')}`);
  assert.deepEqual([...two.samples], [...samples, ...samples]);
});

test('a part with another rate, or without audio, is refused', () => {
  const file = (more: Uint8Array) => readWav(Buffer.concat([wav({ data: first }), more]));
  assert.throws(() => file(wav({ data: second, rateHz: 16_000 })), /part of 16000 Hz follows one of 8000 Hz/);
  assert.throws(() => file(wav({ data: second }).subarray(0, 36)), /no "data" chunk/);
});
