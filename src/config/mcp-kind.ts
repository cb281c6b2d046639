/** Parses MCP servers. */

import { z } from 'zod';
import type { ConfiguredServer } from '../mcp/configured-server.ts';
import { headersSchema, isConnectionHeader } from '../protocol/wire/tools.ts';
import { type Kind, readBySchema, structured } from './kinds.ts';
import { keyIn } from './upstream-kind.ts';

const maxServers = 256;
const nameText = 'a label of 1 to 256 characters, or the id of a connector or a tunnel';
const urlText = 'an http or https address without a user, a password or a fragment';
const commandText = 'the name or path of a program';
const tokenText = 'a token with characters that a header can carry';
const textsText = 'a mapping of names to texts';
const headersText =
  'headers of printable ASCII characters, without those of the connection, such as Host and Content-Length, which Parley sets';
const namesText = 'a list of names of tools';
const approvalText = 'always or never';

const texts = z.record(z.string(), z.string(textsText), textsText).default({});
const token = z.string(tokenText).regex(/^[\x20-\x7e]{1,16384}$/, tokenText);
const common = {
  'require-approval': z.enum(['always', 'never'], approvalText).optional(),
  'allowed-tools': z.array(z.string(namesText), namesText).optional(),
};
const overHttp = z.strictObject({
  ...common,
  url: z.string(urlText).refine(isServerUrl, urlText),
  headers: texts.refine(
    (headers) => headersSchema.safeParse(headers).success && !Object.keys(headers).some(isConnectionHeader),
    headersText,
  ),
  authorization: token.optional(),
  'authorization-file': z
    .string('the path of a file')
    .transform((path, context) => {
      const read = keyIn(path);
      if (read !== undefined) return read;
      context.addIssue({ code: 'custom', message: 'the path of a file that can be read and holds a token' });
      return z.NEVER;
    })
    .optional(),
});
const overStdio = z.strictObject({
  ...common,
  command: z.string(commandText).min(1, commandText),
  args: z.array(z.string('a list of arguments'), 'a list of arguments').default([]),
  env: texts,
  cwd: z.string('the path of a directory').optional(),
});
const entry = z.union([overHttp, overStdio]);
/** An MCP server in a configuration file or in the options of `startServer`. */
export type McpServerEntry = z.input<typeof entry>;

const servers = z
  .record(z.string().min(1, nameText).max(256, nameText), z.unknown(), 'a mapping of labels to servers')
  .transform((given, context) =>
    Object.entries(given).map(([name, value]): ConfiguredServer => {
      // One of the two schemas, so that the message is about the entry that was meant.
      const schema = Reflect.has(Object(value), 'command') ? overStdio : overHttp;
      const parsed = schema.safeParse(value);
      if (parsed.success) return toServer(name, parsed.data);
      const [issue] = parsed.error.issues;
      context.addIssue({ code: 'custom', path: [name, ...(issue?.path ?? [])], message: problemOf(issue) });
      return z.NEVER;
    }),
  )
  .refine((all) => all.length <= maxServers, `at most ${maxServers} servers`);

function toServer(name: string, given: z.output<typeof entry>): ConfiguredServer {
  const { 'require-approval': approval, 'allowed-tools': tools } = given;
  const terms = { name, ...(approval && { approval }), ...(tools && { tools }) };
  if ('command' in given) {
    const { command, args, env, cwd } = given;
    return { ...terms, target: { command, args, env, ...(cwd !== undefined && { cwd }) } };
  }
  const authorization = given['authorization-file'] ?? given.authorization;
  const { url, headers } = given;
  return { ...terms, target: { url, headers, ...(authorization !== undefined && { authorization }) } };
}

function problemOf(issue: z.core.$ZodIssue | undefined): string {
  if (issue?.code !== 'unrecognized_keys') return issue?.message ?? 'a server';
  return `no entry '${issue.keys.join("', '")}'`;
}

/** MCP servers by label: a mapping in a file, JSON as text. */
export function mcpServers(): Kind<readonly ConfiguredServer[]> {
  return structured<readonly ConfiguredServer[]>({
    placeholder: 'SERVERS',
    allowed:
      'a mapping of labels to { url, headers, authorization, authorization-file } or { command, args, env, cwd }, each also with require-approval and allowed-tools',
    read: readBySchema(servers, (issue) => `At ${issue.path.join('.') || 'the top'}: expected ${issue.message}.`),
    print: (value) => value.map(({ name }) => name).join(','),
  });
}

function isServerUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, hash } = new URL(text);
  return ['http:', 'https:'].includes(protocol) && username === '' && password === '' && hash === '';
}
