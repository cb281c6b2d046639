/** The server's API of live sessions (docs/sessions.md). */

/**
 * A row of the list.
 * @typedef {object} SessionRow
 * @property {string} id
 * @property {'realtime' | 'transcription'} type
 * @property {string} model
 * @property {Record<string, string>} engines
 * @property {'websocket' | 'webrtc'} transport
 * @property {string | null} key
 * @property {string} project
 * @property {number} opened_at seconds since 1970
 * @property {number} age_seconds
 * @property {number} connections
 * @property {number} turns
 * @property {{ responses: number, median_ms: number } | null} latency
 * @property {{ responses: Record<string, number>, transcriptions: number, used: Record<string, number>, cost?: number, currency?: string }} usage
 */

/** The server cannot be reached, or refuses: the message says why. */
export class SessionsProblem extends Error {
  status;
  retryAfterMs;

  /**
   * @param {string} message
   * @param {number} status of HTTP; 0 if the server cannot be reached
   * @param {number} [retryAfterMs]
   */
  constructor(message, status, retryAfterMs = 0) {
    super(message);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }

  /** Whether another key would help. */
  get isAboutKey() {
    return this.status === 401 || this.status === 403;
  }
}

/** Longer waits that a server asks for are shortened. */
const maxRetryAfterMs = 600_000;
/** Most rows that the page reads, to bound its memory. */
const maxRows = 2000;

export class SessionsApi {
  /** The key of the settings. */
  pageKey;
  /** An operator's key, which is stored nowhere. */
  operatorKey = '';

  /** @param {string} pageKey */
  constructor(pageKey) {
    this.pageKey = pageKey;
  }

  /** Whether requests have a key. */
  get hasKey() {
    return this.#key !== '';
  }

  /**
   * @returns {Promise<{ rows: SessionRow[], isComplete: boolean }>} oldest first
   * @throws {SessionsProblem}
   */
  async list() {
    /** @type {SessionRow[]} */
    const rows = [];
    let query = '';
    for (;;) {
      const { data, next } = await this.#json(query);
      if (!Array.isArray(data)) throw new SessionsProblem('This server did not answer with a list of sessions.', 0);
      rows.push(...data);
      if (typeof next !== 'number') return { rows, isComplete: true };
      if (rows.length >= maxRows) return { rows, isComplete: false };
      query = `?after=${next}`;
    }
  }

  /**
   * @param {string} id
   * @returns {Promise<SessionRow>}
   * @throws {SessionsProblem}
   */
  row(id) {
    return this.#json(`/${encodeURIComponent(id)}`);
  }

  /**
   * @param {string} id
   * @param {AbortSignal} signal
   * @returns {Promise<ReadableStream<Uint8Array<ArrayBuffer>>>} server-sent events
   * @throws {SessionsProblem}
   */
  async view(id, signal) {
    const { body } = await this.#get(`/${encodeURIComponent(id)}/events`, signal);
    if (body === null) throw new SessionsProblem('The server sent no events.', 0);
    return body;
  }

  get #key() {
    return this.operatorKey || this.pageKey;
  }

  /** @param {string} path */
  async #json(path) {
    const response = await this.#get(path);
    return response.json().catch(() => {
      throw new SessionsProblem('The connection to the server was lost.', 0);
    });
  }

  /**
   * @param {string} path
   * @param {AbortSignal} [signal]
   */
  async #get(path, signal) {
    const key = this.#key;
    if (!/^[\x21-\x7e]*$/.test(key)) throw new SessionsProblem('The key has characters that no key has.', 401);
    const response = await fetch(new URL(`v1/parley/sessions${path}`, document.baseURI), {
      headers: key === '' ? {} : { Authorization: `Bearer ${key}` },
      cache: 'no-store',
      ...(signal && { signal }),
    }).catch(() => {
      throw new SessionsProblem('The server cannot be reached. Is Parley running?', 0);
    });
    if (!response.ok) throw await problemOf(response);
    return response;
  }
}

/** @param {Response} response */
async function problemOf(response) {
  const { error } = await response.json().catch(() => ({}));
  const message = error?.message ?? `The server answered with status ${response.status}.`;
  const retryAfterSeconds = Number(response.headers.get('Retry-After'));
  // A proxy may send a date, which is not a number.
  const retryAfterMs = Math.min(retryAfterSeconds * 1000, maxRetryAfterMs) || 0;
  return new SessionsProblem(message, response.status, retryAfterMs);
}
