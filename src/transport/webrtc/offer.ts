import { type CallCodec, OfferError } from './peer-connection.ts';

/** Bounds of an offer. */
export interface OfferLimits {
  bytes: number;
  mediaSections: number;
  candidates: number;
}

/** The parts of an offer that determine the answer. */
export interface Offer {
  /**
   * Without attributes that have no effect on the answer, such as candidates: the client connects to the server (ICE
   * lite, RFC 8445 §2.5).
   */
  readonly sdp: string;
  readonly codec: CallCodec;
  readonly payloadType: number;
  /** Bytes per message of the data channel, from `a=max-message-size`; undefined if none is offered. */
  readonly maxMessageBytes: number | undefined;
  /** Whether the client insists on being the DTLS server. */
  readonly dtlsPassive: boolean;
}

/** The default of `a=max-message-size` (RFC 8841 §6.1). */
const defaultMessageBytes = 65_536;
/** `session.created` of an ordinary session has about 1,300 bytes. */
const leastMessageBytes = 4096;
/** RTP payload types without `a=rtpmap` (RFC 3551 §6). */
const staticTypes: ReadonlyMap<number, CallCodec> = new Map([
  [0, 'pcmu'],
  [8, 'pcma'],
]);
const rtpmap: Record<string, CallCodec> = { 'opus/48000/2': 'opus', 'pcmu/8000': 'pcmu', 'pcma/8000': 'pcma' };

/** Attributes that determine the answer. Some of the others, such as `a=rid`, take werift long to parse. */
const meaningful =
  /^a=(?:group|ice-(?:ufrag|pwd|options|lite)|fingerprint|setup|mid|sendrecv|sendonly|recvonly|inactive|rtcp-mux|rtpmap|fmtp|sctp-port|sctpmap|max-message-size|msid|ssrc)(?::|$)/;
/** Lines of `a=ssrc` that are kept of a section. One names the source, whose reports werift then sends. */
const mostSources = 4;

/**
 * Checks an SDP offer (RFC 8866, RFC 8829 §5.3), and selects the client's most preferred codec that the server has.
 * @throws {OfferError} saying what is missing or too much
 */
export function readOffer(sdp: string, allowed: readonly CallCodec[], limits: OfferLimits): Offer {
  if (Buffer.byteLength(sdp) > limits.bytes) throw new OfferError(`The SDP offer exceeds ${limits.bytes} bytes.`);
  const lines = sdp.split(/\r\n|\n|\r/).filter((line) => line !== '');
  if (lines[0] !== 'v=0') throw new OfferError("The SDP offer must start with the line 'v=0'.");
  const malformed = lines.find((line) => !/^[a-z]=/.test(line));
  if (malformed !== undefined) throw new OfferError(`The SDP offer has a malformed line: '${malformed.slice(0, 80)}'.`);
  const candidates = lines.filter((line) => line.startsWith('a=candidate:')).length;
  if (candidates > limits.candidates) {
    throw new OfferError(`The SDP offer has ${candidates} candidates; at most ${limits.candidates} are accepted.`);
  }
  const [session = [], ...sections] = splitSections(lines).map(simplified);
  if (sections.length > limits.mediaSections) {
    throw new OfferError(
      `The SDP offer has ${sections.length} media sections; at most ${limits.mediaSections} are accepted.`,
    );
  }
  const audio = sections.filter((section) => section[0]?.startsWith('m=audio ') && !/^m=audio 0 /.test(section[0]));
  if (audio.length === 0) throw new OfferError('The SDP offer has no audio section (m=audio).');
  if (audio.length > 1) throw new OfferError('The SDP offer has more than one audio section (m=audio).');
  const [section = []] = audio;
  for (const name of ['ice-ufrag', 'ice-pwd', 'fingerprint']) {
    if (!attribute(section, name) && !attribute(session, name)) {
      throw new OfferError(`The SDP offer has no 'a=${name}' for its audio section.`);
    }
  }
  const applications = sections.filter((each) => each[0]?.startsWith('m=application '));
  if (applications.length > 1) throw new OfferError('The SDP offer has more than one data section (m=application).');
  const data = applications.find((each) => !/^m=application 0 /.test(each[0] ?? ''));
  return {
    ...selectCodec(section, allowed),
    sdp: `${withMids([session, ...sections.map(withStaticTypes).map(declinable)])
      .flat()
      .join('\r\n')}\r\n`,
    maxMessageBytes: data && messageBytes(attribute(data, 'max-message-size')),
    dtlsPassive: (attribute(section, 'setup') ?? attribute(session, 'setup')) === 'passive',
  };
}

