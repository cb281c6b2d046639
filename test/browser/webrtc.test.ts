/** A page of another origin that opens a call. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifies } from '../support/verifies.ts';
import { inBrowser } from './chromium.ts';
import { pageWithSecret } from './page-elsewhere.ts';

test('a page of another origin opens a call, reads its Location and has a conversation', inBrowser, async (t) => {
  verifies('R1.26', 'R10.2', 'R10.5');
  const { server, secret, page, complaints } = await pageWithSecret(t);
  const call = await page.evaluate(
    async ([url = '', value = '']) => {
      const peer = new RTCPeerConnection();
      const { stream } = new AudioContext().createMediaStreamDestination();
      for (const track of stream.getTracks()) peer.addTrack(track, stream);
      const remote = new Promise<string>((resolve) => {
        peer.addEventListener('track', ({ streams }) => resolve(String(streams.length)));
      });
      const events = peer.createDataChannel('oai-events');
      const talked = new Promise<{ instructions: string; status: string }>((resolve) => {
        let instructions = '';
        events.addEventListener('message', ({ data }) => {
          const event = JSON.parse(String(data));
          if (event.type === 'session.created') {
            ({ instructions } = event.session);
            events.send(JSON.stringify({ type: 'response.create' }));
          }
          if (event.type === 'response.done') resolve({ instructions, status: event.response.status });
        });
      });
      await peer.setLocalDescription(await peer.createOffer());
      const answer = await fetch(url, {
        method: 'POST',
        headers: {
          Authorization: `Bearer ${value}`,
          'Content-Type': 'application/sdp',
          'OpenAI-Safety-Identifier': 'shopper-1',
        },
        body: peer.localDescription?.sdp ?? '',
      });
      const location = answer.headers.get('Location') ?? '';
      await peer.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
      return { answered: answer.status, location, streams: await remote, ...(await talked) };
    },
    [`${server.url}/v1/realtime/calls`, secret],
  );
  const { location, ...rest } = call;
  assert.match(location, /^\/v1\/realtime\/calls\/rtc_\w+$/);
  assert.deepEqual(rest, { answered: 201, streams: '1', instructions: 'You sell shoes.', status: 'completed' });
  assert.deepEqual(complaints, []);
});
