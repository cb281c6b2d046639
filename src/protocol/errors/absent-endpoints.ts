/** Endpoints of OpenAI's API that Parley does not have, with what to use instead. */

const absent: readonly (readonly [paths: RegExp, message: string])[] = [
  [/^\/v1\/realtime\/translations(?:\/|$)/, 'Parley has no translation sessions. Use a session at /v1/realtime.'],
  [
    /^\/v1\/audio\/translations$/,
    'Parley does not translate. /v1/audio/transcriptions transcribes in the language that is spoken.',
  ],
  [
    /^\/v1\/(?:chat\/completions|completions|responses|conversations)(?:\/|$)/,
    'Parley is not an API of a language model. Ask the server of the model, or use a session at /v1/realtime with output_modalities ["text"].',
  ],
  [
    /^\/v1\/(?:embeddings|images|videos|files|uploads|batches|assistants|threads|vector_stores|moderations|fine_tuning|evals|containers)(?:\/|$)/,
    'Parley does not have this endpoint of the API. It serves /v1/realtime, /v1/audio/transcriptions, /v1/audio/speech and /v1/models.',
  ],
];

/** A sentence about an absent endpoint; undefined if the path is not one of the API. */
export function absentEndpoint(path: string): string | undefined {
  return absent.find(([paths]) => paths.test(path))?.[1];
}
