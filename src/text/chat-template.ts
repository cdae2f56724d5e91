import { ModelError } from '../errors.ts';
import type { Message } from '../types.ts';
import { createBoundedTemplate } from './bounded-template.ts';
import type { BoundedTemplate } from './bounded-template.ts';
import { metadataCount, metadataString, metadataStrings } from './gguf-metadata.ts';
import type { GgufMetadata } from './gguf-metadata.ts';
import { createSpecialEscape } from './special-escape.ts';
import type { Tokenizer } from './tokenizer.ts';

/** Turns a conversation into the prompt the model was trained on. */
export interface ChatTemplate {
  /**
   * Token ids of the conversation up to where the assistant's answer begins, start token included
   * where the model wants one. Special tokens of the template are real; those written inside a
   * message are plain characters. Throws `ModelError` `bad-format` when the file's template is
   * broken, does not come to an end or refuses this conversation; `TypeError` for a message that is
   * none.
   */
  encode(messages: readonly Message[]): number[];
}

/** Speakers of the transcript that models without a template get. */
const SPEAKERS = { system: 'System', user: 'User', assistant: 'Assistant' } as const;

/**
 * Chat template of a model file. A file without one gets a plain transcript: a line `User: text`,
 * `Assistant: text` or `System: text` for each message, then `Assistant:`.
 */
export function createChatTemplate(metadata: GgufMetadata, tokenizer: Tokenizer): ChatTemplate {
  const source = metadataString(metadata, 'tokenizer.chat_template', '');
  const render = source === '' ? renderTranscript : createRender(source, metadata);
  const escape = createSpecialEscape(tokenizer);
  return {
    encode(messages) {
      messages.forEach(checkMessage);
      const contents = messages.map(({ content }) => content);
      const hidden = escape.hide(contents, source);
      const text = render(
        messages.map(({ role }, index) => ({ role, content: hidden.texts[index] ?? '' })),
      );
      return withStart(tokenizer, hidden.encode(text));
    },
  };
}

type Render = (messages: readonly Message[]) => string;

function renderTranscript(messages: readonly Message[]): string {
  const lines = messages.map(({ role, content }) => `${SPEAKERS[role]}: ${content}`);
  return [...lines, `${SPEAKERS.assistant}:`].join('\n');
}

/** Parses at first use: a model with a broken template still completes text. */
function createRender(source: string, metadata: GgufMetadata): Render {
  const variables = {
    bos_token: tokenName(metadata, 'bos_token_id'),
    eos_token: tokenName(metadata, 'eos_token_id'),
    add_generation_prompt: true,
  };
  let template: BoundedTemplate | null = null;
  return (messages) => {
    template ??= parseTemplate(source);
    return renderTemplate(template, { ...variables, messages });
  };
}

function tokenName(metadata: GgufMetadata, name: string): string {
  const key = `tokenizer.ggml.${name}`;
  if (!metadata.has(key)) return '';
  return metadataStrings(metadata, 'tokenizer.ggml.tokens')[metadataCount(metadata, key)] ?? '';
}

function parseTemplate(source: string): BoundedTemplate {
  try {
    return createBoundedTemplate(source);
  } catch (cause) {
    throw new ModelError(
      'bad-format',
      "The model file's chat template cannot be read. Get another conversion of the model.",
      { cause },
    );
  }
}

function renderTemplate(
  template: BoundedTemplate,
  variables: Readonly<Record<string, unknown>>,
): string {
  try {
    return template.render(variables);
  } catch {
    // No cause: the template wrote its message, and may have put what people typed into it.
    throw new ModelError(
      'bad-format',
      "The model file's chat template refuses this conversation or does not come to an end. " +
        'Let user and assistant take turns, or get another conversion of the model.',
    );
  }
}

function withStart(tokenizer: Tokenizer, ids: number[]): number[] {
  const { addsBos, bosId } = tokenizer;
  return addsBos && bosId !== null && ids[0] !== bosId ? [bosId, ...ids] : ids;
}

function checkMessage(message: Message): void {
  if (Object.hasOwn(SPEAKERS, message.role) && typeof message.content === 'string') return;
  throw new TypeError(
    "A message is { role: 'system' | 'user' | 'assistant', content: string }, " +
      "e.g. { role: 'user', content: 'Hello' }.",
  );
}
