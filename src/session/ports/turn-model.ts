import type { AudioClip } from '../../audio/audio-clip.ts';
import type { WorkClaim } from './work-claim.ts';

/** A model that estimates from the sound of a turn whether it is over. */
export interface TurnModel {
  /** The probability, 0…1, that the turn ends with this clip, which may be the last part of the turn. */
  endOfTurn(clip: AudioClip, options: { claim: WorkClaim; signal: AbortSignal }): Promise<number>;
}
