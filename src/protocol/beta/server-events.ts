/** Converts the core's events to the beta dialect. */

import { betaField } from '../dialect-fields.ts';
import { renderErrorEvent } from '../errors/wire-errors.ts';
import type { OutgoingEvent, ResponseResource, ServerEvent, Usage } from '../wire/server-events.ts';
import { toBetaItem } from './items.ts';
import {
  defaultTemperature,
  toBetaFormat,
  toBetaModalities,
  toBetaSession,
  toBetaTranscriptionSession,
  toBetaVoice,
} from './session.ts';

/** Events that differ in their type only. */
const renamed: Partial<Record<ServerEvent['type'], string>> = {
  'conversation.item.added': 'conversation.item.created',
  'response.output_text.delta': 'response.text.delta',
  'response.output_text.done': 'response.text.done',
  'response.output_audio.delta': 'response.audio.delta',
  'response.output_audio.done': 'response.audio.done',
  'response.output_audio_transcript.delta': 'response.audio_transcript.delta',
  'response.output_audio_transcript.done': 'response.audio_transcript.done',
};

/** The event to send, or undefined if the beta dialect does not have it. */
export function toBetaEvent(event: OutgoingEvent): object | undefined {
  if ('extension' in event) return undefined;
  if ('extended' in event) return toBetaEvent(event.extended);
  if ('raised' in event) return renderErrorEvent({ ...event, raised: event.raised.renamed(betaField) });
  const known = 'relayed' in event ? event.known : event;
  return known && toBetaServerEvent(known);
}

/** An error of an upstream also arrives here, and is not changed. */
function toBetaServerEvent(event: ServerEvent): object | undefined {
  switch (event.type) {
    case 'conversation.item.done':
    case 'input_audio_buffer.timeout_triggered':
      return undefined;
    case 'session.created':
    case 'session.updated':
      if (event.session.type === 'realtime') return { ...event, session: toBetaSession(event.session) };
      return { ...event, type: `transcription_${event.type}`, session: toBetaTranscriptionSession(event.session) };
    case 'conversation.item.added':
    case 'conversation.item.retrieved':
    case 'response.output_item.added':
    case 'response.output_item.done':
      return { ...event, type: renamed[event.type] ?? event.type, item: toBetaItem(event.item) };
    case 'response.created':
    case 'response.done':
      return { ...event, response: toBetaResponse(event.response) };
    case 'response.function_call_arguments.done': {
      const { name: _gaOnly, ...rest } = event;
      return rest;
    }
    default:
      return renamed[event.type] ? { ...event, type: renamed[event.type] } : event;
  }
}

function toBetaResponse(response: ResponseResource): object {
  const { audio, output_modalities, output, usage, temperature, ...common } = response;
  return {
    ...common,
    output: output.map(toBetaItem),
    modalities: toBetaModalities(output_modalities),
    voice: toBetaVoice(audio.output.voice),
    output_audio_format: toBetaFormat(audio.output.format),
    temperature: temperature ?? defaultTemperature,
    usage: usage && toBetaUsage(usage),
  };
}

function toBetaUsage(usage: Usage): object {
  const { image_tokens: _gaOnly, cached_tokens_details, ...input } = usage.input_token_details;
  const { image_tokens: _gaOnlyToo, ...cached } = cached_tokens_details;
  const { reasoning_tokens: _gaOnlyAlso, ...output } = usage.output_token_details;
  return {
    ...usage,
    input_token_details: { ...input, cached_tokens_details: cached },
    output_token_details: output,
  };
}
