/** The page of `openai/realtime/webrtc`. */

import { OpenAIRealtimeWebRTC } from 'openai/realtime/webrtc';
import { Microphone } from './microphone.ts';
import './page-call.ts';
import { Recorder } from './recorder.ts';

globalThis.openCall = async (plan) => {
  const call = new OpenAIRealtimeWebRTC();
  const { peerConnection: connection } = call;
  const transceiver = connection.addTransceiver('audio', { direction: 'sendrecv' });
  if (plan.codec !== undefined) transceiver.setCodecPreferences(codecsNamed(plan.codec));
  call.dataChannel.addEventListener('message', ({ data }) => reportMessage(String(data)));
  let callId: string | undefined;
  await call.connect({
    async exchangeSdp(offer) {
      const answer = await fetch(plan.url, {
        method: 'POST',
        headers: { Authorization: `Bearer ${plan.secret}`, 'Content-Type': 'application/sdp' },
        body: offer,
      });
      callId = answer.headers.get('Location')?.split('/').pop();
      return answer.text();
    },
  });
  const microphone = new Microphone(transceiver.sender);
  // Only now, because its recording starts here.
  if (plan.device) await microphone.open();
  // The events of tests are valid, and refused by the server otherwise.
  const send = (event: object) => call.send(event as Parameters<typeof call.send>[0]);
  globalThis.pageCall = { callId, connection, recorder: new Recorder(connection), microphone, send };
};

function codecsNamed(name: string): RTCRtpCodec[] {
  const { codecs } = RTCRtpReceiver.getCapabilities('audio') ?? { codecs: [] };
  return codecs.filter(({ mimeType }) => mimeType === `audio/${name}`);
}