/** 0 stands for any size (RFC 8841 §6.1). */
function messageBytes(size: string | undefined): number {
  if (size === undefined) return defaultMessageBytes;
  const bytes = Number(size);
  if (!/^\d+$/.test(size) || (bytes > 0 && bytes < leastMessageBytes)) {
    throw new OfferError(
      `The SDP offer has 'a=max-message-size:${size.slice(0, 20)}'; events need ${leastMessageBytes}.`,
    );
  }
  return bytes || Number.POSITIVE_INFINITY;
}

function splitSections(lines: readonly string[]): string[][] {
  const sections: string[][] = [[]];
  for (const line of lines) {
    if (line.startsWith('m=')) sections.push([]);
    sections.at(-1)?.push(line);
  }
  return sections;
}

/** A section without attributes that have no effect; one that is only bundled has a port (RFC 9143 §6). */
function simplified(section: readonly string[]): string[] {
  const isBundled = section.includes('a=bundle-only');
  let sources = 0;
  return section
    .filter((line) => !line.startsWith('a=') || meaningful.test(line))
    .filter((line) => !line.startsWith('a=ssrc:') || ++sources <= mostSources)
    .map((line) => (isBundled ? line.replace(/^(m=\w+) 0 /, '$1 9 ') : line));
}

/** Sections without `a=mid` get one, which the answer repeats (RFC 5888 §9.1 permits it). */
function withMids([session = [], ...sections]: string[][]): string[][] {
  return [
    session,
    ...sections.map((section, index) =>
      attribute(section, 'mid') === undefined ? [...section, `a=mid:${index}`] : section,
    ),
  ];
}

/** An audio section with `a=rtpmap` also for payload types that need none: without it werift declines the audio. */
function withStaticTypes(section: readonly string[]): string[] {
  if (!section[0]?.startsWith('m=audio ')) return [...section];
  const unmapped = [...staticTypes].filter(
    ([type]) => payloadTypes(section).includes(type) && !section.some((line) => line.startsWith(`a=rtpmap:${type} `)),
  );
  return [...section, ...unmapped.map(([type, codec]) => `a=rtpmap:${type} ${codecNames[codec]}`)];
}

/** werift accepts every data section, so one that the client has disabled (port 0) is passed as disabled video. */
function declinable(section: readonly string[]): string[] {
  return section.map((line) => line.replace(/^m=application 0 /, 'm=video 0 '));
}

function payloadTypes([media = '']: readonly string[]): number[] {
  return media.split(' ').slice(3).map(Number);
}

function attribute(lines: readonly string[], name: string): string | undefined {
  const found = lines.find((line) => line.startsWith(`a=${name}:`));
  return found?.slice(name.length + 3).trim();
}

function selectCodec(section: readonly string[], allowed: readonly CallCodec[]): Pick<Offer, 'codec' | 'payloadType'> {
  const mapped = new Map(staticTypes);
  for (const line of section) {
    const [, type = '', encoding = ''] = /^a=rtpmap:(\d+) (\S+)/.exec(line) ?? [];
    const codec = rtpmap[encoding.toLowerCase().replace(/^(pcm[ua]\/8000)\/1$/, '$1')];
    if (codec) mapped.set(Number(type), codec);
  }
  for (const payloadType of payloadTypes(section)) {
    const codec = mapped.get(payloadType);
    if (codec && allowed.includes(codec)) return { codec, payloadType };
  }
  const names = allowed.map((codec) => codecNames[codec]).join(', ');
  throw new OfferError(`The SDP offer has no audio codec that this server supports: ${names}.`);
}

/** As in SDP. */
const codecNames: Record<CallCodec, string> = { opus: 'opus/48000/2', pcmu: 'PCMU/8000', pcma: 'PCMA/8000' };
