/** The forms of a chat request that servers require, derived from their refusals. */

import { type Adaptation, refusedField } from '../adaptations.ts';
import { field } from '../json.ts';
import type { RequestFailure } from '../request-failure.ts';
import { optionalFields } from './chat-request.ts';
import type { RoleOptions } from './message-roles.ts';

export const forms = {
  newTokenLimit: 'max_completion_tokens',
  shortCallIds: 'short ids of calls',
  strictRoles: 'strict roles',
  withoutSystem: 'no system role',
  callsAsText: 'calls as text',
} as const;

/** Wording of servers and chat templates about the order of messages. */
const aboutRoles =
  /\broles?\b|alternat|system (message|prompt|instruction)|user (message|query|turn)|(first|last|previous) message|conversation|template|jinja|multiturn|(call|response) turn|contents? (is|are) |successive|at least one|tool (messages?|results?) must|content type|not callable/i;

export function rolesOf(has: (key: string) => boolean): RoleOptions | undefined {
  if (!has(forms.strictRoles)) return undefined;
  return { withoutSystem: has(forms.withoutSystem), callsAsText: has(forms.callsAsText) };
}

/** The change to make to a refused request, if it is known; each change is made once. */
export function refusedForm(
  failure: RequestFailure,
  body: Readonly<Record<string, unknown>>,
  has: (key: string) => boolean,
): Adaptation | undefined {
  const { detail } = failure;
  if ('max_tokens' in body && detail.includes('max_completion_tokens')) return { key: forms.newTokenLimit };
  const fields = optionalFields.filter((field) => field in body).map((field) => [field, body[field]]);
  const refused = refusedField(failure, Object.fromEntries(fields));
  if (refused) return refused;
  if (/tool call ids?\b.*\b9\b/i.test(detail) && !has(forms.shortCallIds)) return { key: forms.shortCallIds };
  return aboutRoles.test(detail) ? stricterRoles(hasCalls(body.messages), has) : undefined;
}

function stricterRoles(hasCalls: boolean, has: (key: string) => boolean): Adaptation | undefined {
  const notice = (order: string) => `its chat template refuses the order of roles, and gets ${order} from now on`;
  if (!has(forms.strictRoles)) return { key: forms.strictRoles, notice: notice('user and assistant in turn') };
  if (!has(forms.withoutSystem)) return { key: forms.withoutSystem, notice: notice('no system messages') };
  if (hasCalls && !has(forms.callsAsText))
    return { key: forms.callsAsText, notice: notice('calls of functions as text') };
  return undefined;
}

function hasCalls(messages: unknown): boolean {
  return Array.isArray(messages) && messages.some((message) => field(message, 'tool_calls') !== undefined);
}
