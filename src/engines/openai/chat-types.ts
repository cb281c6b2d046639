/** The parts of the body of `/v1/chat/completions` that we send (OpenAI, "Create chat completion"). */

export interface ChatBody {
  model: string;
  messages: ChatMessage[];
  stream: true;
  stream_options?: { include_usage: boolean };
  max_tokens?: number;
  max_completion_tokens?: number;
  temperature?: number;
  /** Servers accept different efforts. */
  reasoning_effort?: string;
  tools?: { type: 'function'; function: ChatFunction }[];
  tool_choice?: 'auto' | 'none' | 'required' | { type: 'function'; function: { name: string } };
  parallel_tool_calls?: boolean;
  modalities?: ('text' | 'audio')[];
  audio?: { voice: string; format: 'pcm16' };
}

interface ChatFunction {
  name: string;
  description?: string;
  parameters?: Record<string, unknown>;
}

export type ChatMessage =
  | { role: 'system'; content: string }
  | { role: 'user'; content: string | ChatPart[] }
  | { role: 'assistant'; content: string | null; tool_calls?: ChatCall[] }
  | { role: 'tool'; tool_call_id: string; content: string };

export type ChatPart =
  | { type: 'text'; text: string }
  | { type: 'image_url'; image_url: { url: string; detail?: 'auto' | 'low' | 'high' } }
  | { type: 'input_audio'; input_audio: { data: string; format: 'wav' } };

interface ChatCall {
  id: string;
  type: 'function';
  function: { name: string; arguments: string };
}
