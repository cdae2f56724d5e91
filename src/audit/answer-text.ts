import { isFields, unpack } from './json-fields.ts';
import type { Fields } from './logged-call.ts';
import { textOfMessage } from './message-text.ts';

/** Status codes of HTTP from here on are errors. */
const FIRST_ERROR_STATUS = 400;

const OPENAI_TYPES: readonly string[] = ['chat.completion', 'text_completion', 'response'];

/** Whether a response says that the call failed. */
export function isFailure(response: Fields): boolean {
  const status = response['status_code'] ?? response['statusCode'];
  if (typeof status === 'number' && status >= FIRST_ERROR_STATUS) return true;
  return response['error'] !== undefined && response['error'] !== null;
}

/**
 * The answer in a response: chat completions, completions, Responses API, AI SDK (`text`, `object`,
 * `toolCalls`), an assistant message, or a plain value. Arguments of a single tool call count as the
 * answer. `null`: it holds none.
 */
export function readAnswer(response: unknown): string | null {
  if (typeof response === 'string') return nonEmpty(response);
  if (typeof response === 'number' || typeof response === 'boolean') return String(response);
  if (Array.isArray(response)) return readAnswer(response[0]);
  if (!isFields(response)) return null;
  return (
    answerOfChoices(response['choices']) ??
    nonEmpty(response['output_text']) ??
    answerOfOutput(response['output']) ??
    answerOfSdkObject(response['object']) ??
    nonEmpty(response['text']) ??
    answerOfMessage(response) ??
    (isFields(response['message']) ? answerOfMessage(response['message']) : null)
  );
}

function answerOfChoices(choices: unknown): string | null {
  const choice: unknown = Array.isArray(choices) ? choices[0] : null;
  if (!isFields(choice)) return null;
  const { message } = choice;
  return isFields(message) ? answerOfMessage(message) : nonEmpty(choice['text']);
}

/** The list of the Responses API, or whatever the AI SDK's `output` holds. */
function answerOfOutput(output: unknown): string | null {
  if (!Array.isArray(output)) return isFields(output) ? answerOfObject(output) : nonEmpty(output);
  const items = output.filter((item) => isFields(item));
  const message = items.find(({ type }) => type === 'message');
  const text = message === undefined ? null : answerOfMessage(message);
  return text ?? argumentsOf(items.filter(({ type }) => type === 'function_call'));
}

/** OpenAI writes the type of its responses into the field in which the AI SDK has the answer. */
function answerOfSdkObject(value: unknown): string | null {
  const isType = typeof value === 'string' && OPENAI_TYPES.includes(value);
  return isType ? null : answerOfObject(value);
}

function answerOfMessage(message: Fields): string | null {
  const content = textOfMessage(message);
  const text = content === null || content === 'not-text' ? null : nonEmpty(content.text);
  if (text !== null) return text;
  const calls = message['tool_calls'] ?? message['toolCalls'];
  return Array.isArray(calls) ? argumentsOf(calls.filter((call) => isFields(call))) : null;
}

function argumentsOf(calls: readonly Fields[]): string | null {
  const [call] = calls;
  if (call === undefined || calls.length > 1) return null;
  const target = isFields(call['function']) ? call['function'] : call;
  const value = unpack(target['arguments'] ?? target['input'] ?? target['args']);
  return answerOfObject(value) ?? nonEmpty(value);
}

function answerOfObject(value: unknown): string | null {
  if (typeof value === 'string') return nonEmpty(value);
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : null;
}

function nonEmpty(value: unknown): string | null {
  return typeof value === 'string' && value.trim() !== '' ? value : null;
}
