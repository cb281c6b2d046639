import { type FileHandle, mkdir, open, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AudioClip } from '../../audio/audio-clip.ts';
import { writeWav } from '../../audio/wav.ts';
import { messageOf } from '../../core/errors.ts';
import { eventsFile, type Line, type Manifest, manifestFile } from './format.ts';

export interface SessionWriterOptions {
  /** The session's own folder, which is made. */
  folder: string;
  manifest: Manifest;
  /** What the folder may hold. */
  maxBytes: number;
  /** Told once, when the cassette breaks off. */
  onCut: (reason: string) => void;
}

/** What may wait to be written: a disk that is slower than the conversation ends the cassette, not the conversation. */
const maxWaitingBytes = 64 * 1024 ** 2;
/** Cassettes hold what users said: for their owner alone. */
const folderMode = 0o700;
const fileMode = 0o600;

/** Writes one session's cassette behind its back: calls return at once, and files are written in order. */
export class SessionWriter {
  readonly #options: SessionWriterOptions;
  #manifest: Manifest;
  #lines: FileHandle | undefined;
  #last: Promise<void>;
  #bytes = 0;
  #waitingBytes = 0;
  #cut = false;
  #closed = false;

  constructor(options: SessionWriterOptions) {
    this.#options = options;
    this.#manifest = options.manifest;
    this.#last = this.#begin().catch((error: unknown) => this.cut(messageOf(error)));
  }

  line(line: Line): void {
    const text = `${JSON.stringify(line)}\n`;
    this.#write(Buffer.byteLength(text), async () => {
      await this.#lines?.appendFile(text);
    });
  }

  audio(file: string, clip: AudioClip): void {
    const bytes = writeWav(clip);
    this.#write(bytes.length, () => writeFile(join(this.#options.folder, file), bytes, { mode: fileMode }));
  }

  /** Whether so many bytes more would still be kept; audio waits in memory until its file is written whole. */
  hasRoomFor(bytes: number): boolean {
    const { maxBytes } = this.#options;
    if (this.#bytes + bytes > maxBytes) this.cut(`it reached its limit of ${maxBytes} bytes`);
    return !this.#cut;
  }

  /** Stops the cassette for good. */
  cut(reason: string): void {
    if (this.#cut) return;
    this.#cut = true;
    this.#manifest = { ...this.#manifest, cut: reason };
    this.#options.onCut(reason);
  }

  /** Ends the cassette; resolves once it is on the disk, or cannot be. */
  async close(about: Pick<Manifest, 'endedAt' | 'requests'>): Promise<void> {
    this.#closed = true;
    await this.#last;
    try {
      await this.#lines?.close();
      this.#manifest = { ...this.#manifest, ...about };
      await this.#writeManifest();
    } catch (error) {
      this.cut(messageOf(error));
    }
  }

  async #begin(): Promise<void> {
    const { folder } = this.#options;
    await mkdir(folder, { mode: folderMode });
    await this.#writeManifest();
    this.#lines = await open(join(folder, eventsFile), 'a', fileMode);
  }

  /** A manifest is whole or not there. */
  async #writeManifest(): Promise<void> {
    const path = join(this.#options.folder, manifestFile);
    await writeFile(`${path}.new`, `${JSON.stringify(this.#manifest, null, 2)}\n`, { mode: fileMode });
    await rename(`${path}.new`, path);
  }

  #write(bytes: number, act: () => Promise<void>): void {
    // An engine may yield once more after its session has ended.
    if (this.#closed || !this.hasRoomFor(bytes)) return;
    if (this.#waitingBytes + bytes > maxWaitingBytes) {
      return this.cut(`the disk is too slow: ${this.#waitingBytes} bytes wait to be written`);
    }
    this.#bytes += bytes;
    this.#waitingBytes += bytes;
    this.#last = this.#last
      .then(act)
      .catch((error: unknown) => this.cut(messageOf(error)))
      .finally(() => {
        this.#waitingBytes -= bytes;
      });
  }
}
