import type { RealtimeConfig } from '../../protocol/wire/session-config.ts';
import type { Observers } from '../observing/observers.ts';
import type { Engines } from '../ports/engines.ts';
import { type TranscriptionSetting, transcriptionSettings } from '../ports/transcriber.ts';

type Transcription = RealtimeConfig['audio']['input']['transcription'];

/** Maximum settings and languages that are reported per session. */
const maxReported = 64;

/** Reports, once per session, which settings of its transcription have no effect. */
export class TranscriptionNotices {
  readonly #engines: Engines;
  readonly #observers: Observers;
  /** Created on first use: most sessions have nothing to report. */
  #reported: Set<string> | undefined;

  constructor(engines: Engines, observers: Observers) {
    this.#engines = engines;
    this.#observers = observers;
  }

  /** `streams`: whether words are sent during speech. Otherwise `delay` has no effect. */
  check(transcription: Transcription, { streams }: { streams: boolean }): void {
    if (!transcription) return;
    const { languages: known, settings: supported } = this.#engines.transcriber;
    const { language, languages: several = [] } = transcription;
    const isPresent = (name: TranscriptionSetting) => (transcription[name]?.length ?? 0) > 0;
    const isMet = (name: TranscriptionSetting): boolean => {
      if (name === 'delay' && !streams) return false;
      if (supported === undefined) return name !== 'delay';
      // Unknown languages are reported separately.
      if (known !== undefined && (name === 'language' || name === 'languages')) return true;
      // Sent as `language`.
      if (name === 'languages' && several.length === 1 && !language) return isMet('language');
      return supported.includes(name);
    };
    const settings = this.#fresh(transcriptionSettings.filter((name) => isPresent(name) && !isMet(name)));
    if (settings.length > 0) this.#observers.publish({ type: 'transcription_settings_ignored', settings });
    if (!known) return;
    const wanted = [...(language ? [language] : []), ...several].filter((each) => each !== '');
    const languages = this.#fresh(wanted.filter((each) => !known.some((code) => isLanguage(each, code))));
    if (languages.length > 0) {
      this.#observers.publish({ type: 'transcription_languages_unknown', languages, known: [...known] });
    }
  }

  /** Entries that were not reported yet; at most `maxReported` per session. */
  #fresh<T extends string>(entries: T[]): T[] {
    if (entries.length === 0) return entries;
    const reported = this.#reported ?? new Set();
    this.#reported = reported;
    const fresh = [...new Set(entries)].filter((entry) => !reported.has(entry)).slice(0, maxReported - reported.size);
    for (const entry of fresh) reported.add(entry);
    return fresh;
  }
}

const englishNames = new Intl.DisplayNames('en', { type: 'language' });

/** Whether a client's language matches a code: `en`, `en-US` or `English` for `en`. */
function isLanguage(language: string, code: string): boolean {
  const [base] = language.trim().toLowerCase().split(/[-_]/);
  return base === code || base === englishNames.of(code)?.toLowerCase();
}
