import type { AudioClip } from '../../../audio/audio-clip.ts';
import { samplesIn } from '../../../audio/pcm.ts';
import type { TurnModel } from '../../../session/ports/turn-model.ts';
import type { WorkClaim } from '../../../session/ports/work-claim.ts';
import { PooledEngine } from '../../pool/pooled-engine.ts';
import { type PoolSurroundings, workerScript } from '../../pool/worker-pool.ts';
import { disableOnnxTelemetry } from '../onnx-telemetry.ts';
import type { SmartTurnRequest } from './smart-turn-worker.ts';

const longestMs = 8000;

/** Smart Turn v3 in a thread, from the file of its user. */
export class SmartTurn extends PooledEngine<SmartTurnRequest, number> implements TurnModel {
  constructor({ modelPath, ...surroundings }: PoolSurroundings & { modelPath: string }) {
    disableOnnxTelemetry();
    super({
      engine: 'Smart Turn',
      script: workerScript(import.meta.url, 'smart-turn-worker'),
      size: 1,
      terminable: false,
      workerData: { modelPath },
      ...surroundings,
    });
  }

  endOfTurn(
    { samples, sampleRateHz }: AudioClip,
    { claim, signal }: { claim: WorkClaim; signal: AbortSignal },
  ): Promise<number> {
    const last = samples.slice(-samplesIn(longestMs, sampleRateHz));
    return this.pool.request({ samples: last, sampleRateHz }, { claim, signal, transfer: [last.buffer] });
  }
}
