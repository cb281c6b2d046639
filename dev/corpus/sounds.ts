/** Sounds that are no words: of people, and of the things around them. Each has the variation that its seed gives. */

import type { Random } from '../fuzz/random.ts';
import {
  atLevel,
  envelope,
  hiss,
  mix,
  normalized,
  resonate,
  type Signal,
  samplesOf,
  sequence,
  shape,
  tone,
  voicing,
} from './synthesis.ts';

type Sound = (random: Random) => Int16Array;

/** Formants in hertz. */
const uh = [640, 1190, 2390];
const ah = [760, 1250, 2500];
const nasal = [270, 1100, 2300];

/** A speaker's pitch: men and women. */
function pitchOf(random: Random): number {
  return random.chance(0.5) ? 95 + 45 * random.next() : 170 + 60 * random.next();
}

function between(random: Random, from: number, to: number): number {
  return from + (to - from) * random.next();
}

/** A voiced syllable whose pitch moves from one multiple of `pitch` to another. */
function syllable(random: Random, ms: number, formants: readonly number[], pitches: readonly [number, number]): Signal {
  const [from, to] = pitches;
  const voice = voicing(ms, (share) => from + (to - from) * share, random);
  const fade = [
    [0, 0],
    [Math.min(40, ms / 4), 1],
    [ms * 0.6, 0.9],
    [ms, 0],
  ] as const;
  return envelope(normalized(shape(voice, formants)), fade);
}

function breath(random: Random, ms: number, formants: readonly number[]): Signal {
  const noise = normalized(shape(hiss(ms, random), formants, 250));
  return envelope(noise, [
    [0, 0],
    [ms / 2, 1],
    [ms, 0.2],
  ]);
}

const hums: Record<'mm' | 'mm-hmm' | 'uh-huh', Sound> = {
  mm: (random) => {
    const pitch = pitchOf(random);
    return atLevel(syllable(random, between(random, 220, 380), nasal, [pitch, pitch * 0.9]), -26);
  },
  'mm-hmm': (random) => {
    const pitch = pitchOf(random);
    const parts = [
      { gapMs: 0, signal: syllable(random, between(random, 130, 190), nasal, [pitch, pitch * 0.97]) },
      {
        gapMs: between(random, 20, 60),
        signal: syllable(random, between(random, 190, 270), nasal, [pitch, pitch * 1.2]),
      },
    ];
    return atLevel(sequence(parts), -26);
  },
  'uh-huh': (random) => {
    const pitch = pitchOf(random);
    const soft = breath(random, 70, uh).map((sample) => sample * 0.2);
    const parts = [
      { gapMs: 0, signal: syllable(random, between(random, 100, 150), uh, [pitch, pitch]) },
      { gapMs: 10, signal: soft },
      { gapMs: 0, signal: syllable(random, between(random, 150, 220), uh, [pitch, pitch * 1.25]) },
    ];
    return atLevel(sequence(parts), -25);
  },
};

/** One to three bursts: an explosion, turbulence through the open throat, and often a voiced end. */
function cough(random: Random): Int16Array {
  const throat = [between(random, 450, 700), between(random, 1200, 1600), between(random, 2400, 3000)];
  const pitch = pitchOf(random) * 1.3;
  const burst = () => {
    const ms = between(random, 140, 240);
    const air = envelope(normalized(shape(hiss(ms, random), throat, 300)), [
      [0, 0],
      [6, 1.6],
      [40, 0.8],
      [ms, 0],
    ]);
    if (!random.chance(0.8)) return air;
    const end = syllable(random, between(random, 110, 200), throat, [pitch, pitch * 0.75]);
    return mix([
      { atMs: 0, signal: air },
      { atMs: ms * 0.4, signal: end },
    ]);
  };
  const bursts = Array.from({ length: random.integer(1, 3) }, (_, i) => ({
    gapMs: i === 0 ? 0 : between(random, 90, 220),
    signal: burst(),
  }));
  return atLevel(sequence(bursts), -18);
}

/** Four to seven "ha", at a falling pitch. */
function laugh(random: Random): Int16Array {
  const pitch = pitchOf(random) * 1.6;
  const count = random.integer(4, 7);
  const parts = Array.from({ length: count }, (_, i) => {
    const here = pitch * (1 - (0.35 * i) / count);
    const air = breath(random, between(random, 60, 90), ah).map((sample) => sample * 0.5);
    const voice = syllable(random, between(random, 70, 110), ah, [here * 1.05, here * 0.9]);
    return {
      gapMs: between(random, 20, 50),
      signal: sequence([
        { gapMs: 0, signal: air },
        { gapMs: 0, signal: voice },
      ]),
    };
  });
  return atLevel(sequence(parts), -20);
}

