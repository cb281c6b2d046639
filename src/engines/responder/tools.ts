/** Chooses the tool that a request asks for. */

import type { ModelRequest, ModelTool } from '../../session/ports.ts';
import { fillArguments } from './arguments.ts';
import { contentStems, plain } from './words.ts';

export interface ToolCall {
  name: string;
  /** JSON. */
  arguments: string;
}

const MOST_TOOLS = 128;
const MOST_CALLS = 4;
/** `My name is Ada` tells; it takes more than one word in common to read a request into it. */
const STATEMENT =
  /^(?:(?:hi|hello|hey|and|so|well)[,. ]+)*(?:my [\p{L}' ]{1,60} (?:is|are)\b|(?:i am|i'm|call me)\b)/iu;

interface Fit {
  tool: ModelTool;
  score: number;
  /** Enough to call the tool unasked. */
  clear: boolean;
  shared: ReadonlySet<string>;
}

/** How the words of a request and of a tool meet: those of its name count double. */
function fit(tool: ModelTool, request: string): Fit {
  const wanted = contentStems(plain(request));
  const named = contentStems(tool.name);
  const described = contentStems(tool.description ?? '');
  const inName = [...named].filter((word) => wanted.has(word));
  const shared = new Set([...inName, ...[...described].filter((word) => wanted.has(word))]);
  const mostOfName = inName.length > 0 && inName.length * 2 >= named.size;
  const clear = shared.size >= 2 || (mostOfName && !STATEMENT.test(plain(request)));
  return {
    tool,
    score: inName.length + shared.size + inName.length / (named.size + 1),
    clear,
    shared: new Set([...shared, ...named]),
  };
}

function best(tools: readonly ModelTool[], request: string): Fit | undefined {
  return tools
    .map((tool) => fit(tool, request))
    .reduce<Fit | undefined>((a, b) => (a && a.score >= b.score ? a : b), undefined);
}

/**
 * The calls that a request asks for: none, one, or several when its clauses name different tools. `auto` leaves out the
 * tools in `called`; `required` and a forced function always yield a call, if the tool exists.
 */
export function chooseTools(
  request: Pick<ModelRequest, 'tools' | 'toolChoice' | 'parallelToolCalls'>,
  text: string,
  called: ReadonlySet<string>,
): ToolCall[] {
  const { toolChoice } = request;
  const tools = request.tools.slice(0, MOST_TOOLS);
  const call = ({ tool, shared }: Fit, words: string): ToolCall => ({
    name: tool.name,
    arguments: fillArguments(tool.parameters, words, shared),
  });
  if (toolChoice === 'none') return [];
  if (typeof toolChoice === 'object') {
    const tool = request.tools.find((candidate) => candidate.name === toolChoice.name);
    return tool ? [call(fit(tool, text), text)] : [];
  }
  const open = toolChoice === 'required' ? tools : tools.filter((tool) => !called.has(tool.name));
  if (request.parallelToolCalls !== false) {
    const clauses = plain(text).split(/ and | then |[.;?!] /i);
    const fits = clauses.slice(0, 8).map((clause) => ({ clause, fit: best(open, clause) }));
    const clear = fits.filter((entry) => entry.fit?.clear);
    if (new Set(clear.map((entry) => entry.fit?.tool.name)).size > 1) {
      return clear.slice(0, MOST_CALLS).flatMap((entry) => (entry.fit ? [call(entry.fit, entry.clause)] : []));
    }
  }
  const chosen = best(open, text);
  return chosen && (chosen.clear || toolChoice === 'required') ? [call(chosen, text)] : [];
}
