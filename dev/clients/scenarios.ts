/** The scenarios of the clients of other languages; a client's program prints one line for each. */
export const scenarios = {
  quickstart: 'the program of docs/clients.md prints its answer',
  'text turn': 'a message, and a streamed text answer',
  'spoken turn': 'recorded speech, turn detection, a transcript, and a spoken answer',
  'tool call': 'a function call, its output, and an answer with it',
  interruption: 'speech cancels a spoken answer, whose item is truncated',
  'push-to-talk': 'no turn detection: commit, then request a response',
  'transcription session': 'only transcripts',
  'out-of-band response': 'own input and metadata, nothing added to the conversation',
  'error on a bad event': 'the error names the event; the session continues',
  'client secret': 'a session opened by a secret, with its configuration',
} as const;

export type Scenario = keyof typeof scenarios;
export const scenarioNames = Object.keys(scenarios) as Scenario[];

export type Outcome =
  | { result: 'passed' }
  | { result: 'failed'; detail: string }
  | { result: 'not applicable'; detail: string };
