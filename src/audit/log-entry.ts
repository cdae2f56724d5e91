import { isFailure, readAnswer } from './answer-text.ts';
import { findAmount, findObject, findText, findTime, isFields, unpack } from './json-fields.ts';
import type { Fields, LogEntry, LogForm, LoggedCall, SkippedLine } from './logged-call.ts';
import { hasRole, readMessages, textOfMessage, type MessageText } from './message-text.ts';

const REQUEST_NAMES = [
  'request',
  'req',
  'requestBody',
  'kwargs',
  'params',
  'input',
  'inputs',
] as const;
const RESPONSE_NAMES = [
  'response',
  'res',
  'responseBody',
  'result',
  'completion',
  'output',
  'outputs',
  'answer',
  'label',
] as const;
const TEXT_NAMES = ['text', 'question', 'query', 'message', 'utterance'] as const;
const TIME_NAMES = [
  'timestamp',
  'time',
  'timeMs',
  't',
  'created_at',
  'createdAt',
  'created',
  'date',
  'start_time',
] as const;
const DURATION_NAMES = ['durationMs', 'duration_ms', 'latencyMs', 'latency_ms'] as const;
const COST_NAMES = ['costUsd', 'cost_usd', 'cost', 'response_cost'] as const;
const INPUT_NAMES = ['input_tokens', 'prompt_tokens', 'inputTokens', 'promptTokens'] as const;
const OUTPUT_NAMES = [
  'output_tokens',
  'completion_tokens',
  'outputTokens',
  'completionTokens',
] as const;

/** One side of a call, as far as the object has it. */
interface Sides {
  readonly request: Fields | null;
  readonly response: unknown;
}

/**
 * One object of a log as calls: an OpenAI request and its response, an AI SDK call, a chat of UI
 * messages, or a text and its answer (docs/audit.md lists the shapes). `half`: one of two objects of
 * a batch that share a key.
 */
export function readEntry(value: unknown): LogEntry {
  const entry = Array.isArray(value) ? { messages: value } : value;
  if (!isFields(entry)) return skipped('malformed');
  const chat = readUiChat(entry);
  if (chat !== null) return chat;
  const { request, response } = findSides(entry);
  const key = findText(entry, ['custom_id', 'request_id', 'id']);
  if (isFields(response) && isFailure(response)) return skipped('failed-call');
  if (response === undefined && isFailure(entry)) return skipped('failed-call');
  const question = request === null ? null : readQuestion(request);
  const answer = readAnswer(response) ?? trailingAnswer(request);
  if (question === 'not-text') return skipped('not-text');
  if (question === null || answer === null) {
    const hasOne = question !== null || answer !== null;
    if (hasOne && key !== null) return { status: 'half', key, half: entry };
    return skipped(question === null ? 'no-request' : 'no-answer');
  }
  const instructions = request === null ? null : readInstructions(request);
  const call = { text: question.text, answer, instructions, ...readFacts(entry, response) };
  return { status: 'calls', form: formOf(entry, request), calls: [call] };
}

/** Two halves of a call as one object. */
export function joinHalves(first: Fields, second: Fields): Fields {
  return { ...first, ...second };
}

/** Facts of a call that its object, or the columns of its row, tell. */
export function readFacts(
  entry: Fields,
  response: unknown,
): Omit<LoggedCall, 'text' | 'answer' | 'instructions'> {
  const body = isFields(response) ? response : null;
  const usage = (body && findObject(body, ['usage'])) ?? findObject(entry, ['usage']) ?? entry;
  return {
    timeMs: findTime(entry, TIME_NAMES) ?? findTime(body, TIME_NAMES) ?? timeOfSdk(body),
    durationMs: findAmount(entry, DURATION_NAMES) ?? findAmount(body, DURATION_NAMES),
    costUsd: findAmount(entry, COST_NAMES) ?? findAmount(usage, COST_NAMES),
    inputTokens: findAmount(usage, INPUT_NAMES),
    outputTokens: findAmount(usage, OUTPUT_NAMES),
  };
}

