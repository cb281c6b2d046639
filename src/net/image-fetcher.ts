import type { Log } from '../core/log.ts';
import { Semaphore } from '../core/semaphore.ts';
import type { ImageFetcher } from '../session/ports/image-fetcher.ts';
import type { GuardedFetch } from './guarded-fetch.ts';
import { OutgoingError } from './outgoing-error.ts';

export interface ImageFetcherOptions {
  fetcher: GuardedFetch;
  limits: {
    /** Maximum size of an image. */
    imageBytes: number;
    /** Maximum duration of a request. */
    imageTimeoutMs: number;
    /** Concurrent requests. */
    imageFetches: number;
  };
}

/** Maximum images that wait for a slot; each belongs to a running response. */
const mostWaiting = 256;

/** Accepted image types by their signature. Content types of servers are often wrong. */
const kinds: readonly { type: string; begins: (latin1: string) => boolean }[] = [
  { type: 'image/png', begins: (text) => text.startsWith('\x89PNG\r\n\x1a\n') },
  { type: 'image/jpeg', begins: (text) => text.startsWith('\xff\xd8\xff') },
  { type: 'image/gif', begins: (text) => text.startsWith('GIF87a') || text.startsWith('GIF89a') },
  { type: 'image/webp', begins: (text) => text.startsWith('RIFF') && text.startsWith('WEBP', 8) },
];
const longestBeginning = 12;

/** Returns the images with their bytes; `log` gets an entry for each that cannot be fetched. */
export function withFailuresLogged(images: ImageFetcher, log: Pick<Log, 'info'>): ImageFetcher {
  return {
    async fetch(url, signal) {
      try {
        return await images.fetch(url, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof OutgoingError) {
          // Only the parts of the URL in the message and the detail are logged: a signed URL is a secret.
          const { code, message, detail } = error;
          log.info('image_not_fetched', { code, message, detail });
        }
        throw error;
      }
    },
  };
}

/** Fetches images over http and https, within the rules of `GuardedFetch`. */
export class HttpImageFetcher implements ImageFetcher {
  readonly #options: ImageFetcherOptions;
  readonly #slots: Semaphore;

  constructor(options: ImageFetcherOptions) {
    this.#options = options;
    this.#slots = new Semaphore(options.limits.imageFetches);
  }

  async fetch(url: string, signal: AbortSignal): Promise<string> {
    if (this.#slots.waiting >= mostWaiting) {
      throw new OutgoingError('busy', 'the server is fetching as many images as it may. Try again later.');
    }
    return this.#slots.run(() => this.#fetch(url, signal), signal);
  }

  async #fetch(url: string, signal: AbortSignal): Promise<string> {
    const { fetcher, limits } = this.#options;
    const { status, body } = await fetcher.fetchWhole(url, {
      headers: { accept: kinds.map(({ type }) => type).join(', ') },
      maxBytes: limits.imageBytes,
      timeoutMs: limits.imageTimeoutMs,
      signal,
    });
    if (status !== 200) throw new OutgoingError('bad_status', `the answer is HTTP ${status}.`);
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    const beginning = bytes.toString('latin1', 0, longestBeginning);
    const kind = kinds.find(({ begins }) => begins(beginning));
    if (!kind) throw new OutgoingError('wrong_content', 'it is not a PNG, JPEG, GIF or WebP.');
    return `data:${kind.type};base64,${bytes.toString('base64')}`;
  }
}
