/** Events and views that the tests of responses share. */

export const respond = (response: object = {}) => ({ type: 'response.create', response });

export const inText = (response: object = {}) => respond({ output_modalities: ['text'], ...response });

export const message = (text: string, id?: string) => ({
  type: 'message',
  role: 'user',
  content: [{ type: 'input_text', text }],
  ...(id && { id }),
});

export const create = (text: string, id: string) => ({ type: 'conversation.item.create', item: message(text, id) });

export const truncate = (item_id: string, audio_end_ms: number, content_index = 0) => ({
  type: 'conversation.item.truncate',
  item_id,
  content_index,
  audio_end_ms,
});