/** Every answer of a chat of the AI SDK's UI messages, each with the message before it. */
function readUiChat(entry: Fields): LogEntry | null {
  const messages = readMessages(entry['messages']);
  if (messages === null || !messages.some((message) => Array.isArray(message['parts'])))
    return null;
  const calls: LoggedCall[] = [];
  let reason: SkippedLine = 'no-answer';
  for (const [index, message] of messages.entries()) {
    const before = messages[index - 1];
    if (before === undefined || !hasRole(message, 'assistant') || !hasRole(before, 'user'))
      continue;
    const question = textOfMessage(before);
    const answer = readAnswer(message);
    if (question === 'not-text') reason = 'not-text';
    if (question === null || question === 'not-text' || answer === null) continue;
    const facts = findObject(message, ['metadata']) ?? {};
    calls.push({
      text: question.text,
      answer,
      instructions: readInstructions(entry),
      ...readFacts({ ...facts, ...message }, null),
    });
  }
  return calls.length === 0 ? skipped(reason) : { status: 'calls', form: 'ai-sdk', calls };
}

function findSides(entry: Fields): Sides {
  const named = findObject(entry, REQUEST_NAMES) ?? batchBody(entry);
  const request = named === null ? entry : (findObject(named, ['body']) ?? named);
  const responseName = RESPONSE_NAMES.find(
    (name) => entry[name] !== undefined && entry[name] !== null,
  );
  const response = responseName === undefined ? undefined : unpack(entry[responseName]);
  if (!isFields(response)) return { request, response: response ?? answerBeside(entry, request) };
  if (isFailure(response)) return { request, response };
  return { request, response: findObject(response, ['body']) ?? response };
}

/** A call logged as one flat object: `{ prompt, text }` or `{ messages, choices }`. */
function answerBeside(entry: Fields, request: Fields): unknown {
  const isFlat = request === entry && (entry['prompt'] ?? entry['messages']) !== undefined;
  const hasAnswer = ['text', 'object', 'choices', 'output_text'].some((name) => name in entry);
  return isFlat && hasAnswer ? { ...entry, content: undefined, messages: undefined } : undefined;
}

/** A line of a batch's input file. */
function batchBody(entry: Fields): Fields | null {
  return 'url' in entry || 'custom_id' in entry ? findObject(entry, ['body']) : null;
}

function readQuestion(request: Fields): MessageText {
  const messages =
    readMessages(request['messages']) ??
    readMessages(request['input']) ??
    readMessages(request['prompt']);
  if (messages !== null) {
    const last = messages.findLast((message) => hasRole(message, 'user'));
    return last === undefined ? null : textOfMessage(last);
  }
  const text = findText(request, ['input', 'prompt', ...TEXT_NAMES]);
  return text === null ? null : { text };
}

/** The system's message, wherever an API has it. */
function readInstructions(request: Fields): string | null {
  const given = findText(request, ['system', 'instructions']);
  if (given !== null) return given;
  const messages = readMessages(request['messages']) ?? readMessages(request['input']) ?? [];
  const first = messages.find((each) => hasRole(each, 'system') || hasRole(each, 'developer'));
  const text = first === undefined ? null : textOfMessage(first);
  return text === null || text === 'not-text' ? null : text.text;
}

/** Logs for fine-tuning hold the answer as the last message. */
function trailingAnswer(request: Fields | null): string | null {
  const last = readMessages(request?.['messages'])?.at(-1);
  return last !== undefined && hasRole(last, 'assistant') ? readAnswer(last) : null;
}

function formOf(entry: Fields, request: Fields | null): LogForm {
  if (request === entry && ('prompt' in entry || 'object' in entry)) return 'ai-sdk';
  const hasMessages = readMessages(request?.['messages'] ?? request?.['input']) !== null;
  return hasMessages || request !== entry ? 'openai' : 'text-answer';
}

/** The AI SDK keeps the time beside the model's name. */
function timeOfSdk(body: Fields | null): number | null {
  return body === null ? null : findTime(findObject(body, ['response']), TIME_NAMES);
}

function skipped(reason: SkippedLine): LogEntry {
  return { status: 'skipped', reason };
}
