import { differences } from './differences.ts';
import type { JsonObject, Line, Recording } from './format.ts';
import { IdPairs } from './ids.ts';
import { normalise } from './normalise.ts';

/** A connection to the server under test. */
export interface Wire {
  send(event: JsonObject): void;
  /** The next event; undefined if none comes in time. */
  next(): Promise<JsonObject | undefined>;
}

const chunkMs = 100;
const samplesPerMs = 24;
const fence = 'end-of-recording';

/**
 * Sends the client events of a recording, each when the server has sent what was recorded before it, and returns the
 * differences between the recorded and the played server events.
 */
export async function play({ lines }: Recording, wire: Wire, { whole }: { whole: boolean }): Promise<string[]> {
  const ids = new IdPairs();
  const recorded: JsonObject[] = [];
  const played: JsonObject[] = [];
  for (const line of lines) {
    if ('server' in line) {
      recorded.push(line.server);
      continue;
    }
    await catchUp(recorded, played, wire);
    ids.match(recorded, played);
    for (const event of eventsOf(line)) wire.send(ids.toPlayed(event));
  }
  await catchUp(recorded, played, wire);
  // An event that is refused at once: what was sent before its error belongs to the recording.
  wire.send({ type: fence, event_id: fence });
  for (let event = await wire.next(); event && !isFence(event); event = await wire.next()) played.push(event);
  ids.match(recorded, played);
  return differences(normalise(recorded), normalise(ids.toRecorded(played)), { whole });
}

/** Waits until the event that was recorded last has been played. Deltas may be cut differently: one of each item is enough. */
async function catchUp(recorded: readonly JsonObject[], played: JsonObject[], wire: Wire): Promise<void> {
  const last = recorded.at(-1);
  if (!last) return;
  const countOf = (events: readonly JsonObject[]) => {
    const same = events.filter(({ type }) => type === last.type);
    return String(last.type).endsWith('.delta') ? new Set(same.map(({ item_id }) => item_id)).size : same.length;
  };
  while (countOf(played) < countOf(recorded)) {
    const event = await wire.next();
    if (!event) return;
    played.push(event);
  }
}

function eventsOf(line: Exclude<Line, { server: unknown }>): JsonObject[] {
  if ('client' in line) return [line.client];
  const ms = 'tone' in line ? line.tone : line.silence;
  const wave = Int16Array.from({ length: ms * samplesPerMs }, (_, at) =>
    'tone' in line ? Math.round(8000 * Math.sin(at / 10)) : 0,
  );
  const step = chunkMs * samplesPerMs;
  return Array.from({ length: Math.ceil(wave.length / step) }, (_, index) => {
    const bytes = Buffer.from(wave.slice(index * step, (index + 1) * step).buffer);
    return { type: 'input_audio_buffer.append', audio: bytes.toString('base64') };
  });
}

function isFence({ type, error }: JsonObject): boolean {
  return type === 'error' && Reflect.get(Object(error), 'event_id') === fence;
}
