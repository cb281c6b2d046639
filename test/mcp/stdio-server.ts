/** An MCP server over standard input and output, as a program. */

import { StdioServerTransport } from '@modelcontextprotocol/server/stdio';
import { docsServer } from '../../dev/harness/mcp-server.ts';

const server = docsServer();
server.registerTool('environment', { description: 'The names of the variables.' }, async () => ({
  content: [{ type: 'text', text: Object.keys(process.env).sort().join(' ') }],
}));
server.registerTool('exit', { description: 'Ends the program.' }, async () => process.exit(1));
await server.connect(new StdioServerTransport());
