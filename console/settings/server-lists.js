/** The models, voices and engines that the server has, from its API. */

import { isObject } from './json.js';

/**
 * @typedef {object} ServerLists
 * @property {string[]} models for sessions
 * @property {string[]} transcribers
 * @property {string[]} voices empty if the voice does not list them
 * @property {{ part: string, name: string, state: string }[]} engines
 * @property {boolean} requiresKey whether clients need a key: the server wants one, or the user has entered one
 * @property {string} problem why the lists are missing; empty if they are not
 */

/** The voices of the API, for servers that do not list theirs. */
export const usualVoices = ['alloy', 'ash', 'ballad', 'coral', 'echo', 'sage', 'shimmer', 'verse', 'marin', 'cedar'];

/** @type {ServerLists} */
export const unknownLists = { models: [], transcribers: [], voices: [], engines: [], requiresKey: false, problem: '' };

/**
 * @param {string} apiKey
 * @returns {Promise<ServerLists>}
 */
export async function fetchLists(apiKey) {
  const lists = { ...unknownLists, requiresKey: apiKey !== '' };
  try {
    lists.engines = list(await (await request('readyz', '')).json(), 'engines').map(({ part, name, state }) => ({
      part: String(part),
      name: String(name),
      state: String(state),
    }));
    const answer = await request('v1/models', apiKey);
    if (answer.status === 401) {
      const problem =
        apiKey === ''
          ? 'Enter an API key to see the models and voices of the server.'
          : 'The server refused the API key, so its models and voices are unknown.';
      return { ...lists, requiresKey: true, problem };
    }
    const models = list(await answer.json(), 'data');
    const named = (/** @type {string} */ task) =>
      models.filter((each) => each.task === task).map(({ id }) => String(id));
    lists.models = named('realtime');
    lists.transcribers = named('automatic-speech-recognition');
    lists.voices = list(await (await request('v1/audio/voices', apiKey)).json(), 'voices').map(({ id }) => String(id));
    return lists;
  } catch {
    return { ...lists, problem: 'The lists of models and voices could not be loaded. Names can still be typed.' };
  }
}

/**
 * @param {string} path
 * @param {string} apiKey
 */
function request(path, apiKey) {
  /** @type {Record<string, string>} */
  const headers = apiKey === '' ? {} : { Authorization: `Bearer ${apiKey}` };
  return fetch(new URL(path, document.baseURI), { headers });
}

/**
 * @param {unknown} answer
 * @param {string} key
 * @returns {import('./json.js').JsonObject[]}
 */
function list(answer, key) {
  const value = isObject(answer) ? answer[key] : undefined;
  return Array.isArray(value) ? value.filter(isObject) : [];
}
