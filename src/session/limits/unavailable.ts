import { jsonLength, lastingJson } from '../../core/json-pieces.ts';
import { wireErrors } from '../../protocol/errors/wire-errors.ts';
import type { ResponseParameters } from '../../protocol/wire/client-events.ts';
import type { RealtimeUpdate } from '../../protocol/wire/session-config.ts';
import { renderPrompt } from '../context/prompts.ts';
import type { SessionLimits, SessionTools } from '../settings.ts';

type Settings = Pick<ResponseParameters, 'audio' | 'prompt' | 'instructions' | 'tools'> &
  Pick<RealtimeUpdate, 'tracing'>;

/**
 * Refuses valid settings that this server cannot honor, because they refer to something it does not have or exceed its
 * limits; otherwise they would be accepted without effect. A custom voice (`{ id }`) is left to the engine.
 * @throws {WireError} with a path below `root`
 */
export function refuseUnavailable(
  given: Settings,
  { engines, settings }: Pick<SessionTools, 'engines' | 'settings'>,
  root: 'session' | 'response',
): void {
  const { audio, prompt } = given;
  refuseOversized(given, settings.limits, root);
  const voice = audio?.output?.voice;
  const { voices } = engines.voice;
  if (typeof voice === 'string' && voices && !voices.includes(voice)) {
    throw wireErrors.invalidValue(`${root}.audio.output.voice`, voice, voices);
  }
  if (prompt) renderPrompt(prompt, settings.prompts, `${root}.prompt`);
}

function refuseOversized(
  { instructions, prompt, tools, tracing }: Settings,
  limits: SessionLimits,
  root: 'session' | 'response',
): void {
  const bound = (name: string, text: string, limit: number) => {
    const bytes = Buffer.byteLength(text);
    if (bytes > limit) throw wireErrors.tooManyBytes(`${root}.${name}`, limit, bytes);
  };
  if (instructions) bound('instructions', instructions, limits.instructionsBytes);
  const boundJson = (name: string, value: object | string, limit: number) => {
    // Avoids serializing JSON that is certainly too long.
    const least = jsonLength(value);
    if (least > limit) throw wireErrors.tooManyBytes(`${root}.${name}`, limit, least);
    bound(name, lastingJson(value), limit);
  };
  if (prompt) boundJson('prompt', prompt, limits.instructionsBytes);
  if (tracing) boundJson('tracing', tracing, limits.instructionsBytes);
  if (!tools) return;
  if (tools.length > limits.tools) {
    const excess = { kind: 'array', side: 'max', limit: limits.tools, got: tools.length } as const;
    throw wireErrors.wrongLength(`${root}.tools`, excess);
  }
  boundJson('tools', tools, limits.toolBytes);
}
