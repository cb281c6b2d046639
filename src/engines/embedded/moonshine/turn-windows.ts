import type { AudioClip } from '../../../audio/audio-clip.ts';
import { unlessAborted } from '../../../core/abort.ts';
import { PendingAdoption } from '../../../session/generation/pending-adoption.ts';
import type { TranscribeOptions, TranscriptEvent } from '../../../session/ports/transcriber.ts';
import type { WorkClaim } from '../../../session/ports/work-claim.ts';

export type WindowTranscript = Extract<TranscriptEvent, { type: 'done' }>;

type TranscribeWindow = (window: AudioClip, claim: WorkClaim) => Promise<WindowTranscript>;

interface Started {
  samples: number;
  transcript: Promise<WindowTranscript>;
  adoption: PendingAdoption;
}

/**
 * Transcripts of the complete windows of turns that are transcribed repeatedly while they grow, each computed once. A
 * window that has been started is finished even if its request is dropped, because the next one needs it.
 */
export class TurnWindows {
  /** By turn, in the order of the windows. */
  readonly #turns = new WeakMap<object, Started[]>();
  readonly #transcribe: TranscribeWindow;

  constructor(transcribe: TranscribeWindow) {
    this.#transcribe = transcribe;
  }

  /** The transcript of a window of this turn, by its index. It becomes live work when a conversation waits for it. */
  async transcript(
    turn: object,
    index: number,
    window: AudioClip,
    { claim, signal }: Pick<TranscribeOptions, 'claim' | 'signal'>,
  ): Promise<WindowTranscript> {
    const started = this.#started(turn, index, window, claim);
    if (claim?.adoption) claim.adoption.whenAdopted(() => started.adoption.adopt());
    else started.adoption.adopt();
    claim?.onWait?.(true);
    try {
      return await unlessAborted(started.transcript, signal);
    } finally {
      claim?.onWait?.(false);
    }
  }

  #started(turn: object, index: number, window: AudioClip, claim: WorkClaim | undefined): Started {
    const windows = this.#turns.get(turn) ?? [];
    this.#turns.set(turn, windows);
    const known = windows[index];
    if (known?.samples === window.samples.length) return known;
    const adoption = new PendingAdoption();
    const owner = { key: claim?.key ?? '', session: claim?.session ?? '' };
    const transcript = this.#transcribe(window, { ...owner, priority: 'partial', adoption });
    const started = { samples: window.samples.length, transcript, adoption };
    windows[index] = started;
    // The next request tries again.
    transcript.catch(() => {
      if (windows[index] === started) delete windows[index];
    });
    return started;
  }
}
