/** Fetches the remote images of conversations, so that engines only receive bytes. */
export interface ImageFetcher {
  /**
   * The image as a `data:` URL.
   * @throws {Error} with a message for clients when it is unavailable
   */
  fetch(url: string, signal: AbortSignal): Promise<string>;
}
