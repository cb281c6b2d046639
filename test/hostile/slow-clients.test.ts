/**
 * SECURITY.md, "a slow or broken client": a client that stalls or vanishes occupies bounded memory for a bounded time.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelEvent } from '../../src/session/ports/language-model.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { hang, say } from '../support/fake-engines.ts';
import { verifies } from '../support/verifies.ts';
import { eventually, underAttack } from './support/under-attack.ts';

const kibibyte = 1024;
const create = JSON.stringify({ type: 'response.create', response: { output_modalities: ['text'] } });

/** More text than the buffers of any socket can take. */
async function* endlessText(): AsyncGenerator<ModelEvent> {
  const text = 'la '.repeat(32 * kibibyte);
  for (let piece = 0; piece < 1000; piece++) yield { type: 'text', text };
}

test('clients that never read are disconnected when their queues are full, and the queues are freed', async (t) => {
  await underAttack(t, { config: { limits: { outputQueueBytes: 1024 * kibibyte } } }, async (scene) => {
    const attackers = await Promise.all(Array.from({ length: 4 }, () => scene.webSocket()));
    scene.engines.languageModel.script = endlessText;
    for (const attacker of attackers) {
      attacker.socket.pause();
      attacker.text(create);
    }
    await eventually(() => {
      const cutOff = scene.log.entries.filter(({ event }) => event === 'peer_too_slow').length;
      return cutOff === attackers.length ? undefined : `${cutOff} of ${attackers.length} were cut off`;
    });
    scene.engines.languageModel.script = () => say('Yes.');
    await scene.bystanderTurn();
    await eventually(() => (scene.openSessions === 1 ? undefined : 'their sessions are still open'));
  });
});

test('a client that sends pings and never reads the pongs does not increase the memory of the server', async (t) => {
  await underAttack(t, { config: { limits: { eventsPerSecond: Number.POSITIVE_INFINITY } } }, async (scene) => {
    const attacker = await scene.webSocket();
    attacker.socket.pause();
    const ping = Buffer.concat([Buffer.from([0x89, 0xfd, 0, 0, 0, 0]), Buffer.alloc(125, 'p')]);
    const many = Buffer.concat(Array.from({ length: 1000 }, () => ping));
    await scene.waves(async () => {
      if (attacker.socket.writableLength === 0) attacker.write(many);
      await new Promise<void>((resolve) => setImmediate(resolve));
    });
  });
});

test('vanished clients are detected by their missing pongs, and their sessions end', async (t) => {
  verifies('R1.10');
  const clock = new FakeClock();
  await underAttack(t, { clock, config: { limits: { pingIntervalMs: 10_000, deadPeerMs: 30_000 } } }, async (scene) => {
    const vanished = await Promise.all(Array.from({ length: 20 }, () => scene.client({ autoPong: false })));
    for (let elapsedMs = 0; elapsedMs < 30_000; elapsedMs += 10_000) {
      await clock.advance(10_000);
      // The bystander's audio arrives before the next ping, so it counts as alive.
      await scene.bystanderTurn();
    }
    assert.deepEqual(
      new Set((await Promise.all(vanished.map(({ closed }) => closed))).map(({ code }) => code)),
      new Set([1006]),
    );
    assert.equal(scene.log.entries.filter(({ event }) => event === 'peer_dead').length, vanished.length);
  });
});

test('a client that disconnects during a response ends the engines of its session', async (t) => {
  await underAttack(t, {}, async (scene) => {
    let stopped = 0;
    scene.engines.languageModel.script = async function* ({ signal }) {
      signal.addEventListener('abort', () => {
        stopped++;
      });
      yield* hang<ModelEvent>(signal, { type: 'text', text: 'Well' });
    };
    const clients = await Promise.all(Array.from({ length: 20 }, () => scene.client()));
    for (const client of clients) {
      client.socket.send(create);
      await client.until('response.output_text.delta');
    }
    scene.engines.languageModel.script = () => say('Yes.');
    for (const { socket } of clients) socket.terminate();
    await scene.bystanderTurn();
    await eventually(() => (stopped === clients.length ? undefined : `${stopped} answers were given up`));
  });
});
