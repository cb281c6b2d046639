import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { MediaStreamTrack, type RTCDataChannel, RTCPeerConnection, RTCRtpCodecParameters } from 'werift';
import type { ServerEvent, ServerEventOf, ServerEventType } from '../../src/protocol/index.ts';
import { callIdIn } from '../calls/calls-server.ts';
import { frameCheck } from './frame-check.ts';
import { type Answer, ask } from './rest.ts';

const opus = { mimeType: 'audio/opus', clockRate: 48_000, channels: 2 };

/** A WebRTC client with a real connection to a server on this machine. */
export class WebRtcCaller {
  readonly callId: string;
  readonly channel: RTCDataChannel;
  readonly #peer: RTCPeerConnection;
  readonly #events: ServerEvent[] = [];
  #wake: () => void = () => {};

  private constructor(peer: RTCPeerConnection, channel: RTCDataChannel, callId: string) {
    this.#peer = peer;
    this.channel = channel;
    this.callId = callId;
    const check = frameCheck('ga');
    channel.onMessage.subscribe((data) => {
      check(String(data));
      this.#events.push(JSON.parse(String(data)) as ServerEvent);
      this.#wake();
    });
    channel.stateChanged.subscribe(() => this.#wake());
  }

  /** Opens a call, and resolves when the answer has been applied. */
  static async call(t: TestContext, server: { url: string }, key: string): Promise<WebRtcCaller> {
    const peer = new RTCPeerConnection({
      iceServers: [],
      // Otherwise werift leaves the sockets of the transports open that are not needed.
      bundlePolicy: 'max-bundle',
      codecs: { audio: [new RTCRtpCodecParameters(opus)], video: [] },
    });
    t.after(() => peer.close());
    peer.addTransceiver(new MediaStreamTrack({ kind: 'audio' }), { direction: 'sendrecv' });
    const channel = peer.createDataChannel('oai-events');
    await peer.setLocalDescription(await peer.createOffer());
    const answer: Answer = await ask(server, 'POST /v1/realtime/calls', {
      ...{ key, body: peer.localDescription?.sdp ?? '', headers: { 'Content-Type': 'application/sdp' } },
    });
    const caller = new WebRtcCaller(peer, channel, callIdIn(answer));
    await peer.setRemoteDescription({ type: 'answer', sdp: String(answer.body) });
    return caller;
  }

  send(event: object): void {
    this.channel.send(JSON.stringify(event));
  }

  /** The next event of a type; earlier ones are dropped. */
  async until<T extends ServerEventType>(type: T): Promise<ServerEventOf<T>> {
    for (;;) {
      const event = this.#events.shift();
      if (event === undefined) {
        assert.notEqual(this.channel.readyState, 'closed', `the call ended before '${type}'`);
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      } else if (isOfType(event, type)) return event;
    }
  }

  /** Resolves when the server has closed the call. */
  async closed(): Promise<void> {
    while (this.channel.readyState !== 'closed') {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async leave(): Promise<void> {
    await this.#peer.close();
  }
}

function isOfType<T extends ServerEventType>(event: ServerEvent, type: T): event is ServerEventOf<T> {
  return event.type === type;
}
