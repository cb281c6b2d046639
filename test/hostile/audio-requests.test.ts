/**
 * SECURITY.md, "a key occupies all audio requests": unread responses and endless uploads of one key do not affect other
 * keys.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RawConnection } from '../../dev/harness/raw-connection.ts';
import { apiKey } from '../../src/server/server.ts';
import { FakeClock } from '../support/fake-clock.ts';
import type { FakeEngines } from '../support/fake-engines.ts';
import { eventually, type Scene, underAttack } from './support/under-attack.ts';

const rateHz = 24_000;
const bytesPerSecond = rateHz * 2;
const keys = ['bystander', 'attacker', 'third'].map((name) => apiKey(name, `sk-${name}-0123456789abcdefghij`));
const bearer = (name: string) => `Authorization: Bearer sk-${name}-0123456789abcdefghij`;
const bystander = { headers: { Authorization: bearer('bystander').replace('Authorization: ', '') } };

function speak(scene: Scene, key: string): RawConnection {
  const body = JSON.stringify({ model: 'm', input: 'Hello.', voice: 'alloy', response_format: 'pcm' });
  const headers = ['Host: localhost', bearer(key), 'Content-Type: application/json', `Content-Length: ${body.length}`];
  const connection = scene.connection();
  connection.write([`POST /v1/audio/speech HTTP/1.1`, ...headers, '', body].join('\r\n'));
  return connection;
}

/** From now on the voice speaks for `seconds`, in pieces of one second. */
function speaksFor(engines: FakeEngines, seconds: number): void {
  engines.voice.speak = async function* (_, { signal }) {
    for (let second = 0; second < seconds && !signal.aborted; second++) {
      yield { samples: new Int16Array(rateHz), sampleRateHz: rateHz };
    }
  };
}

/** From now on the voice starts and then yields nothing until it is aborted. */
function hangs(engines: FakeEngines): void {
  engines.voice.speak = async function* (_, { signal }) {
    yield { samples: new Int16Array(rateHz), sampleRateHz: rateHz };
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
  };
}

const statusOf = async (connection: RawConnection) => (await connection.head).status;

/** Only the attacker uses this voice: the bystander's session gets its own engine back for its turns. */
async function withVoice(scene: Scene, change: (engines: FakeEngines) => void, act: () => Promise<void>) {
  const { speak } = scene.engines.voice;
  change(scene.engines);
  await act();
  scene.engines.voice.speak = speak;
}

test('no key occupies all audio requests: each gets at most half of the remaining ones', async (t) => {
  const config = { apiKeys: keys, limits: { audioRequests: 8 } };
  await underAttack(t, { config, bystander }, async (scene) => {
    await withVoice(scene, hangs, async () => {
      const statuses = async (key: string) => {
        const answers: number[] = [];
        for (let count = 0; count < 6; count++) answers.push(await statusOf(speak(scene, key)));
        return answers;
      };
      assert.deepEqual(await statuses('attacker'), [200, 200, 200, 200, 429, 429]);
      assert.deepEqual(await statuses('third'), [200, 200, 429, 429, 429, 429]);
      assert.equal(await statusOf(speak(scene, 'bystander')), 200);
    });
    await scene.bystanderTurn();
  });
});

test('responses that are not read are aborted after a timeout, and their slots are freed', async (t) => {
  const clock = new FakeClock();
  const config = { limits: { audioRequests: 4 } };
  await underAttack(t, { clock, config }, async (scene) => {
    const unread = await withUnread(scene, 4);
    assert.equal(await statusOf(speak(scene, 'x')), 503);
    const givenUp = () => scene.log.entries.filter(closed).length;
    for (let seconds = 0; givenUp() < unread.length; seconds += 5) {
      assert.ok(seconds <= 300, 'they time out');
      await clock.advance(5000);
    }
    await withVoice(
      scene,
      (engines) => speaksFor(engines, 1),
      async () => {
        await eventually(async () => ((await statusOf(speak(scene, 'x'))) === 200 ? undefined : 'still taken'));
      },
    );
    await scene.bystanderTurn();
  });
});

const closed = ({ event }: { event: string }) => event === 'slow_reader_closed';

/** Requests whose responses exceed all buffers, from clients that do not read. */
async function withUnread(scene: Scene, count: number): Promise<RawConnection[]> {
  const connections: RawConnection[] = [];
  await withVoice(
    scene,
    (engines) => speaksFor(engines, 3600),
    async () => {
      for (let index = 0; index < count; index++) {
        const connection = speak(scene, 'x');
        await connection.head;
        connection.socket.pause();
        connections.push(connection);
      }
    },
  );
  return connections;
}

test('a client that reads at playback speed receives all of a long response', async (t) => {
  const clock = new FakeClock();
  // 4,096 characters at a quarter of the normal speed.
  const seconds = 1092;
  await underAttack(t, { clock }, async (scene) => {
    await withVoice(
      scene,
      (engines) => speaksFor(engines, seconds),
      async () => {
        const connection = speak(scene, 'x');
        const { socket } = connection;
        await connection.head;
        socket.pause();
        socket.on('readable', () => {});
        let ended = false;
        socket.once('end', () => {
          ended = true;
        });
        for (let second = 0; !ended; second++) {
          assert.ok(second < 2 * seconds, 'it ends');
          for (let left = bytesPerSecond; left > 0 && !ended; ) {
            const piece: Buffer | null = socket.read(Math.min(left, socket.readableLength)) ?? socket.read();
            if (piece === null) await new Promise<void>((resolve) => setImmediate(resolve));
            left -= piece?.length ?? 0;
          }
          await clock.advance(1000);
        }
        assert.ok(connection.body.length >= seconds * bytesPerSecond, `${connection.body.length} bytes came`);
      },
    );
    assert.equal(scene.log.entries.filter(closed).length, 0);
    await scene.bystanderTurn();
  });
});
