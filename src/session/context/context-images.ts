import { unlessAborted } from '../../core/abort.ts';
import { messageOf } from '../../core/errors.ts';
import { Semaphore } from '../../core/semaphore.ts';
import { responseFailures } from '../../protocol/errors/response-failures.ts';
import type { SessionTools } from '../settings.ts';
import { isData } from './context-tokens.ts';
import { type ImageSize, imageSize } from './image-tokens.ts';

export interface FetchedImage {
  /** The image as a `data:` URL. */
  readonly data: string;
  readonly size: ImageSize | undefined;
}

/** Maximum characters of the images of one response, and of a session's cache. */
const maxCharacters = 24 * 1024 ** 2;
/** Maximum number of remote images of one response: more than its tokens allow in any usual context. */
const mostImages = 512;
/** Per session, so that a client's slow images do not delay others. */
const fetchedAtOnce = 4;

/** Fetches the remote images of items, and caches them while the items exist. */
export class ContextImages {
  readonly #tools: Pick<SessionTools, 'images' | 'clock' | 'settings'>;
  /** The image URLs of the conversation's items, except for the item with the id `without`. */
  readonly #inUse: (without?: string) => Iterable<string>;
  /** The most recently used image is the last. */
  readonly #kept = new Map<string, FetchedImage>();
  #keptCharacters = 0;
  readonly #slots = new Semaphore(fetchedAtOnce);

  constructor(
    tools: Pick<SessionTools, 'images' | 'clock' | 'settings'>,
    inUse: (without?: string) => Iterable<string>,
  ) {
    this.#tools = tools;
    this.#inUse = inUse;
  }

  /**
   * The remote images among `urls`; `data:` URLs are skipped.
   * @throws {ResponseFailure} when one is unavailable, or they are too large together; the signal's reason
   */
  async fetchAll(urls: Iterable<string>, signal: AbortSignal): Promise<ReadonlyMap<string, FetchedImage>> {
    const waiting = new Set([...urls].filter((url) => !isData(url)));
    const images = new Map<string, FetchedImage>();
    if (waiting.size === 0) return images;
    if (waiting.size > mostImages) throw responseFailures.tooManyImages(mostImages);
    const failed = new AbortController();
    const either = AbortSignal.any([signal, failed.signal]);
    let characters = 0;
    const queue = waiting.values();
    const fetchNext = async () => {
      for (const url of queue) {
        const image = this.#kept.get(url) ?? (await this.#slots.run(() => this.#keptOrFetched(url, either), either));
        either.throwIfAborted();
        characters += image.data.length;
        if (characters > maxCharacters) throw responseFailures.imagesTooLarge(maxCharacters);
        images.set(url, image);
      }
    };
    try {
      await Promise.all(Array.from({ length: Math.min(fetchedAtOnce, waiting.size) }, fetchNext));
    } catch (error) {
      failed.abort(error);
      throw error;
    }
    const inUse = new Set(this.#inUse());
    // The item of an image may have been deleted in the meantime, or belong to one response only.
    for (const [url, image] of images) if (inUse.has(url)) this.#keep(url, image);
    return images;
  }

  /** The remote images among `urls` if all are cached; nothing is fetched, and the order of use does not change. */
  kept(urls: Iterable<string>): ReadonlyMap<string, FetchedImage> | undefined {
    const images = new Map<string, FetchedImage>();
    for (const url of urls) {
      if (isData(url)) continue;
      const image = this.#kept.get(url);
      if (!image) return undefined;
      images.set(url, image);
    }
    return images;
  }

  /** Drops the images that only this item refers to. */
  release({ id, urls }: { id: string; urls: readonly string[] }): void {
    if (!urls.some((url) => this.#kept.has(url))) return;
    const inUse = new Set(this.#inUse(id));
    for (const url of urls) if (!inUse.has(url)) this.#drop(url);
  }

  /** Another response may have fetched it while this one waited. */
  async #keptOrFetched(url: string, signal: AbortSignal): Promise<FetchedImage> {
    return this.#kept.get(url) ?? (await this.#fetch(url, signal));
  }

  async #fetch(url: string, signal: AbortSignal): Promise<FetchedImage> {
    if (!/^https?:/i.test(url) || !URL.canParse(url)) {
      throw responseFailures.imageUnavailable(describeUrl(url), 'it is not a data:, http: or https: URL.');
    }
    const { images, clock, settings } = this.#tools;
    const { stageStallMs } = settings.limits;
    const stalled = new AbortController();
    const slow = new Error(`it did not arrive within ${stageStallMs / 1000} s.`);
    const cancelStall = clock.after(stageStallMs, () => stalled.abort(slow));
    try {
      const both = AbortSignal.any([signal, stalled.signal]);
      const data = await unlessAborted(images.fetch(url, both), both);
      return { data, size: imageSize(data) };
    } catch (error) {
      signal.throwIfAborted();
      throw responseFailures.imageUnavailable(describeUrl(url), messageOf(error));
    } finally {
      cancelStall();
    }
  }

  #keep(url: string, image: FetchedImage): void {
    this.#drop(url);
    this.#kept.set(url, image);
    this.#keptCharacters += image.data.length;
    for (const oldest of this.#kept.keys()) {
      if (this.#keptCharacters <= maxCharacters) return;
      this.#drop(oldest);
    }
  }

  #drop(url: string): void {
    this.#keptCharacters -= this.#kept.get(url)?.data.length ?? 0;
    this.#kept.delete(url);
  }
}

/** A URL for errors and the log, without the parts after its path, which may contain a secret. */
function describeUrl(url: string): string {
  if (!URL.canParse(url)) return url.slice(0, 40);
  const { protocol, host, pathname } = new URL(url);
  return /^https?:$/.test(protocol) ? `${protocol}//${host}${pathname}` : `${protocol}…`;
}
