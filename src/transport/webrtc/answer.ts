import type { Offer } from './offer.ts';

/** Asks for in-band FEC (RFC 7587 §6.1). */
const opusParameters = 'minptime=10;useinbandfec=1';

/**
 * Completes an SDP answer of the library: a host candidate for each address, `a=ice-lite` at the session's level
 * (RFC 8839 §5.3), the parameters of Opus, and a data section that `readOffer` has disguised.
 */
export function completeAnswer(
  sdp: string,
  { codec, payloadType }: Pick<Offer, 'codec' | 'payloadType'>,
  addresses: readonly string[],
): string {
  const isReplaced = (line: string) => line === 'a=ice-lite' || line.startsWith(`a=fmtp:${payloadType} `);
  const lines = sdp.split('\r\n').filter((line) => !isReplaced(line));
  lines.splice(
    lines.findIndex((line) => line.startsWith('m=')),
    0,
    'a=ice-lite',
  );
  return lines
    .flatMap((line) => {
      const [, disabled] = /^m=video 0 (\S*DTLS\/SCTP) /.exec(line) ?? [];
      if (disabled) return [`m=application 0 ${disabled} webrtc-datachannel`];
      if (line.startsWith('a=candidate:')) return candidates(line, addresses);
      const isOpus = codec === 'opus' && line.startsWith(`a=rtpmap:${payloadType} `);
      return isOpus ? [line, `a=fmtp:${payloadType} ${opusParameters}`] : [line];
    })
    .join('\r\n');
}

/** The same port at other addresses, in order of preference. */
function candidates(line: string, addresses: readonly string[]): string[] {
  const [, , transport = 'udp', priority = '', , port = ''] = line.split(' ');
  return addresses.map(
    (address, index) =>
      `a=candidate:${index + 1} 1 ${transport} ${Number(priority) - index} ${address} ${port} typ host`,
  );
}
