/** Chooses the tool that a request asks for. */

import type { ModelRequest, ModelTool } from '../../session/ports.ts';
import { fillArguments } from './arguments.ts';
import type { Conversation } from './memory.ts';
import { contentStems, phrasalVerbs, plain } from './words.ts';

export interface ToolCall {
  name: string;
  /** JSON. */
  arguments: string;
}

const MOST_TOOLS = 128;
const MOST_CALLS = 4;
/** `My name is Ada` tells; it takes more than one word in common to read a request into it. */
const STATEMENT =
  /^(?:(?:hi|hello|hey|and|so|well)[,. ]+)*(?:my [\p{L}' ]{1,60} (?:is|are)\b|(?:i am|i'm|call me|i (?:like|love|hate|think|feel|was|live|had|have(?! to)))\b)/iu;

interface Fit {
  tool: ModelTool;
  score: number;
  /** Enough to call the tool unasked. */
  clear: boolean;
  known: ReadonlySet<string>;
}

const meaning = (text: string) => new Set([...contentStems(text), ...phrasalVerbs(text)]);

/** How the words of a request and of a tool meet: those of its name count double, and so does a description met in full. */
function fit(tool: ModelTool, request: string): Fit {
  const wanted = meaning(plain(request));
  const named = meaning(tool.name);
  const described = meaning(tool.description ?? '');
  const inName = named.intersection(wanted);
  const inBoth = described.intersection(wanted);
  const shared = inName.union(inBoth);
  const whole = described.size > 0 && inBoth.size === described.size;
  const lengthOfName = contentStems(tool.name).size;
  const mostOfName = inName.size > 0 && inName.size * 2 >= lengthOfName;
  const nothingElse = phrasalVerbs(request).some((verb) => shared.has(verb)) && wanted.isSubsetOf(shared);
  // `Turn on the radio` shares a phrasal verb with `Turn on the lights`: that is one word, not two.
  const words = shared.intersection(contentStems(request)).size;
  return {
    tool,
    score: inName.size + shared.size + inName.size / (lengthOfName + 1) + (whole ? 1 : 0),
    clear: words >= 2 || (!STATEMENT.test(plain(request)) && (mostOfName || whole || nothingElse)),
    known: shared.union(named),
  };
}

function best(tools: readonly ModelTool[], request: string): Fit | undefined {
  return tools
    .map((tool) => fit(tool, request))
    .reduce<Fit | undefined>((a, b) => (a && a.score >= b.score ? a : b), undefined);
}

/**
 * The calls that a request asks for: none, one, or several when its clauses name different tools; or the question whose
 * answer they lack. `auto` leaves out the tools already called; `required` and a forced function always yield a call, if
 * the tool exists.
 */
export function chooseTools(request: ModelRequest, { user, asked, called }: Conversation): ToolCall[] | string {
  const { toolChoice } = request;
  if (toolChoice === 'none') return [];
  const forced = toolChoice !== 'auto';
  const named = request.tools.filter((tool) => typeof toolChoice === 'object' && tool.name === toolChoice.name);
  const open = request.tools.slice(0, MOST_TOOLS).filter((tool) => forced || !called.has(tool.name));
  const tools = typeof toolChoice === 'object' ? named.slice(0, 1) : open;
  // What asks for a tool by itself answers no question.
  const afresh = best(tools, user?.text ?? '')?.clear;
  const text = (afresh ? user?.text : asked.text) ?? '';
  const clauses =
    request.parallelToolCalls === false
      ? []
      : plain(text)
          .split(/ and | then |[.;?!] /i)
          .slice(0, 8);
  const fits = [...clauses, text].map((words) => ({ words, fit: best(tools, words) }));
  const clear = fits.slice(0, -1).filter((entry) => entry.fit?.clear);
  const several = new Set(clear.map((entry) => entry.fit?.tool)).size > 1;
  const chosen = several ? clear.slice(0, MOST_CALLS) : fits.slice(-1).filter((e) => forced || e.fit?.clear);
  const filled = chosen.flatMap(({ words, fit }) =>
    fit
      ? [
          {
            name: fit.tool.name,
            ...fillArguments(fit.tool.parameters, { text: words, known: fit.known, forced, answers: asked.answers }),
          },
        ]
      : [],
  );
  const question = filled.find((call) => call.question)?.question;
  return question ?? filled.map((call) => ({ name: call.name, arguments: call.json }));
}
