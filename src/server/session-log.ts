import type { Log } from '../core/log.ts';
import { TurnLedger } from '../session/observing/turn-ledger.ts';
import type { Observation, SessionObserver } from '../session/ports/observer.ts';

/**
 * Logs the events of one session, without audio, transcripts and keys. For a relayed session it logs only how responses
 * ended; the rest is in the upstream's log.
 */
export function logSession(log: Log): SessionObserver {
  const ledger = new TurnLedger(({ responseId: response, status }, times) => {
    log.info('response_done', { response, status, ...times });
  });
  return {
    observe(observation) {
      ledger.observe(observation);
      if (observation.type === 'session_fault') log.error('session_fault', { error: observation.error });
      else if (!observation.relayed) logOwn(observation, log);
    },
  };
}

function logOwn(observation: Observation, log: Log): void {
  switch (observation.type) {
    case 'transcript': {
      const { itemId: item, audioMs, tookMs } = observation;
      return log.debug('transcribed', { item, audioMs, tookMs });
    }
    case 'sound_ignored': {
      const { sounds, audioStartMs, audioEndMs } = observation;
      return log.debug('sound_ignored', { sounds, audioStartMs, audioEndMs });
    }
    case 'interruptions_unchecked':
      return log.warn('interruptions_unchecked', { forMs: observation.forMs });
    case 'transcription_failed':
      return log.error('transcription_failed', { item: observation.itemId, error: observation.error });
    case 'partial_transcript_failed':
      return log.warn('partial_transcript_failed', { item: observation.itemId, error: observation.error });
    case 'voice_activity_failed':
      return log.error('voice_activity_failed', { error: observation.error });
    case 'turn_model_failed':
      return log.warn('turn_model_failed', { error: observation.error });
    case 'voice_silent': {
      const { voice, characters } = observation;
      return log.warn('voice_silent', { voice, characters });
    }
    case 'context_truncated': {
      const { leftOut, items } = observation;
      return log.info('context_truncated', { leftOut, items });
    }
    case 'response_failed': {
      const { responseId: response, fault, code, stage, error } = observation;
      // A message about an invalid request may contain a signed URL.
      if (fault === 'request') return log.info('response_failed', { response, code });
      return log.error('response_failed', { response, stage, error });
    }
    case 'tool_call_done': {
      const { responseId: response, itemId: item, serverLabel: server, name: tool, tookMs, error, fault } = observation;
      const about = { response, item, server, tool, tookMs };
      if (error === undefined) return log.info('tool_called', about);
      return log.warn('tool_failed', { ...about, error, fault });
    }
    case 'tools_imported': {
      const { serverLabel: server, tools, tookMs, error } = observation;
      if (error === undefined) return log.info('tools_imported', { server, tools, tookMs });
      return log.warn('tool_import_failed', { server, tookMs, error });
    }
    case 'noise_reduction_unavailable':
      return log.warn('noise_reduction_unavailable', {});
    case 'truncation_clamped':
      return log.warn('leniency_used', { leniency: observation.type });
    case 'transcription_settings_ignored':
      return log.warn('transcription_settings_ignored', { settings: observation.settings });
    case 'transcription_languages_unknown': {
      const { languages, known } = observation;
      return log.warn('transcription_languages_unknown', { languages, known });
    }
  }
}
