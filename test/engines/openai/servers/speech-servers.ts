/**
 * `/v1/audio/transcriptions` and `/v1/audio/speech` in the styles of speaches, vLLM, Kokoro-FastAPI, LocalAI and the
 * hosted API.
 */

import type { ServerResponse } from 'node:http';
import { concatSamples, samplesIn, samplesToBytes } from '../../../../src/audio/pcm.ts';
import { readWav, writeWav } from '../../../../src/audio/wav.ts';
import type { SpokenClip } from '../../contract/transcriber.ts';
import { type Handler, type Received, sendEvents, sendJson } from './model-server.ts';

/** The servers transcribe a tone by its loudness. */
const sayings = ['What is the weather like today?', 'Please open the window.', 'I will be home soon.', 'Where is it?'];
const loudnessStep = 4000;

export function clipOf(index: number): SpokenClip {
  const samples = Int16Array.from({ length: 16_000 }, (_, at) =>
    Math.round(loudnessStep * (index + 1) * Math.sin((2 * Math.PI * 200 * at) / 16_000)),
  );
  return { samples, sampleRateHz: 16_000, words: sayings[index] ?? '' };
}

export interface TranscriptionForm {
  file: File;
  fields: Record<string, string>;
  samples: Int16Array;
  sampleRateHz: number;
}

export async function transcriptionForm(request: Received): Promise<TranscriptionForm> {
  const type = request.headers['content-type'] ?? '';
  const form = await new Response(new Uint8Array(request.body), { headers: { 'content-type': type } }).formData();
  const file = form.get('file');
  if (!(file instanceof File)) throw new Error('no file came');
  const fields = Object.fromEntries(
    [...form].flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
  );
  return { file, fields, ...readWav(await file.bytes()) };
}

function transcriptOf({ samples }: TranscriptionForm): string {
  const loudest = samples.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0);
  return sayings[Math.round(loudest / loudnessStep) - 1] ?? '';
}

type TranscriptionStyle = (text: string, form: TranscriptionForm, response: ServerResponse) => void | Promise<void>;

export function transcriptionServer(style: TranscriptionStyle): Handler {
  return async (request, response) => {
    if (request.path !== '/v1/audio/transcriptions') return sendJson(response, { detail: 'Not Found' }, 404);
    const form = await transcriptionForm(request);
    await style(transcriptOf(form), form, response);
  };
}

const tokensOf = (text: string): string[] => text.match(/\s*\S+/g) ?? [];

/** Streams token deltas, with logprobs on request. */
const hosted: TranscriptionStyle = (text, { fields }, response) => {
  const wanted = fields['include[]'] === 'logprobs';
  const logprobs = (token: string) => [{ token, logprob: -0.125, bytes: [...Buffer.from(token)] }];
  return sendEvents(response, [
    ...tokensOf(text).map((delta) => ({
      type: 'transcript.text.delta',
      delta,
      ...(wanted && { logprobs: logprobs(delta) }),
    })),
    {
      type: 'transcript.text.done',
      text,
      ...(wanted && { logprobs: tokensOf(text).flatMap(logprobs) }),
      usage: {
        type: 'tokens',
        input_tokens: 14,
        output_tokens: tokensOf(text).length,
        total_tokens: 14 + tokensOf(text).length,
        input_token_details: { text_tokens: 4, audio_tokens: 10 },
      },
    },
  ]);
};

/** One event per segment, with a leading space. */
const speaches: TranscriptionStyle = (text, _form, response) => {
  const middle = Math.ceil(tokensOf(text).length / 2);
  const segments = [tokensOf(text).slice(0, middle), tokensOf(text).slice(middle)].map((tokens) => tokens.join(''));
  return sendEvents(
    response,
    segments.filter((segment) => segment !== '').map((segment) => ({ text: ` ${segment.trim()}` })),
  );
};

/** Streams chunks in the format of chat completions. */
const vllm: TranscriptionStyle = (text, _form, response) =>
  sendEvents(response, [
    ...tokensOf(text).map((content) => ({
      id: 'trsc-1',
      object: 'transcription.chunk',
      choices: [{ delta: { content }, finish_reason: null }],
    })),
    { id: 'trsc-1', object: 'transcription.chunk', choices: [{ delta: { content: '' }, finish_reason: 'stop' }] },
    'data: [DONE]\n\n',
  ]);

