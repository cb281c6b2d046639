/** Fields with different paths in GA and beta. A path without a counterpart exists in one dialect only. */
const pairs: readonly (readonly [ga: string | null, beta: string | null])[] = [
  ['session.type', null],
  ['session.output_modalities', 'session.modalities'],
  ['session.max_output_tokens', 'session.max_response_output_tokens'],
  ['session.audio.input.format', 'session.input_audio_format'],
  ['session.audio.input.transcription', 'session.input_audio_transcription'],
  ['session.audio.input.noise_reduction', 'session.input_audio_noise_reduction'],
  ['session.audio.input.turn_detection', 'session.turn_detection'],
  ['session.audio.output.format', 'session.output_audio_format'],
  ['session.audio.output.voice', 'session.voice'],
  ['session.audio.output.speed', 'session.speed'],
  [null, 'session.temperature'],
  ['session.truncation', null],
  ['session.prompt', null],
  ['session.include', null],
  ['session.reasoning', null],
  ['session.parallel_tool_calls', null],
  ['response.output_modalities', 'response.modalities'],
  ['response.audio.output.format', 'response.output_audio_format'],
  ['response.audio.output.voice', 'response.voice'],
  [null, 'response.temperature'],
  ['response.prompt', null],
  ['response.reasoning', null],
  ['response.parallel_tool_calls', null],
];

/** Beta accepts both names of this field, so errors keep the name that was sent; GA accepts only its own. */
const hinted: typeof pairs = [...pairs, ['response.max_output_tokens', 'response.max_response_output_tokens']];

/** The beta path of a GA setting; undefined if it has no other name. */
export function betaField(gaPath: string): string | undefined {
  return pairs.find(([ga]) => ga === gaPath)?.[1] ?? undefined;
}

/** Its path in the body of a request for a beta session, which has the fields of the session at the top level. */
export function betaBodyField(gaPath: string): string {
  const path = betaField(gaPath) ?? gaPath;
  return path.startsWith('session.') ? path.slice('session.'.length) : path;
}

/** A hint for a field that belongs to the other dialect; undefined if it does not. */
export function otherDialectHint(path: string, dialect: 'ga' | 'beta'): string | undefined {
  const [theirs, mine, name] = dialect === 'ga' ? ([1, 0, 'beta'] as const) : ([0, 1, 'GA'] as const);
  const isTheirs = (other: string | null): other is string =>
    other !== null && (path === other || path === parentOf(other));
  const pair = hinted.find((each) => isTheirs(each[theirs]) && each[mine] !== path);
  if (!pair) return undefined;
  const counterpart = path === pair[theirs] ? pair[mine] : null;
  const instead = counterpart
    ? `; this connection speaks ${dialect === 'ga' ? 'GA' : 'beta'}, where it is '${counterpart}'`
    : '';
  return `It belongs to the ${name} dialect${instead}.`;
}

/** `session.audio` for a path below it: the only group of fields that exists in one dialect only. */
function parentOf(path: string): string | undefined {
  return /^(?:session|response)\.audio(?=\.)/.exec(path)?.[0];
}
