import { type FileHandle, mkdir, open, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AudioClip } from '../../audio/audio-clip.ts';
import { writeWav } from '../../audio/wav.ts';
import { messageOf } from '../../core/errors.ts';
import { eventsFile, type Line, type Manifest, manifestFile } from './format.ts';

export interface SessionWriterOptions {
  /** The session's own folder, which is created. */
  folder: string;
  manifest: Manifest;
  /** Maximum size of the folder. */
  maxBytes: number;
  /** Called once, when the recording stops early. */
  onCut: (reason: string) => void;
}

/**
 * Maximum bytes waiting to be written: a disk that is slower than the conversation ends the recording, not the session.
 */
const maxWaitingBytes = 64 * 1024 ** 2;
/** Cassettes contain users' speech, so only the owner has access. */
const folderMode = 0o700;
const fileMode = 0o600;

/** Writes one session's cassette in the background: calls return immediately, and files are written in order. */
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

  /** Whether this many more bytes fit; audio is held in memory until its file is complete. */
  hasRoomFor(bytes: number): boolean {
    const { maxBytes } = this.#options;
    if (this.#bytes + bytes > maxBytes) this.cut(`it reached its limit of ${maxBytes} bytes`);
    return !this.#cut;
  }

  /** Stops the recording. */
  cut(reason: string): void {
    if (this.#cut) return;
    this.#cut = true;
    this.#manifest = { ...this.#manifest, cut: reason };
    this.#options.onCut(reason);
  }

  /** Ends the recording; resolves when it is on disk or has failed. */
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

  /** Written to a temporary file, so that a manifest is complete or absent. */
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
