/** The compiler checks here that chat request bodies match the types of OpenAI's package, except for custom efforts. */

import type OpenAI from 'openai';
import type { ChatBody } from '../../../src/engines/openai/chat-types.ts';

type Sent = OpenAI.Chat.ChatCompletionCreateParamsStreaming;

export const asSent = (body: Omit<ChatBody, 'reasoning_effort'>): Sent => body;
