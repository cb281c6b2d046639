import { type ApiKey, defaultProject, findApiKey } from '../config/api-keys.ts';
import type { Owner } from '../metering/metering.ts';
import { accessErrors } from '../protocol/errors/access-errors.ts';
import type { WireError } from '../protocol/errors/wire-errors.ts';
import { type ClientSecret, type ClientSecrets, isClientSecret } from '../store/client-secrets.ts';

/** Credentials of a request. */
export interface Credentials {
  /** An API key or a client secret. */
  key: string | undefined;
  /** The project in `OpenAI-Project`. */
  project: string | undefined;
}

/** An authenticated caller. */
export interface Caller {
  /** Owner of the sessions that it opens. */
  owner: Owner;
  /** Whether it may see every project, and the metrics. */
  operator: boolean;
  /** Set for a client secret: the caller may open sessions and nothing else. */
  secret?: ClientSecret & { value: string };
}

/** Authenticates API keys and client secrets. On a server without keys, every local client is the same caller. */
export class Callers {
  readonly #keys: readonly ApiKey[];
  readonly #secrets: ClientSecrets;

  constructor({ keys, secrets }: { keys: readonly ApiKey[]; secrets: ClientSecrets }) {
    this.#keys = keys;
    this.#secrets = secrets;
  }

  /**
   * The caller, or the reason for the refusal.
   * @throws whatever the store throws
   */
  async authenticate({ key, project }: Credentials): Promise<Caller | WireError> {
    if (key !== undefined && isClientSecret(key)) return this.#bySecret(key, project);
    if (this.#keys.length === 0) return { owner: { project: defaultProject }, operator: true };
    if (key === undefined || key === '') return accessErrors.missingKey();
    const found = findApiKey(this.#keys, key);
    if (found === undefined) return accessErrors.wrongKey(key);
    if (project !== undefined && project !== found.project) return accessErrors.mismatchedProject();
    return { owner: ownerOf(found), operator: found.operator };
  }

  /** A secret becomes invalid when the key that created it is removed. */
  async #bySecret(value: string, project: string | undefined): Promise<Caller | WireError> {
    const secret = await this.#secrets.find(value);
    const key = this.#keys.find(({ name }) => name === secret?.keyName);
    if (secret === undefined || (key === undefined && (this.#keys.length > 0 || secret.keyName !== undefined))) {
      return accessErrors.wrongSecret();
    }
    if (key !== undefined && project !== undefined && project !== secret.project) {
      return accessErrors.mismatchedProject();
    }
    const owner = key === undefined ? { project: secret.project } : { ...ownerOf(key), project: secret.project };
    return { owner, operator: false, secret: { ...secret, value } };
  }
}

function ownerOf({ name, project, limits }: ApiKey): Owner {
  return { keyName: name, project, limits };
}