/** A short knock of filtered noise. */
function knock(random: Random, ms: number, hz: number, bandwidthHz: number): Signal {
  const noise = normalized(resonate(hiss(ms, random), hz, bandwidthHz));
  return envelope(noise, [
    [0, 1],
    [ms / 4, 0.3],
    [ms, 0],
  ]);
}

const noises: Record<'keyboard' | 'door' | 'phone' | 'dog' | 'horn' | 'siren', Sound> = {
  keyboard: (random) => {
    const keys = Array.from({ length: random.integer(6, 12) }, () => ({
      gapMs: between(random, 60, 180),
      signal: sequence([
        { gapMs: 0, signal: knock(random, 14, between(random, 2500, 4500), 1500) },
        { gapMs: between(random, 40, 70), signal: knock(random, 10, 3500, 2000).map((sample) => sample * 0.5) },
      ]),
    }));
    return atLevel(sequence(keys), -32);
  },
  door: (random) => {
    const thump = envelope(
      tone(350, (share) => between(random, 70, 75) - 20 * share),
      [
        [0, 1],
        [350, 0],
      ],
    );
    return atLevel(
      mix([
        { atMs: 0, signal: thump },
        { atMs: 0, signal: knock(random, 120, 500, 600) },
        { atMs: between(random, 150, 250), signal: knock(random, 60, 1500, 900).map((sample) => sample * 0.4) },
      ]),
      -18,
    );
  },
  phone: (random) => {
    const [low, high] = [between(random, 700, 900), between(random, 1000, 1300)];
    const ring = () =>
      envelope(
        tone(500, (share) => (Math.floor(share * 20) % 2 === 0 ? low : high), [1, 0.4, 0.2]),
        [
          [0, 0],
          [5, 1],
          [480, 1],
          [500, 0],
        ],
      );
    return atLevel(
      sequence([
        { gapMs: 0, signal: ring() },
        { gapMs: 250, signal: ring() },
      ]),
      -24,
    );
  },
  dog: (random) => {
    const pitch = between(random, 350, 550);
    const bark = () => {
      const ms = between(random, 140, 210);
      const voice = normalized(
        shape(
          voicing(ms, (share) => pitch * (1 + 0.5 * Math.sin(Math.PI * share)), random),
          [900, 1700, 2800],
          250,
        ),
      );
      const air = normalized(shape(hiss(ms, random), [900, 1700], 500));
      const both = voice.map((sample, i) => sample + 0.4 * (air[i] ?? 0));
      return envelope(both, [
        [0, 0],
        [15, 1],
        [ms * 0.7, 0.6],
        [ms, 0],
      ]);
    };
    return atLevel(
      sequence(
        Array.from({ length: random.integer(1, 3) }, () => ({ gapMs: between(random, 100, 300), signal: bark() })),
      ),
      -20,
    );
  },
  horn: (random) => {
    const ms = between(random, 350, 900);
    const hz = between(random, 380, 430);
    const harmonics = [1, 0.8, 0.6, 0.5, 0.3, 0.2];
    const both = mix([
      { atMs: 0, signal: tone(ms, () => hz, harmonics) },
      { atMs: 0, signal: tone(ms, () => hz * 1.25, harmonics) },
    ]);
    return atLevel(
      envelope(both, [
        [0, 0],
        [20, 1],
        [ms - 40, 1],
        [ms, 0],
      ]),
      -24,
    );
  },
  siren: (random) => {
    const ms = between(random, 1500, 2500);
    const [low, high] = [between(random, 500, 700), between(random, 1100, 1500)];
    const sweep = tone(ms, (share) => low + (high - low) * Math.abs(((share * 3) % 2) - 1), [1, 0.3, 0.2]);
    return atLevel(
      envelope(sweep, [
        [0, 0],
        [200, 1],
        [ms - 200, 1],
        [ms, 0],
      ]),
      -28,
    );
  },
};

export const sounds = { ...hums, ...noises, cough, laugh } satisfies Record<string, Sound>;

export type SoundName = keyof typeof sounds;

/** The quiet of a room: low-pass noise at about −70 dBFS. */
export function roomTone(ms: number, random: Random): Int16Array {
  const noise = normalized(resonate(hiss(ms, random), 200, 600));
  return Int16Array.from({ length: samplesOf(ms) }, (_, i) => Math.round((noise[i] ?? 0) * 10));
}
