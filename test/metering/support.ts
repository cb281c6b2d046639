import type { ApiKey } from '../../src/config/config.ts';
import { Metering, type MeteringOptions } from '../../src/metering/metering.ts';
import type { Usage } from '../../src/protocol/wire/server-events.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { KeptLog } from '../support/server.ts';

/** The metering of a single server, or of one node beside another, with shared clock and store. */
export function newMetering(options: Partial<MeteringOptions> = {}) {
  const clock = new FakeClock();
  const log = new KeptLog();
  const shared = { clock, store: new MemoryStore({ clock, limit: 1000 }), log };
  const all = { prices: undefined, models: [], sessionMetrics: false, ...shared, ...options };
  return { clock, log, store: all.store, metering: new Metering(all) };
}

export function ownerOf(keyName: string, limits: ApiKey['limits'] = {}) {
  return { keyName, project: 'default', limits };
}

/** The usage of a response; absent values are 0. */
export function usage(
  tokens: Partial<
    Record<'text' | 'audio' | 'image' | 'cachedText' | 'cachedAudio' | 'cachedImage' | 'outText' | 'outAudio', number>
  >,
): Usage {
  const {
    text = 0,
    audio = 0,
    image = 0,
    cachedText = 0,
    cachedAudio = 0,
    cachedImage = 0,
    outText = 0,
    outAudio = 0,
  } = tokens;
  const input = text + audio + image;
  const output = outText + outAudio;
  return {
    total_tokens: input + output,
    input_tokens: input,
    output_tokens: output,
    input_token_details: {
      text_tokens: text,
      audio_tokens: audio,
      image_tokens: image,
      cached_tokens: cachedText + cachedAudio + cachedImage,
      cached_tokens_details: { text_tokens: cachedText, audio_tokens: cachedAudio, image_tokens: cachedImage },
    },
    output_token_details: { text_tokens: outText, audio_tokens: outAudio },
  };
}

/** The samples of a metric, by their labels in text form: `{key="a"}`. */
export async function samples(metering: Metering, name: string): Promise<Record<string, number>> {
  const { body } = await metering.metricsText();
  const lines = body.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  return Object.fromEntries(
    lines.map((line) => [line.slice(name.length, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}
