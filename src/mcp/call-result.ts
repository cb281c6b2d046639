import type { CallToolResult, ContentBlock } from '@modelcontextprotocol/client';
import type { ServerToolResult } from '../session/ports/tool-runner.ts';

/**
 * The text of a result for the model. Structured content replaces blocks without text. Content without text is named, so
 * that the model knows of it.
 */
export function toolResult({ content, structuredContent, isError }: CallToolResult): ServerToolResult {
  const hasText = content.some(({ type }) => type === 'text');
  const parts = content.map(textOf);
  if (structuredContent !== undefined && !hasText) parts.unshift(JSON.stringify(structuredContent));
  const output = parts.join('\n');
  if (!isError) return { output };
  return { error: { type: 'tool_execution_error', message: output || 'The tool failed without a message.' } };
}

function textOf(block: ContentBlock): string {
  switch (block.type) {
    case 'text':
      return block.text;
    case 'image':
    case 'audio':
      return `[${block.type}: ${block.mimeType}, ${Buffer.byteLength(block.data, 'base64')} bytes, not shown]`;
    case 'resource_link':
      return [block.title ?? block.name, block.description, block.uri].filter(Boolean).join('\n');
    case 'resource': {
      const { resource } = block;
      if ('text' in resource) return resource.text;
      return `[resource: ${resource.uri}, ${resource.mimeType ?? 'binary'}, ${Buffer.byteLength(resource.blob, 'base64')} bytes, not shown]`;
    }
  }
}
