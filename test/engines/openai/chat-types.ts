/** The compiler checks here that the bodies of chat requests are what OpenAI's package sends, apart from custom efforts. */

import type OpenAI from 'openai';
import type { ChatBody } from '../../../src/engines/openai/chat-types.ts';

type Sent = OpenAI.Chat.ChatCompletionCreateParamsStreaming;

export const asSent = (body: Omit<ChatBody, 'reasoning_effort'>): Sent => body;
