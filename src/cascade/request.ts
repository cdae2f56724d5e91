import type { Request, RequestInput } from '../types.ts';
import { parseMode } from './modes.ts';

const EXAMPLE = "{ task: 'rewrite', input: { kind: 'text', text: 'Shorten: …' } }";
const ROLES: ReadonlySet<unknown> = new Set(['system', 'user', 'assistant']);

/** Checks a request from outside; throws `TypeError` that shows the right call. */
export function parseRequest(value: unknown): Request {
  if (typeof value !== 'object' || value === null) fail('A request must be an object');
  const request = value as Request;
  if (typeof request.task !== 'string' || request.task === '') fail('A request needs a task');
  if (!isInput(request.input)) {
    fail("A request needs an input of kind 'prefix', 'messages' or 'text'");
  }
  if (request.mode !== undefined) parseMode(request.mode);
  const { maxTokens } = request;
  if (maxTokens !== undefined && !(Number.isInteger(maxTokens) && maxTokens > 0)) {
    fail('maxTokens must be a whole number above 0');
  }
  return request;
}

function isInput(value: unknown): value is RequestInput {
  if (typeof value !== 'object' || value === null) return false;
  const input = value as { readonly [key: string]: unknown };
  switch (input['kind']) {
    case 'prefix':
      return typeof input['before'] === 'string' && isOptionalText(input['after']);
    case 'text':
      return typeof input['text'] === 'string';
    case 'messages':
      return isMessages(input['messages']);
    default:
      return false;
  }
}

function isMessages(value: unknown): boolean {
  if (!Array.isArray(value) || value.length === 0) return false;
  return value.every(
    (message: unknown) =>
      typeof message === 'object' &&
      message !== null &&
      'role' in message &&
      ROLES.has(message.role) &&
      'content' in message &&
      typeof message.content === 'string',
  );
}

function isOptionalText(value: unknown): boolean {
  return value === undefined || typeof value === 'string';
}

function fail(problem: string): never {
  throw new TypeError(`${problem}. Example: ${EXAMPLE}.`);
}
