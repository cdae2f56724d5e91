/** Marks our errors across realms and duplicated copies of the package. */
const BRAND = Symbol.for('edgewise.error');

/** Plain data that explains an error. Never holds prompt text, completions or keys. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | null>>;

export interface ErrorOptions {
  readonly details?: ErrorDetails;
  readonly cause?: unknown;
  /** Whether the same call may succeed later without any change. Default `false`. */
  readonly isRetryable?: boolean;
}

/**
 * Base of every error Edgewise throws on purpose. `code` is stable and documented; the message says
 * what failed, on which thing, and what to do next. Aborts are never wrapped: they throw the
 * signal's own reason. Wrong arguments throw `TypeError` or `RangeError` instead.
 */
export class EdgewiseError extends Error {
  override readonly name: string = 'EdgewiseError';
  readonly code: string;
  readonly details: ErrorDetails;
  readonly isRetryable: boolean;

  constructor(code: string, message: string, options: ErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.details = options.details ?? {};
    this.isRetryable = options.isRetryable ?? false;
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** Recognises an Edgewise error also when it came from another copy of the package or realm. */
  static is(value: unknown): value is EdgewiseError {
    return typeof value === 'object' && value !== null && BRAND in value;
  }
}

/** The browser or the page lacks something: another engine, tier or setting may work. */
export class UnsupportedError extends EdgewiseError {
  override readonly name = 'UnsupportedError';
  constructor(
    code: 'no-worker' | 'no-wasm' | 'no-simd' | 'no-webgpu' | 'file-page' | 'feature-missing',
    message: string,
    options?: ErrorOptions,
  ) {
    super(code, message, options);
  }
}

/** The model or its file is wrong: fix the id, or get the file again. */
export class ModelError extends EdgewiseError {
  override readonly name = 'ModelError';
  constructor(
    code:
      | 'not-found'
      | 'not-downloaded'
      | 'hash-mismatch'
      | 'size-mismatch'
      | 'bad-format'
      | 'bad-manifest'
      | 'unsupported-architecture'
      | 'unsupported-tensor-type'
      | 'no-source'
      | 'licence-not-accepted',
    message: string,
    options?: ErrorOptions,
  ) {
    super(code, message, options);
  }
}

/** The browser's storage or the disk refused: work continues from memory where possible. */
export class StorageError extends EdgewiseError {
  override readonly name = 'StorageError';
  constructor(
    code:
      | 'unavailable'
      | 'quota-exceeded'
      | 'blocked'
      | 'connection-lost'
      | 'write-failed'
      | 'conflict',
    message: string,
    options?: ErrorOptions,
  ) {
    super(code, message, options);
  }
}

/** The network or the server at the other end failed. */
export class NetworkError extends EdgewiseError {
  override readonly name = 'NetworkError';
  constructor(
    code:
      | 'offline'
      | 'http-status'
      | 'truncated'
      | 'bad-response'
      | 'too-large'
      | 'upstream-failed'
      | 'no-upstream',
    message: string,
    options?: ErrorOptions,
  ) {
    super(code, message, options);
  }
}

/** The engine or the worker it runs in failed: the next call starts a new one. */
export class EngineError extends EdgewiseError {
  override readonly name = 'EngineError';
  constructor(
    code:
      | 'load-failed'
      | 'out-of-memory'
      | 'worker-crashed'
      | 'closed'
      | 'superseded'
      | 'context-full'
      | 'internal',
    message: string,
    options?: ErrorOptions,
  ) {
    super(code, message, options);
  }
}

/** A rule or mode of the owner forbids it. */
export class PolicyError extends EdgewiseError {
  override readonly name = 'PolicyError';
  constructor(
    code: 'egress-forbidden' | 'no-tier' | 'refused' | 'key-in-page',
    message: string,
    options?: ErrorOptions,
  ) {
    super(code, message, options);
  }
}

/** Something did not answer in time. */
export class TimeoutError extends EdgewiseError {
  override readonly name = 'TimeoutError';
  constructor(
    code: 'first-token-timeout' | 'idle-timeout' | 'load-timeout' | 'total-timeout',
    message: string,
    options?: ErrorOptions,
  ) {
    super(code, message, options);
  }
}

/** Rows, labels or a calibration that cannot be used as they are: the message says what to change. */
export class DataError extends EdgewiseError {
  override readonly name = 'DataError';
  constructor(
    code:
      | 'bad-row'
      | 'too-few-rows'
      | 'no-signal'
      | 'bad-calibration'
      | 'calibration-mismatch'
      | 'data-changed'
      | 'bad-state',
    message: string,
    options?: ErrorOptions,
  ) {
    super(code, message, options);
  }
}
