/** Runs the user's functions in a frame that has no origin, no connections and no access to the page. */

/** Neither an output nor a problem: there is no function of this name. @typedef {{ output?: string, problem?: string }} Result */

const maxOutput = 100_000;
const identifier = /^[A-Za-z_][A-Za-z0-9_]*$/;

export class Sandbox {
  /** @type {Promise<HTMLIFrameElement> | null} */
  #frame = null;

  /**
   * @param {string} code that declares functions
   * @param {string} name of the function
   * @param {unknown} args its only argument
   * @returns {Promise<Result>}
   */
  async call(code, name, args) {
    // Code that does not mention the name does not declare it; it may be a reserved word, or a global function.
    if (!identifier.test(name) || !new RegExp(`\\b${name}\\b`).test(code)) return {};
    this.#frame ??= openFrame();
    const frame = await this.#frame;
    const { port1: own, port2: other } = new MessageChannel();
    const result = new Promise((resolve) => {
      own.onmessage = ({ data }) => resolve(asResult(data));
    });
    // The frame has no origin that could be named.
    frame.contentWindow?.postMessage({ code, name, args }, '*', [other]);
    return result;
  }
}

/** @returns {Promise<HTMLIFrameElement>} */
function openFrame() {
  const frame = document.createElement('iframe');
  frame.setAttribute('sandbox', 'allow-scripts');
  frame.title = 'Functions that answer tool calls';
  frame.hidden = true;
  frame.src = new URL('./sandbox.html', import.meta.url).href;
  const loaded = new Promise((resolve) => {
    frame.addEventListener('load', () => resolve(frame), { once: true });
  });
  document.body.append(frame);
  return loaded;
}

/**
 * @param {unknown} data what the code of the user may have sent in place of the frame
 * @returns {Result}
 */
function asResult(data) {
  const { output, problem, isMissing } = typeof data === 'object' && data !== null ? /** @type {any} */ (data) : {};
  if (isMissing === true) return {};
  if (typeof output === 'string') return { output: output.slice(0, maxOutput) };
  return { problem: typeof problem === 'string' ? problem.slice(0, 1000) : 'The function sent no result.' };
}
