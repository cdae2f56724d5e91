import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createChatTemplate } from '../../../src/text/chat-template.ts';
import type { GgufMetadata } from '../../../src/text/gguf-metadata.ts';
import { readTokenizer } from '../../../src/text/tokenizer.ts';
import type { RequestInput } from '../../../src/types.ts';
import { realModelPath } from '../../helpers/real-model.ts';
import { fixtureMetadata, metadataOf } from './metadata.ts';

interface GoldenPrompt {
  readonly name: string;
  readonly input: RequestInput;
  readonly tokens: readonly number[];
}

function readPrompts(file: string): readonly GoldenPrompt[] {
  const url = new URL(`../../golden/${file}`, import.meta.url);
  return (JSON.parse(readFileSync(url, 'utf8')) as { prompts: readonly GoldenPrompt[] }).prompts;
}

/** Names of the prompts that our text path turns into other tokens than the reference did. */
function differences(file: string, metadata: GgufMetadata): string[] {
  const tokenizer = readTokenizer(metadata);
  const template = createChatTemplate(metadata, tokenizer);
  const encode = (input: RequestInput): number[] => {
    if (input.kind === 'messages') return template.encode(input.messages);
    const text = input.kind === 'prefix' ? input.before : input.text;
    const start = tokenizer.addsBos && tokenizer.bosId !== null ? [tokenizer.bosId] : [];
    return [...start, ...tokenizer.encode(text)];
  };
  const prompts = readPrompts(file);
  expect(prompts).toHaveLength(24);
  return prompts
    .filter(({ input, tokens }) => encode(input).join() !== tokens.join())
    .map(({ name }) => name);
}

describe('the golden prompts', () => {
  it.each(['tiny', 'tiny-mixed', 'tiny-gemma'])('become the reference tokens with %s', (name) => {
    expect(differences(`${name}.json`, fixtureMetadata(`${name}.gguf`))).toEqual([]);
  });

  const path = realModelPath();
  it.skipIf(path === null)('become the reference tokens with the default model', () => {
    const metadata = metadataOf(readFileSync(path ?? ''));
    expect(differences('smollm2-135m-instruct-q4_1.json', metadata)).toEqual([]);
  });
});
