/** A voice of the program, with the settings that distinguish several speakers of it. */
export interface FliteVoice {
  /** slt: US female; rms: US male; awb: Scottish male; kal16: US male, an older kind of synthesis. */
  embedded: 'slt' | 'rms' | 'awb' | 'kal16';
  /** Factor of the pitch; rms ignores it. */
  pitch: number;
  /** Factor of every duration. */
  stretch: number;
  /** Gain in decibels to −19 LUFS (ITU-R BS.1770), measured over a paragraph of 15 s. */
  gainDb: number;
}

const DEFAULT_VOICE: FliteVoice = { embedded: 'slt', pitch: 1, stretch: 1, gainDb: -3.1 };

/** The ten voices of the Realtime API, and the embedded ones by their own names. */
const VOICES: ReadonlyMap<string, FliteVoice> = new Map([
  ['alloy', DEFAULT_VOICE],
  ['ash', { embedded: 'awb', pitch: 0.88, stretch: 1.02, gainDb: 1.0 }],
  ['ballad', { embedded: 'awb', pitch: 1, stretch: 1.06, gainDb: 1.4 }],
  ['coral', { embedded: 'slt', pitch: 1.13, stretch: 0.97, gainDb: -4.9 }],
  ['echo', { embedded: 'kal16', pitch: 1, stretch: 1, gainDb: 9.3 }],
  ['sage', { embedded: 'slt', pitch: 0.9, stretch: 1.05, gainDb: -1.3 }],
  ['shimmer', { embedded: 'slt', pitch: 1.22, stretch: 1, gainDb: -5.4 }],
  ['verse', { embedded: 'awb', pitch: 1.13, stretch: 0.96, gainDb: 1.2 }],
  ['marin', { embedded: 'slt', pitch: 1.05, stretch: 1.03, gainDb: -3.9 }],
  ['cedar', { embedded: 'rms', pitch: 1, stretch: 1, gainDb: 2.7 }],
  ['slt', { embedded: 'slt', pitch: 1, stretch: 1, gainDb: -3.1 }],
  ['rms', { embedded: 'rms', pitch: 1, stretch: 1, gainDb: 2.7 }],
  ['awb', { embedded: 'awb', pitch: 1, stretch: 1, gainDb: 1.4 }],
  ['kal16', { embedded: 'kal16', pitch: 1, stretch: 1, gainDb: 9.3 }],
]);

export const voiceNames: readonly string[] = [...VOICES.keys()];

/** The voice of a name; an unknown name (the id of a custom voice) gets the default one. */
export function voiceNamed(name: string): FliteVoice {
  return VOICES.get(name) ?? DEFAULT_VOICE;
}

/** Options of the program for a voice at a speed (1 is its own pace). */
export function voiceOptions(voice: FliteVoice, speed: number): string[] {
  return [
    ...['-voice', voice.embedded],
    ...['--setf', `duration_stretch=${(voice.stretch / speed).toFixed(3)}`],
    ...['--setf', `f0_shift=${voice.pitch.toFixed(3)}`],
  ];
}
