import {
  DataError,
  EdgewiseError,
  EngineError,
  ModelError,
  NetworkError,
  PolicyError,
  StorageError,
  TimeoutError,
  UnsupportedError,
} from '../errors.ts';
import type { ErrorDetails, ErrorOptions } from '../errors.ts';

/**
 * An error as plain data. Structured cloning keeps neither the class nor `code`, `details` and
 * `isRetryable`, so we carry them ourselves.
 */
export type WireError =
  | {
      readonly kind: 'edgewise';
      readonly name: string;
      readonly message: string;
      readonly stack: string;
      readonly code: string;
      readonly details: ErrorDetails;
      readonly isRetryable: boolean;
      readonly cause?: WireError;
    }
  | {
      readonly kind: 'native' | 'dom';
      readonly name: string;
      readonly message: string;
      readonly stack: string;
      readonly cause?: WireError;
    }
  /** Something thrown that is no error. */
  | { readonly kind: 'value'; readonly value: string | number | boolean | null | undefined };

/** Longest cause chain that is carried; also what ends a chain that bites its own tail. */
const MAX_CAUSES = 8;

/** Stands between the sender's stack and the receiver's. */
const STACK_SEAM = '    --- received from the other side of the wire ---';

/** Makes an error ready for `postMessage`. Never throws. */
export function encodeError(error: unknown, depth = 0): WireError {
  if (!(error instanceof Error) && !EdgewiseError.is(error)) {
    return { kind: 'value', value: plainValue(error) };
  }
  const { name, message, stack = '' } = error;
  const common = { name, message, stack, ...encodeCause(error, depth) };
  if (EdgewiseError.is(error)) {
    const { code, details, isRetryable } = error;
    return { kind: 'edgewise', ...common, code, details: { ...details }, isRetryable };
  }
  return { kind: isDomException(error) ? 'dom' : 'native', ...common };
}

/** Gives back an error of the same class, with the stacks of both sides. */
export function decodeError(wire: WireError): unknown {
  if (wire.kind === 'value') return wire.value;
  const error = restore(wire);
  const stack = [wire.stack, STACK_SEAM, error.stack ?? ''].join('\n');
  Object.defineProperty(error, 'stack', { value: stack, configurable: true, writable: true });
  return error;
}

/** Whether something from outside has the shape of a `WireError`. */
export function isWireError(value: unknown): value is WireError {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return false;
  if (value.kind === 'value') return true;
  const error = value as Record<string, unknown>;
  const isNamed =
    typeof error['name'] === 'string' &&
    typeof error['message'] === 'string' &&
    typeof error['stack'] === 'string' &&
    (error['cause'] === undefined || isWireError(error['cause']));
  if (value.kind === 'native' || value.kind === 'dom') return isNamed;
  return (
    value.kind === 'edgewise' &&
    isNamed &&
    typeof error['code'] === 'string' &&
    typeof error['isRetryable'] === 'boolean' &&
    typeof error['details'] === 'object' &&
    error['details'] !== null
  );
}

type ErrorConstructor = new (code: never, message: string, options?: ErrorOptions) => EdgewiseError;

const EDGEWISE_CLASSES: Readonly<Record<string, ErrorConstructor>> = {
  DataError,
  EngineError,
  ModelError,
  NetworkError,
  PolicyError,
  StorageError,
  TimeoutError,
  UnsupportedError,
};

const NATIVE_CLASSES: Readonly<Record<string, new (message: string, options?: object) => Error>> = {
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
};

function restore(wire: Exclude<WireError, { kind: 'value' }>): Error {
  const cause = wire.cause === undefined ? {} : { cause: decodeError(wire.cause) };
  if (wire.kind === 'edgewise') {
    const { details, isRetryable } = wire;
    const known = Object.hasOwn(EDGEWISE_CLASSES, wire.name) && EDGEWISE_CLASSES[wire.name];
    const Class: ErrorConstructor = known || EdgewiseError;
    return new Class(wire.code as never, wire.message, { details, isRetryable, ...cause });
  }
  if (wire.kind === 'dom') {
    const error = new DOMException(wire.message, wire.name);
    return 'cause' in cause ? Object.defineProperty(error, 'cause', { value: cause.cause }) : error;
  }
  const known = Object.hasOwn(NATIVE_CLASSES, wire.name) && NATIVE_CLASSES[wire.name];
  const error = new (known || Error)(wire.message, cause);
  // WebAssembly.RuntimeError and the like: the class stays behind, its name must not.
  if (error.name !== wire.name) Object.defineProperty(error, 'name', { value: wire.name });
  return error;
}

function encodeCause(error: Error, depth: number): { cause?: WireError } {
  if (error.cause === undefined || depth >= MAX_CAUSES) return {};
  return { cause: encodeError(error.cause, depth + 1) };
}

function isDomException(error: Error): boolean {
  return typeof DOMException !== 'undefined' && error instanceof DOMException;
}

function plainValue(value: unknown): string | number | boolean | null | undefined {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'boolean':
    case 'undefined':
      return value;
    default:
      return value === null ? null : Object.prototype.toString.call(value);
  }
}
