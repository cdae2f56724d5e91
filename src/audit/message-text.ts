import { isFields, unpack } from './json-fields.ts';
import type { Fields } from './logged-call.ts';

/** `not-text`: it holds an image, a file or sound, which are part of the question. */
export type MessageText = { readonly text: string } | 'not-text' | null;

const TEXT_PARTS: readonly string[] = ['text', 'input_text', 'output_text'];
const FOREIGN_PARTS: readonly string[] = [
  'image',
  'image_url',
  'input_image',
  'file',
  'input_file',
  'input_audio',
  'audio',
];

/** The messages of a value: a list of objects with a role. */
export function readMessages(value: unknown): readonly Fields[] | null {
  const list = unpack(value);
  if (!Array.isArray(list)) return null;
  const messages = list.filter((each): each is Fields => isFields(each) && 'role' in each);
  return messages.length === 0 ? null : messages;
}

/** Text of a message: `content` or `parts`, a text or a list of parts. */
export function textOfMessage(message: Fields): MessageText {
  const content = message['parts'] ?? message['content'];
  if (typeof content === 'string') return { text: content };
  if (!Array.isArray(content)) return null;
  const parts = content.filter((part) => isFields(part));
  if (parts.some(({ type }) => FOREIGN_PARTS.includes(String(type)))) return 'not-text';
  const texts = parts.flatMap(({ type, text }) =>
    TEXT_PARTS.includes(String(type)) && typeof text === 'string' ? [text] : [],
  );
  return texts.length === 0 ? null : { text: texts.join('\n') };
}

export function hasRole(message: Fields | undefined, role: string): boolean {
  return message?.['role'] === role;
}
