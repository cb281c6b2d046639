/** The bounds of the server, each an option: `limits.` on the command line, `limits:` in a configuration file. */

import { defaultTimeouts } from '../engines/openai/timeouts.ts';
import { defaultQueueLimits } from '../engines/pool/queue-limits.ts';
import { defaultSessionSettings } from '../session/settings.ts';
import { defaultUpstreamLimits } from '../upstream/link/limits.ts';
import { bytes, integer, integerOrInfinity } from './kinds.ts';
import { option } from './option.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const mebibyte = 1024 ** 2;
const { limits: sessionLimits } = defaultSessionSettings;

export const limits = {
  sessions: option('Limits', integer('COUNT', 1, 100_000), 1000, 'Sessions at once; more are refused with HTTP 503.'),
  pendingConnections: option(
    'Limits',
    integer('COUNT', 1, 100_000),
    1024,
    'Connections at once that are not a session: plain HTTP, and those that have not shown a key yet. Clients that all come at once need as many.',
  ),
  storeEntries: option(
    'Limits',
    integer('COUNT', 100, 100_000_000),
    100_000,
    'Client secrets that have not expired. Beyond it no more are minted. Counters of limits have room of their own.',
  ),
  storeCharacters: option(
    'Limits',
    integer('COUNT', 65_536, 16 * 1024 ** 3),
    256 * mebibyte,
    'Characters of all that together: above all the session configurations of client secrets.',
  ),
  secretsPerMinute: option(
    'Limits',
    integer('COUNT', 1, 1_000_000),
    600,
    'Client secrets that one key may mint in a minute. They live for two hours at most.',
  ),
  headerBytes: option('Limits', bytes(1024, mebibyte), 16 * 1024, 'The headers of a request.'),
  bodyBytes: option('Limits', bytes(1024, 64 * mebibyte), mebibyte, 'The body of a plain HTTP request.'),
  audioRequests: option(
    'Limits',
    integer('COUNT', 1, 10_000),
    16,
    'Concurrent requests to /v1/audio/transcriptions and /v1/audio/speech; more are refused with HTTP 503. Where there are several keys, one key gets at most half of them.',
  ),
  audioUploadBytes: option(
    'Limits',
    bytes(64 * 1024, 1024 * mebibyte),
    25 * mebibyte,
    'Maximum upload to POST /v1/audio/transcriptions.',
  ),
  audioUploadMs: option(
    'Limits',
    integer('MS', 1000, 24 * hourMs),
    30 * minuteMs,
    'Maximum duration of an upload to POST /v1/audio/transcriptions.',
  ),
  transferBytesPerSecond: option(
    'Limits',
    bytes(1, 1024 * mebibyte),
    16 * 1024,
    'Lowest average speed at which a client sends a body and reads an answer over plain HTTP. Speech is played at 48,000 bytes per second.',
  ),
  bodyStallMs: option(
    'Limits',
    integer('MS', 100, 10 * minuteMs),
    10_000,
    'How long a body may take before limits.transfer-bytes-per-second applies to it.',
  ),
  answerStallMs: option(
    'Limits',
    integer('MS', 100, hourMs),
    minuteMs,
    'How long a client may read nothing of an answer over plain HTTP before its connection is closed.',
  ),
  headersTimeoutMs: option(
    'Limits',
    integer('MS', 100, minuteMs),
    10_000,
    'How long a client may take to send its headers.',
  ),
  requestTimeoutMs: option(
    'Limits',
    integer('MS', 100, 10 * minuteMs),
    30_000,
    'How long a client may take to send a request.',
  ),
  frameBytes: option(
    'Limits',
    bytes(1024, 256 * mebibyte),
    22 * mebibyte,
    'One message of a client. 22MiB is an event with 15 MiB of audio.',
  ),
  frameFragments: option('Limits', integer('COUNT', 1, 1_000_000), 1024, 'Fragments that one message may come in.'),
  messageTimeoutMs: option(
    'Limits',
    integer('MS', 100, hourMs),
    minuteMs,
    'How long a message that a client has begun may take to be complete.',
  ),
  eventsPerSecond: option(
    'Limits',
    integerOrInfinity('COUNT', 1, 1_000_000),
    1000,
    'Messages of a client in a second; what it sends faster is read more slowly.',
  ),
  eventBurst: option(
    'Limits',
    integer('COUNT', 1, 1_000_000),
    5000,
    'Messages that a client may send at once before limits.events-per-second slows it.',
  ),
  answerBytesPerSecond: option(
    'Limits',
    bytes(64 * 1024, 1024 * mebibyte),
    16 * mebibyte,
    'Bytes sent to a client in a second, on average; beyond twice as much its messages are read more slowly.',
  ),
  outputQueueBytes: option(
    'Limits',
    bytes(64 * 1024, 1024 * mebibyte),
    64 * mebibyte,
    'What may wait to be sent to a client that reads too slowly, before it is disconnected. The largest message comes back as two events, and ten minutes of audio as 37 MiB.',
  ),
  pingIntervalMs: option('Limits', integer('MS', 100, hourMs), 20_000, 'How often a client is pinged.'),
  deadPeerMs: option(
    'Limits',
    integer('MS', 100, hourMs),
    40_000,
    'How long a client may be silent before its connection counts as dead.',
  ),
  closeGraceMs: option(
    'Limits',
    integer('MS', 0, minuteMs),
    2000,
    'How long a client may take to answer the closing of its connection.',
  ),
  appendBytes: option(
    'Limits',
    bytes(1024, 256 * mebibyte),
    sessionLimits.appendBytes,
    'Audio in one append, decoded.',
  ),
  inputBufferMs: option(
    'Limits',
    integer('MS', 1000, hourMs),
    sessionLimits.inputBufferMs,
    'Audio that a client has appended and not committed.',
  ),
  silenceMs: option(
    'Limits',
    // The longest prefix padding is 5 s.
    integer('MS', 6000, hourMs),
    sessionLimits.silenceMs,
    'Appended audio that is kept while nobody speaks, with turn detection on.',
  ),
  undetectedAudioMs: option(
    'Limits',
    integer('MS', 100, hourMs),
    sessionLimits.undetectedAudioMs,
    'Appended audio that voice activity detection has not seen; beyond it the client is read no further.',
  ),
  keptAudioMs: option(
    'Limits',
    integer('MS', 0, 24 * hourMs),
    sessionLimits.keptAudioMs,
    'Audio that a session keeps with its items. The oldest is dropped; its transcript stays.',
  ),
  totalAudioMs: option(
    'Limits',
    integer('MS', 1000, 1000 * hourMs),
    10 * hourMs,
    'Audio that all sessions hold together, buffered or kept. A session that needs more gives up its own oldest, and is refused when it has none. 10 h at 24 kHz are 1.7 GB.',
  ),
  items: option(
    'Limits',
    integer('COUNT', 2, 1_000_000),
    sessionLimits.items,
    "Items in a conversation, or in one response's own input.",
  ),
  itemCharacters: option(
    'Limits',
    integer('COUNT', 1024, 1024 ** 3),
    sessionLimits.itemCharacters,
    'Characters of text, images and arguments in the items of a conversation.',
  ),
  contextCharacters: option(
    'Limits',
    integer('COUNT', 1024, 1024 ** 3),
    sessionLimits.contextCharacters,
    'Characters of text, images and audio (as base64) in the context of one response. Each occurrence of an item counts.',
  ),
  tools: option('Limits', integer('COUNT', 0, 128), sessionLimits.tools, 'Tools of a session, or of one response.'),
  toolBytes: option('Limits', bytes(1024, 64 * mebibyte), sessionLimits.toolBytes, 'Their definitions together.'),
  instructionsBytes: option(
    'Limits',
    bytes(1024, 64 * mebibyte),
    sessionLimits.instructionsBytes,
    'Instructions of a session, or of one response; likewise a prompt with its variables, and tracing.',
  ),
  responsesPerMinute: option(
    'Limits',
    integerOrInfinity('COUNT', 1, 1_000_000),
    sessionLimits.responsesPerMinute,
    'Responses that a client may ask for in a minute. Those that turns bring count, and are not refused.',
  ),
  outOfBandResponses: option(
    'Limits',
    integer('COUNT', 1, 1000),
    sessionLimits.outOfBandResponses,
    'Responses outside the conversation that run at once in a session.',
  ),
  logBufferBytes: option(
    'Limits',
    bytes(16 * 1024, 256 * mebibyte),
    mebibyte,
    'Log entries that wait to be written; beyond it entries are dropped and counted.',
  ),
  logEntriesPerMinute: option(
    'Limits',
    integerOrInfinity('COUNT', 1, 1_000_000),
    6000,
    'Log entries of one event in a minute; the rest is counted and logged as a number. Refusals and faults have lower bounds of their own.',
  ),
  imageBytes: option(
    'Limits',
    bytes(1024, 64 * mebibyte),
    10 * mebibyte,
    'An image that the server fetches for a client.',
  ),
  imageTimeoutMs: option('Limits', integer('MS', 100, hourMs), 10_000, 'How long fetching an image may take.'),
  imageFetches: option('Limits', integer('COUNT', 1, 1000), 16, 'Images that the server fetches at once.'),
  engineConnectMs: option(
    'Limits',
    integer('MS', 100, 10 * minuteMs),
    defaultTimeouts.connectMs,
    'How long connecting to the server of an engine may take.',
  ),
  engineFirstByteMs: option(
    'Limits',
    integer('MS', 100, hourMs),
    defaultTimeouts.firstByteMs,
    'How long such a server may take to begin its answer. limits.stage-stall-ms ends the wait too.',
  ),
  engineIdleMs: option(
    'Limits',
    integer('MS', 100, hourMs),
    defaultTimeouts.idleMs,
    'How long such a server may be silent within its answer.',
  ),
  engineQueueJobs: option(
    'Limits',
    integer('COUNT', 1, 1_000_000),
    defaultQueueLimits.jobs,
    'Requests that may wait for a thread of an embedded engine, and large messages for the one that parses them. Beyond it the client with most of them loses its newest.',
  ),
  engineQueueMs: option(
    'Limits',
    integer('MS', 100, hourMs),
    defaultQueueLimits.waitMs,
    'How long one of them may wait. It does not count toward limits.stage-stall-ms.',
  ),
  speechMs: option(
    'Limits',
    integer('MS', 1000, 24 * hourMs),
    30 * minuteMs,
    'Audio of one answer of /v1/audio/speech. 4,096 characters of English at a speed of 0.25 are some 17 minutes.',
  ),
  cassetteBytes: option(
    'Limits',
    bytes(64 * 1024, 1024 ** 4),
    256 * mebibyte,
    'Maximum size on disk of the cassette of one session (--cassette); a cassette ends early at this size.',
    { formerly: 'limits.recording-bytes' },
  ),
  upstreamConnectMs: option(
    'Limits',
    integer('MS', 100, 10 * minuteMs),
    defaultUpstreamLimits.upstreamConnectMs,
    'How long an upstream may be silent while it opens a session, or takes over one that was lost.',
  ),
  upstreamRetries: option(
    'Limits',
    integer('COUNT', 0, 100),
    defaultUpstreamLimits.upstreamRetries,
    'How often the connection to an upstream is made again when it is lost, before the session ends.',
  ),
  upstreamQueueBytes: option(
    'Limits',
    bytes(64 * 1024, 256 * mebibyte),
    defaultUpstreamLimits.upstreamQueueBytes,
    'What may wait for an upstream that reads slowly, or is not connected yet, before the client is read no further.',
  ),
  upstreamMessageBytes: option(
    'Limits',
    bytes(64 * 1024, 1024 * mebibyte),
    defaultUpstreamLimits.upstreamMessageBytes,
    'One message of an upstream. Ten minutes of audio, retrieved, are 37 MiB.',
  ),
  stageStallMs: option(
    'Limits',
    integer('MS', 100, hourMs),
    sessionLimits.stageStallMs,
    'How long an engine may take to yield its next piece before the response fails.',
  ),
};
