import type { ResponseParameters } from '../protocol/client-events.ts';
import { wireErrors } from '../protocol/errors.ts';
import type { RealtimeUpdate } from '../protocol/session-config.ts';
import { renderPrompt } from './prompts.ts';
import type { SessionTools } from './settings.ts';

/**
 * Refuses settings that are well formed but name something which this server does not have: otherwise they would be
 * accepted and do nothing. A custom voice, by its `{ id }`, is left to the engine.
 * @throws {WireError} with a path below `root`
 */
export function refuseUnavailable(
  { audio, prompt }: Pick<RealtimeUpdate, 'prompt'> & Pick<ResponseParameters, 'audio'>,
  { engines, settings }: Pick<SessionTools, 'engines' | 'settings'>,
  root: 'session' | 'response',
): void {
  const voice = audio?.output?.voice;
  const { voices } = engines.voice;
  if (typeof voice === 'string' && voices && !voices.includes(voice)) {
    throw wireErrors.invalidValue(`${root}.audio.output.voice`, voice, voices);
  }
  if (prompt) renderPrompt(prompt, settings.prompts, `${root}.prompt`);
}
