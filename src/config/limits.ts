/** The limits of the server. Each is an option: `limits.` on the command line, `limits:` in a configuration file. */

import { defaultAnswerBounds } from '../engines/openai/answer-bounds.ts';
import { defaultAdaptationMs, defaultTimeouts } from '../engines/openai/timeouts.ts';
import { defaultPartialShare, defaultQueueLimits } from '../engines/pool/queue-limits.ts';
import { defaultSessionSettings } from '../session/settings.ts';
import { defaultUpstreamLimits } from '../upstream/link/limits.ts';
import { bytes, integer, integerOrInfinity } from './kinds.ts';
import { inGroup, option } from './option.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const mebibyte = 1024 ** 2;
const { limits: sessionLimits } = defaultSessionSettings;

/** A number of things. */
const count = (min: number, max: number) => integer('COUNT', min, max);
const milliseconds = (min: number, max: number) => integer('MS', min, max);

export const limits = inGroup('Limits', {
  sessions: option(count(1, 100_000), 1000, 'Concurrent sessions; further ones are refused with HTTP 503.'),
  sessionRows: option(count(1, 100_000), 100, 'Sessions in one response of GET /v1/parley/sessions.'),
  sessionViews: option(
    count(1, 1000),
    16,
    'Concurrent views of sessions (GET /v1/parley/sessions/{id}/events); further ones are refused with HTTP 503.',
  ),
  viewsPerSession: option(count(1, 1000), 4, 'Concurrent views of one session, likewise.'),
  viewQueueBytes: option(
    bytes(64 * 1024, 64 * mebibyte),
    mebibyte,
    'Bytes waiting to be sent to a viewer; beyond it the view ends.',
  ),
  pendingConnections: option(
    count(1, 100_000),
    1024,
    'Concurrent connections without a session: plain HTTP, and connections that are not yet authenticated. Must be large enough for all clients that connect at the same time.',
  ),
  storeEntries: option(
    count(100, 100_000_000),
    100_000,
    'Client secrets that have not expired; further ones are refused. Counters and leases are bounded separately.',
  ),
  storeCharacters: option(
    count(65_536, 16 * 1024 ** 3),
    256 * mebibyte,
    'Total characters of those client secrets, most of which are session configurations.',
  ),
  secretsPerMinute: option(
    count(1, 1_000_000),
    600,
    'Client secrets that one key may mint per minute. Each expires within two hours.',
  ),
  headerBytes: option(bytes(1024, mebibyte), 16 * 1024, 'Maximum size of the headers of a request.'),
  bodyBytes: option(bytes(1024, 64 * mebibyte), mebibyte, 'Maximum size of the body of a plain HTTP request.'),
  audioRequests: option(
    count(1, 10_000),
    16,
    'Concurrent requests to /v1/audio/transcriptions and /v1/audio/speech; further ones are refused with HTTP 503. If the server has several keys, one key gets at most half of them.',
  ),
  audioUploadBytes: option(
    bytes(64 * 1024, 1024 * mebibyte),
    25 * mebibyte,
    'Maximum size of an upload to POST /v1/audio/transcriptions.',
  ),
  audioUploadMs: option(
    milliseconds(1000, 24 * hourMs),
    30 * minuteMs,
    'Maximum duration of an upload to POST /v1/audio/transcriptions.',
  ),
  transferBytesPerSecond: option(
    bytes(1, 1024 * mebibyte),
    16 * 1024,
    'Minimum average rate at which a client sends a body or reads a response over plain HTTP. Speech plays at 48,000 bytes per second.',
  ),
  bodyStallMs: option(
    milliseconds(100, 10 * minuteMs),
    10_000,
    'How far a client may fall behind limits.transfer-bytes-per-second when it sends a body.',
  ),
  answerStallMs: option(
    milliseconds(100, hourMs),
    minuteMs,
    'How far a client may fall behind limits.transfer-bytes-per-second when it reads a response, before its connection is closed.',
  ),
  headersTimeoutMs: option(milliseconds(100, minuteMs), 10_000, 'Time to receive the headers of a request.'),
  requestTimeoutMs: option(milliseconds(100, 10 * minuteMs), 30_000, 'Time to receive a whole request.'),
  frameBytes: option(
    bytes(1024, 256 * mebibyte),
    22 * mebibyte,
    'Maximum size of a message from a client. 22MiB holds an event with 15 MiB of audio.',
  ),
  frameFragments: option(count(1, 1_000_000), 1024, 'Maximum fragments of one message.'),
  messageTimeoutMs: option(milliseconds(100, hourMs), minuteMs, 'Time from the first to the last byte of a message.'),
  eventsPerSecond: option(
    integerOrInfinity('COUNT', 1, 1_000_000),
    1000,
    'Messages per second from a client, on average; a faster client is read more slowly.',
  ),
  eventBurst: option(
    count(1, 1_000_000),
    5000,
    'Messages that a client may send in a burst before limits.events-per-second applies.',
  ),
  answerBytesPerSecond: option(
    bytes(64 * 1024, 1024 * mebibyte),
    16 * mebibyte,
    'Bytes per second sent to a client, on average, with a burst of two seconds; beyond it the client is read more slowly.',
  ),
  outputQueueBytes: option(
    bytes(64 * 1024, 1024 * mebibyte),
    64 * mebibyte,
    'Bytes waiting to be sent to a client; beyond it the client is disconnected. The largest message is echoed in two events, and ten minutes of audio take 37 MiB.',
  ),
  pingIntervalMs: option(milliseconds(100, hourMs), 20_000, 'Interval between pings to a client.'),
  deadPeerMs: option(
    milliseconds(100, hourMs),
    40_000,
    'Time without any data from a client before its connection is terminated.',
  ),
  closeGraceMs: option(milliseconds(0, minuteMs), 2000, 'Time for a client to answer a close frame.'),
  offerBytes: option(bytes(1024, mebibyte), 32 * 1024, 'Maximum size of the SDP offer of a call.'),
  offerSections: option(count(1, 1000), 16, 'Maximum media sections (m-lines) of an SDP offer.'),
  offerCandidates: option(count(1, 10_000), 128, 'Maximum ICE candidates in an SDP offer.'),
  pendingCalls: option(
    count(1, 100_000),
    64,
    'Calls whose clients are not connected yet; further offers are refused with HTTP 503.',
  ),
  callConnectMs: option(
    milliseconds(100, 10 * minuteMs),
    15_000,
    'Time for the client of a call to connect and to open its data channel.',
  ),
  callSilenceMs: option(
    milliseconds(2000, minuteMs),
    5000,
    'Time without any packet from the client of a call before it counts as gone.',
  ),
  channelPendingBytes: option(
    bytes(64 * 1024, 1024 * mebibyte),
    4 * mebibyte,
    'Messages of the data channel of a call that wait to be processed.',
  ),
  channelMessageBytes: option(
    bytes(16 * 1024, 16 * mebibyte),
    mebibyte,
    'Maximum size of a message on the data channel of a call, in both directions.',
  ),
  appendBytes: option(
    bytes(1024, 256 * mebibyte),
    sessionLimits.appendBytes,
    'Maximum size of the decoded audio of one append.',
  ),
  inputBufferMs: option(
    milliseconds(1000, hourMs),
    sessionLimits.inputBufferMs,
    'Audio appended and not yet committed.',
  ),
  silenceMs: option(
    milliseconds(100, hourMs),
    sessionLimits.silenceMs,
    'Silence retained in the input buffer when turn detection is on.',
  ),
  undetectedAudioMs: option(
    milliseconds(100, hourMs),
    sessionLimits.undetectedAudioMs,
    'Appended audio not yet processed by voice activity detection; beyond it the client is not read.',
  ),
  keptAudioMs: option(
    milliseconds(0, 24 * hourMs),
    sessionLimits.keptAudioMs,
    'Audio stored with the items of a conversation. Beyond it the oldest audio is dropped; its transcript stays.',
  ),
  totalAudioMs: option(
    milliseconds(1000, 1000 * hourMs),
    10 * hourMs,
    'Audio buffered or stored by all sessions together. Beyond it a session that needs room drops its own oldest audio, or its appends are refused. 10 hours at 24 kHz are 1.7 GB.',
  ),
  items: option(count(2, 1_000_000), sessionLimits.items, "Items in a conversation, or in one response's own input."),
  itemCharacters: option(
    count(1024, 1024 ** 3),
    sessionLimits.itemCharacters,
    'Characters of text, images and arguments in the items of a conversation.',
  ),
  engineCallCharacters: option(
    count(1024, 1024 ** 3),
    sessionLimits.engineCallCharacters,
    'Characters of the ids that engines assigned to the tool calls of a session. Beyond it the oldest are dropped, and the engine then receives those calls with the ids of the session.',
  ),
  contextCharacters: option(
    count(1024, 1024 ** 3),
    sessionLimits.contextCharacters,
    'Characters of text, images and audio (as base64) in the context of one response. Each occurrence of an item counts.',
  ),
  tools: option(count(0, 128), sessionLimits.tools, 'Tools of a session, or of one response.'),
  toolBytes: option(bytes(1024, 64 * mebibyte), sessionLimits.toolBytes, 'Total size of the tool definitions.'),
  toolCalls: option(
    count(1, 1000),
    sessionLimits.toolCalls,
    'Concurrent server-side tool calls of a session; further calls fail.',
  ),
  toolCallMs: option(
    milliseconds(100, hourMs),
    sessionLimits.toolCallMs,
    'Time limit of a server-side tool call; then the call fails.',
  ),
  toolOutputCharacters: option(
    count(1024, 64 * mebibyte),
    sessionLimits.toolOutputCharacters,
    'Characters of the output of a server-side tool call; a call with more output fails.',
  ),
  toolApprovals: option(
    integer('COUNT', 1, 10_000),
    sessionLimits.toolApprovals,
    "Calls of a session that wait for the client's approval; a further one fails.",
  ),
  mcpServers: option(integer('COUNT', 1, 128), sessionLimits.mcpServers, 'MCP servers of a session.'),
  mcpTools: option(
    integer('COUNT', 1, 1024),
    sessionLimits.mcpTools,
    'Tools of one MCP server, of those that the session allows.',
  ),
  mcpImportMs: option(
    integer('MS', 100, hourMs),
    15_000,
    'Maximum duration of the import of tools from an MCP server.',
  ),
  mcpResponseBytes: option(
    bytes(64 * 1024, 64 * mebibyte),
    4 * mebibyte,
    'Maximum size of a response of an MCP server; in an event stream, of an event, and of all events within a minute.',
  ),
  mcpLists: option(
    integer('COUNT', 1, 100_000),
    1000,
    'Lists of tools of MCP servers that sessions share, each with a connection; unused ones are dropped beyond it.',
  ),
  mcpListsBytes: option(
    bytes(1024, 64 * 1024 * mebibyte),
    64 * mebibyte,
    'Total size of these lists; unused ones are dropped beyond it, and further ones refused when all are in use.',
  ),
  instructionsBytes: option(
    bytes(1024, 64 * mebibyte),
    sessionLimits.instructionsBytes,
    'Instructions of a session, or of one response; also a prompt with its variables, and tracing.',
  ),
  responsesPerMinute: option(
    integerOrInfinity('COUNT', 1, 1_000_000),
    sessionLimits.responsesPerMinute,
    'Responses of a session per minute. Responses triggered by VAD count toward the limit but are never refused.',
  ),
  aheadAudioMs: option(
    milliseconds(0, 24 * hourMs),
    sessionLimits.aheadAudioMs,
    'Audio of one turn that is transcribed in its pauses, before it has ended. Each pause counts the turn so far, at most 20 s.',
  ),
  unusedAnswersPerMinute: option(
    integerOrInfinity('COUNT', 1, 1_000_000),
    sessionLimits.unusedAnswersPerMinute,
    'Answers per minute of the sessions of one key that are started before the end of a turn and then not used. Beyond it none are started ahead.',
  ),
  outOfBandResponses: option(
    count(1, 1000),
    sessionLimits.outOfBandResponses,
    'Concurrent responses outside the conversation in a session.',
  ),
  logBufferBytes: option(
    bytes(16 * 1024, 256 * mebibyte),
    mebibyte,
    'Log entries waiting to be written; beyond it entries are dropped and counted.',
  ),
  logEntriesPerMinute: option(
    integerOrInfinity('COUNT', 1, 1_000_000),
    6000,
    'Log entries of one event per minute; further ones are counted and summarised. Refusals and faults have lower, fixed limits.',
  ),
  imageBytes: option(
    bytes(1024, 64 * mebibyte),
    10 * mebibyte,
    'Maximum size of an image that the server fetches for a client.',
  ),
  imageTimeoutMs: option(milliseconds(100, hourMs), 10_000, 'Time to fetch an image.'),
  imageFetches: option(count(1, 1000), 16, 'Concurrent fetches of images.'),
  engineConnectMs: option(
    milliseconds(100, 10 * minuteMs),
    defaultTimeouts.connectMs,
    'Time to connect to the server of an engine.',
  ),
  engineFirstByteMs: option(
    milliseconds(100, hourMs),
    defaultTimeouts.firstByteMs,
    'Time until the first byte of its response. limits.stage-stall-ms also applies.',
  ),
  engineLoadMs: option(
    milliseconds(1000, 24 * hourMs),
    defaultTimeouts.loadMs,
    'Time for the server of a language model to load it. Requests wait as long as the server answers other requests.',
  ),
  engineAdaptationMs: option(
    milliseconds(1000, 24 * hourMs),
    defaultAdaptationMs,
    'How long refusals of a server are remembered: of fields, orders of roles, and ids of calls.',
  ),
  engineIdleMs: option(milliseconds(100, hourMs), defaultTimeouts.idleMs, 'Time between two chunks of its response.'),
  engineAnswerBytes: option(
    bytes(64 * 1024, 1024 * mebibyte),
    defaultAnswerBounds.answerBytes,
    'One answer of such a server. Ten minutes of speech at 48 kHz are 55 MiB.',
  ),
  engineMessageBytes: option(
    bytes(64 * 1024, 64 * mebibyte),
    defaultAnswerBounds.messageBytes,
    'One event of such an answer when it is streamed, or an answer that is one JSON document.',
  ),
  engineQueueJobs: option(
    count(1, 1_000_000),
    defaultQueueLimits.jobs,
    'Jobs waiting for a thread of an embedded engine, and large messages waiting to be parsed. Beyond it the newest job of the client with most jobs fails.',
  ),
  engineQueueMs: option(
    milliseconds(100, hourMs),
    defaultQueueLimits.waitMs,
    'Maximum wait of such a job. It does not count toward limits.stage-stall-ms.',
  ),
  engineOverloadMs: option(
    milliseconds(100, hourMs),
    defaultQueueLimits.overloadMs,
    "Wait of a conversation's job for a thread of an embedded engine that shows an overload: for 5 s, no session is opened, and no work is started that may not be needed.",
  ),
  partialsPercent: option(
    integer('PERCENT', 0, 100),
    100 * defaultPartialShare,
    "Share of the embedded transcriber's time for the words of turns that have not ended; 0: words are sent after the turn only. Decided turns always go first.",
  ),
  speechMs: option(
    milliseconds(1000, 24 * hourMs),
    30 * minuteMs,
    'Maximum duration of a response of /v1/audio/speech. 4,096 characters of English at speed 0.25 take about 17 minutes.',
  ),
  cassetteBytes: option(
    bytes(64 * 1024, 1024 ** 4),
    256 * mebibyte,
    'Maximum size on disk of the cassette of one session (--cassette); a cassette ends early at this size.',
    { formerly: 'limits.recording-bytes' },
  ),
  upstreamConnectMs: option(
    milliseconds(100, 10 * minuteMs),
    defaultUpstreamLimits.upstreamConnectMs,
    'Time without an awaited answer from an upstream while it opens or restores a session.',
  ),
  upstreamRetries: option(
    count(0, 100),
    defaultUpstreamLimits.upstreamRetries,
    'Reconnection attempts after the connection to an upstream is lost, before the session ends.',
  ),
  upstreamQueueBytes: option(
    bytes(64 * 1024, 256 * mebibyte),
    defaultUpstreamLimits.upstreamQueueBytes,
    'Bytes waiting to be sent to an upstream; beyond it the client is not read.',
  ),
  upstreamMessageBytes: option(
    bytes(64 * 1024, 1024 * mebibyte),
    defaultUpstreamLimits.upstreamMessageBytes,
    'Maximum size of a message from an upstream. A retrieved item with ten minutes of audio takes 37 MiB.',
  ),
  interruptionCheckMs: option(
    milliseconds(50, 10_000),
    sessionLimits.interruptionCheckMs,
    'Time that the transcriber may take to judge a sound while the assistant is audible (interrupt-by) before the sound counts as an interruption.',
  ),
  stageStallMs: option(
    milliseconds(100, hourMs),
    sessionLimits.stageStallMs,
    'Time that an engine may take to produce its next output before the response fails.',
  ),
});
