/** The error that a client receives; `wire-errors.ts` defines each. */

import { shorten } from './texts.ts';

/** Errors contain names and ids that clients choose; longer ones are shortened. */
const maxParamCharacters = 256;
export const maxMessageCharacters = 2048;

export type WireErrorType = 'invalid_request_error' | 'server_error';

interface WireErrorDetails {
  type?: WireErrorType;
  code: string | null;
  /** The invalid field: its path in the GA dialect, until a dialect renames it. */
  param?: string | null;
  /** `param` is the client's own name of the field, which no dialect renames. */
  asSent?: boolean;
  /** The `error` event does not contain the `event_id` of the invalid event. */
  unattributed?: boolean;
  closeCode?: number;
  /** The reason of the close frame; by default derived from type and code. */
  closeReason?: string;
}

/** An error for one client: the payload of an `error` event, or the body of an HTTP error. */
export class WireError extends Error {
  readonly type: WireErrorType;
  readonly code: string | null;
  readonly param: string | null;
  /** Set if the error ends the connection: the WebSocket close code after the event. */
  readonly closeCode: number | undefined;
  readonly #text: string | ((param: string) => string);
  readonly #details: WireErrorDetails;

  /**
   * A text that contains the name of the field is a function of its path, so that each dialect can insert its own name.
   */
  constructor(text: string | ((param: string) => string), details: WireErrorDetails) {
    super(shorten(typeof text === 'string' ? text : text(details.param ?? ''), maxMessageCharacters));
    this.name = 'WireError';
    this.type = details.type ?? 'invalid_request_error';
    this.code = details.code;
    this.param = details.param ? shorten(details.param, maxParamCharacters) : null;
    this.closeCode = details.closeCode;
    this.#text = text;
    this.#details = details;
  }

  /** The reason of the close frame: usually `type.code`, or `type` if there is no code. */
  get closeReason(): string {
    if (this.#details.closeReason !== undefined) return this.#details.closeReason;
    return this.code === null ? this.type : `${this.type}.${this.code}`;
  }

  get attributed(): boolean {
    return !this.#details.unattributed;
  }

  /** The same error for another field. */
  at(param: string): WireError {
    return new WireError(this.#text, { ...this.#details, param });
  }

  /** The error with the dialect's name of its field; `fieldName` returns undefined for a path that is not renamed. */
  renamed(fieldName: (gaPath: string) => string | undefined): WireError {
    const { param, asSent } = this.#details;
    const name = !param || asSent ? undefined : fieldName(param);
    return name === undefined ? this : this.at(name);
  }
}
