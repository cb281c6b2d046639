/** Calls that an unmodified client opens in a page. */

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { bytesToSamples, concatSamples } from '../../src/audio/pcm.ts';
import { writeWav } from '../../src/audio/wav.ts';
import type { ServerEvent, ServerEventOf, ServerEventType } from '../../src/protocol/index.ts';
import { apiKey, type EngineSet } from '../../src/server/server.ts';
import { borrowed, spokenQuestion, understood } from '../support/embedded.ts';
import { silence } from '../support/fake-engines.ts';
import { frameCheck } from '../support/frame-check.ts';
import { mint } from '../support/rest.ts';
import { newServer } from '../support/server.ts';
import { openPage } from './chromium.ts';
import { openInFirefox } from './firefox.ts';
import type { CallPlan } from './page/page-call.ts';
import { pageElsewhere } from './page-elsewhere.ts';

const key = 'sk-backend-0123456789';
const sampleRateHz = 24_000;
/** Sound below this is silence: −50 dBFS. */
const audible = 100;

/** A page of either driver: both have these. */
interface ScriptedPage {
  evaluate(script: string): Promise<unknown>;
  exposeFunction(name: string, call: (message: string) => void): Promise<unknown>;
}

export interface BrowserCallOptions {
  browser: 'chromium' | 'firefox';
  client: 'agents' | 'openai';
  engines: EngineSet;
  instructions: string;
  /** What the browser's microphone plays; only Chromium can. */
  question?: Int16Array;
  plan?: Pick<CallPlan, 'codec' | 'mcp'>;
}

export class BrowserCall {
  /** Events of the data channel, checked. */
  readonly events: ServerEvent[] = [];
  readonly #page: ScriptedPage;
  readonly #engines: EngineSet;
  #wake: () => void = () => {};

  private constructor(page: ScriptedPage, engines: EngineSet) {
    this.#page = page;
    this.#engines = engines;
  }

  /** Opens a call with a client secret, on a page of another origin. */
  static async open(t: TestContext, options: BrowserCallOptions): Promise<BrowserCall> {
    const { browser, client, engines, instructions, question, plan } = options;
    const origin = await pageElsewhere(t, client);
    const server = await newServer(t, {
      engines: borrowed(engines),
      config: { apiKeys: [apiKey('backend', key)], origins: [origin], outgoingAllow: ['127.0.0.1'] },
    });
    const audio = { input: { transcription: { model: 'whisper-1' } } };
    const secret = await mint(server, key, {
      session: { type: 'realtime', model: 'gpt-realtime', instructions, audio },
      parley: { allowed_origins: [origin] },
    });
    const page =
      browser === 'firefox'
        ? await openInFirefox(t, origin)
        : (await openPage(t, origin, question && { samples: question })).page;
    const call = new BrowserCall(page, engines);
    const check = frameCheck('ga');
    await page.exposeFunction('reportMessage', (message: string) => {
      check(message);
      call.events.push(JSON.parse(message) as ServerEvent);
      call.#wake();
    });
    const device = question !== undefined;
    const url = `${server.url}/v1/realtime/calls`;
    const complete: CallPlan = { url, secret, instructions, device, ...plan };
    await call.run(`openCall(${JSON.stringify(complete)})`);
    return call;
  }

  /** Evaluates an expression in the page. */
  run(expression: string): Promise<unknown> {
    return this.#page.evaluate(expression);
  }

  send(event: object): Promise<unknown> {
    return this.run(`pageCall.send(${JSON.stringify(event)})`);
  }

  /** Speaks a sentence into the page's microphone. */
  async speak(text: string): Promise<void> {
    const wav = writeWav({ samples: await spokenQuestion(this.#engines, text), sampleRateHz });
    await this.run(`pageCall.microphone.speak('${Buffer.from(wav).toString('base64')}')`);
  }

  /** Waits for the first event of a type at or after a position; fails on an `error`. */
  async first<T extends ServerEventType>(type: T, from = 0): Promise<ServerEventOf<T>> {
    for (;;) {
      const later = this.events.slice(from);
      const failed = later.find((event) => isOfType(event, 'error'));
      assert.equal(failed, undefined, JSON.stringify(failed));
      const found = later.find((event) => isOfType(event, type));
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** What the browser has played since the last call: the words, and the duration of the sound. */
  async heard(): Promise<{ text: string; ms: number }> {
    const samples = bytesToSamples(Buffer.from(String(await this.run('pageCall.recorder.take()')), 'base64'));
    const first = samples.findIndex((sample) => Math.abs(sample) > audible);
    const sound = samples.subarray(first, samples.findLastIndex((sample) => Math.abs(sample) > audible) + 1);
    const around = silence(300, sampleRateHz);
    const text = await understood(this.#engines, concatSamples([around, sound, around]), sampleRateHz);
    return { text, ms: (1000 * sound.length) / sampleRateHz };
  }

  /** The codec of the audio that the browser receives, such as `audio/opus`. */
  codec(): Promise<unknown> {
    return this.run(`pageCall.connection.getStats().then((stats) => {
      const reports = [...stats.values()];
      const { codecId } = reports.find(({ type }) => type === 'inbound-rtp');
      return reports.find(({ id }) => id === codecId).mimeType;
    })`);
  }
}

function isOfType<T extends ServerEventType>(event: ServerEvent, type: T): event is ServerEventOf<T> {
  return event.type === type;
}
