export const ga = 'POST /v1/realtime/client_secrets';

export const beta = 'POST /v1/realtime/sessions';

export const betaTranscription = 'POST /v1/realtime/transcription_sessions';
