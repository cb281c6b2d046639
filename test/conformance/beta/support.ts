/** A session with a beta client, and the events of that dialect that its tests share. */

import { BetaClient, newConversation } from '../../support/conversation.ts';

export function newBetaConversation(settings: Parameters<typeof newConversation>[0] = {}) {
  const conversation = newConversation(settings);
  return { ...conversation, beta: new BetaClient(conversation.session) };
}

export const update = (session: object) => ({ type: 'session.update', session });

export const respond = (response: object = {}) => ({ type: 'response.create', response });

export const create = (item: object) => ({ type: 'conversation.item.create', item });

export const userText = (text: string) =>
  create({ id: 'mine', type: 'message', role: 'user', content: [{ type: 'input_text', text }] });