/** Does not support streaming. */
const localAi: TranscriptionStyle = (text, _form, response) => sendJson(response, { text: ` ${text}\n` });

/** Answers in plain text, whatever the requested format. */
const plainText: TranscriptionStyle = (text, _form, response) => {
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
};

export const transcriptionStyles = {
  'the hosted API': hosted,
  speaches,
  vLLM: vllm,
  LocalAI: localAi,
  'a server of plain text': plainText,
};

export interface SpeechBody {
  model: string;
  input: string;
  voice: string;
  response_format?: string;
  speed?: number;
}

export function speechBody(request: Received): SpeechBody {
  return JSON.parse(request.body.toString());
}

interface SpeechStyle {
  rateHz: number;
  /** The media type and the audio. */
  encode(speech: Int16Array, body: SpeechBody): { type: string; bytes: Uint8Array };
}

/** A tone of 20 ms per character, between silences, in packets of irregular sizes. */
export function speechServer({ rateHz, encode }: SpeechStyle): Handler {
  return async (request, response) => {
    if (request.path !== '/v1/audio/speech') return sendJson(response, { detail: 'Not Found' }, 404);
    const body = speechBody(request);
    const { type, bytes } = encode(spoken(body, rateHz), body);
    response.writeHead(200, { 'content-type': type });
    for (let at = 0; at < bytes.length && !response.destroyed; at += 4001) {
      response.write(bytes.subarray(at, at + 4001));
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    response.end();
  };
}

export function spoken({ input, speed = 1 }: SpeechBody, rateHz: number): Int16Array {
  const tone = Int16Array.from({ length: samplesIn((input.length * 20) / speed, rateHz) }, (_, at) =>
    Math.round(12_000 * Math.cos((2 * Math.PI * 200 * at) / rateHz)),
  );
  return concatSamples([new Int16Array(samplesIn(300, rateHz)), tone, new Int16Array(samplesIn(400, rateHz))]);
}

/** A WAV header of unknown length. */
function streamedWav(samples: Int16Array, sampleRateHz: number): Uint8Array {
  const wav = writeWav({ samples, sampleRateHz });
  const view = new DataView(wav.buffer);
  view.setUint32(4, 0xffffffff, true);
  view.setUint32(40, 0xffffffff, true);
  return wav;
}

/** 32-bit float, two channels, a format that some engines use. */
function floatWav(samples: Int16Array, sampleRateHz: number): Uint8Array {
  const file = Buffer.alloc(44 + samples.length * 8);
  file.set(writeWav({ samples: new Int16Array(0), sampleRateHz }));
  file.writeUInt16LE(3, 20);
  file.writeUInt16LE(2, 22);
  file.writeUInt32LE(sampleRateHz * 8, 28);
  file.writeUInt16LE(8, 32);
  file.writeUInt16LE(32, 34);
  file.writeUInt32LE(samples.length * 8, 40);
  samples.forEach((sample, at) => {
    file.writeFloatLE(sample / 32768, 44 + at * 8);
    file.writeFloatLE(sample / 32768, 48 + at * 8);
  });
  return file;
}

export const speechStyles: Record<string, SpeechStyle> = {
  'the hosted API': {
    rateHz: 24_000,
    encode: (speech, { response_format }) =>
      response_format === 'pcm'
        ? { type: 'audio/pcm', bytes: samplesToBytes(speech) }
        : { type: 'audio/wav', bytes: streamedWav(speech, 24_000) },
  },
  speaches: {
    rateHz: 24_000,
    encode: (speech) => ({ type: 'audio/wav', bytes: writeWav({ samples: speech, sampleRateHz: 24_000 }) }),
  },
  'Kokoro-FastAPI': {
    rateHz: 24_000,
    encode: (speech) => ({ type: 'audio/wav', bytes: streamedWav(speech, 24_000) }),
  },
  LocalAI: {
    rateHz: 22_050,
    encode: (speech) => ({ type: 'audio/x-wav', bytes: writeWav({ samples: speech, sampleRateHz: 22_050 }) }),
  },
  'a voice of 11.025 kHz': {
    rateHz: 11_025,
    encode: (speech) => ({ type: 'application/octet-stream', bytes: streamedWav(speech, 11_025) }),
  },
  'a voice in 32-bit float and stereo': {
    rateHz: 44_100,
    encode: (speech) => ({ type: 'audio/wav', bytes: floatWav(speech, 44_100) }),
  },
};
