/** Fetches the images that conversations name by an address, so that engines are given bytes only. */
export interface ImageFetcher {
  /**
   * The image as a `data:` URL.
   * @throws {Error} whose message says, to a client, why it could not be had
   */
  fetch(url: string, signal: AbortSignal): Promise<string>;
}
