/** Selects the tool for a request. */

import type { ModelRequest, ModelTool } from '../../../session/ports/language-model.ts';
import { fillArguments, newBudget, type ToolCall } from './arguments.ts';
import type { Conversation } from './memory.ts';
import { contentStems, normalize, phrasalVerbs } from './words.ts';

const MOST_TOOLS = 128;
const MOST_CALLS = 4;
/** `My name is Ada` is a statement; it counts as a request only if more than one word matches. */
const STATEMENT =
  /^(?:(?:hi|hello|hey|and|so|well)[,. ]+)*(?:my [\p{L}' ]{1,60} (?:is|are)\b|(?:i am|i'm|call me|i (?:like|love|hate|think|feel|was|live|had|have(?! to)))\b)/iu;

const meaning = (text: string) => new Set([...contentStems(text), ...phrasalVerbs(text)]);

/** The words of a tool, parsed once for each answer. */
interface ReadTool {
  tool: ModelTool;
  named: ReadonlySet<string>;
  described: ReadonlySet<string>;
  lengthOfName: number;
}

function read(tool: ModelTool): ReadTool {
  const described = meaning(tool.description ?? '');
  return { tool, named: meaning(tool.name), described, lengthOfName: contentStems(tool.name).size };
}

/** The words of a request, parsed once for each answer. */
function readRequest(request: string) {
  const text = normalize(request);
  return {
    text,
    wanted: meaning(text),
    verbs: phrasalVerbs(text),
    stems: contentStems(text),
    states: STATEMENT.test(text),
  };
}

/**
 * Scores how well a request matches a tool: words of its name count double, and so does a description matched in full.
 */
function scoreTool({ tool, named, described, lengthOfName }: ReadTool, request: ReturnType<typeof readRequest>) {
  const { text, wanted, verbs, stems, states } = request;
  const inName = named.intersection(wanted);
  const shared = described.intersection(wanted).union(inName);
  const whole = described.size > 0 && described.isSubsetOf(wanted);
  const mostOfName = inName.size > 0 && inName.size * 2 >= lengthOfName;
  const nothingElse = verbs.some((verb) => shared.has(verb)) && wanted.isSubsetOf(shared);
  // `Turn on the radio` shares a phrasal verb with `Turn on the lights`: that counts as one word, not two.
  const words = shared.intersection(stems).size;
  // Enough to call the tool without `required`.
  const clear = words >= 2 || (!states && (mostOfName || whole || nothingElse));
  const score = inName.size + shared.size + inName.size / (lengthOfName + 1) + Number(whole);
  return { tool, text, clear, score, known: shared.union(named) };
}

function best(tools: readonly ReadTool[], request: string) {
  const words = readRequest(request);
  return tools.map((tool) => scoreTool(tool, words)).toSorted((a, b) => b.score - a.score)[0];
}

/**
 * The calls that a request asks for: none, one, or several if its clauses name different tools; or the question for a
 * missing argument. `auto` excludes tools that were already called; `required` and a forced function always yield a
 * call if the tool exists.
 */
export function chooseTools(request: ModelRequest, { user, asked, called }: Conversation): ToolCall[] | string {
  const { toolChoice, parallelToolCalls } = request;
  if (toolChoice === 'none') return [];
  const forced = toolChoice !== 'auto';
  const tools = request.tools
    .filter(({ name }) => (typeof toolChoice === 'object' ? name === toolChoice.name : forced || !called.has(name)))
    .slice(0, MOST_TOOLS)
    .map(read);
  // A message that asks for a tool by itself is not the answer to a question.
  const text = (best(tools, user?.text ?? '')?.clear ? user?.text : asked.text) ?? '';
  const clauses = normalize(text).split(/ and | then |[.;?!] /i, 8);
  const parts = clauses.flatMap((clause) => best(tools, clause) ?? []).filter(({ clear }) => clear);
  const several = parallelToolCalls !== false && new Set(parts.map(({ tool }) => tool)).size > 1;
  const one = best(tools, text);
  const alone = one && (forced || one.clear) ? [one] : [];
  const fits = several ? parts.slice(0, MOST_CALLS) : alone;
  const budget = newBudget();
  const calls = fits.map((fit) => fillArguments(fit.tool, { ...fit, budget, forced, answers: asked.answers }));
  return calls.find(({ question }) => question)?.question ?? calls;
}
