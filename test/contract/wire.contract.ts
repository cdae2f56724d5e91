import { expect, it } from 'vitest';
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
} from '../../src/errors.ts';
import { decodeError, encodeError } from '../../src/worker/wire-error.ts';
import type { WireError } from '../../src/worker/wire-error.ts';

const details = { modelId: 'tiny', sizeBytes: 12, isLast: true, note: null };
const options = { details, isRetryable: true };

const ours: readonly EdgewiseError[] = [
  new EdgewiseError('anything', 'A base error.', options),
  new UnsupportedError('no-simd', 'No SIMD here.', options),
  new ModelError('not-found', 'No such model.', options),
  new StorageError('quota-exceeded', 'The disk is full.', options),
  new NetworkError('offline', 'No network.', options),
  new EngineError('worker-crashed', 'The worker stopped.', options),
  new PolicyError('refused', 'Not allowed.', options),
  new TimeoutError('idle-timeout', 'Too late.', options),
  new DataError('bad-row', 'Line 3 is no outcome.', options),
];

const natives: readonly Error[] = [
  new TypeError('Call it like this.'),
  new RangeError('Between 1 and 4.'),
  new SyntaxError('Unexpected token.'),
  new Error('Something else.'),
];

/** `send` carries an encoded error to the other side, where it is made real and sent back. */
export function describeWire(send: (error: WireError) => Promise<WireError>): void {
  const carry = async (error: unknown): Promise<unknown> =>
    decodeError(await send(encodeError(error)));

  it.each(ours.map((error) => [error.name, error] as const))(
    'carries %s whole',
    async (_, error) => {
      const received = (await carry(error)) as EdgewiseError;
      expect(received).toBeInstanceOf(error.constructor);
      expect(received.constructor).toBe(error.constructor);
      expect(EdgewiseError.is(received)).toBe(true);
      const { name, code, message, isRetryable } = received;
      expect({ name, code, message, isRetryable }).toEqual({
        name: error.name,
        code: error.code,
        message: error.message,
        isRetryable: true,
      });
      expect(received.details).toEqual(details);
    },
  );

  it.each(natives.map((error) => [error.name, error] as const))(
    'carries %s with its class',
    async (_, error) => {
      const received = (await carry(error)) as Error;
      expect(received.constructor).toBe(error.constructor);
      expect(received.message).toBe(error.message);
    },
  );

  it('carries an AbortError as a DOMException', async () => {
    const received = await carry(new DOMException('Stopped by the person.', 'AbortError'));
    expect(received).toBeInstanceOf(DOMException);
    expect(received).toMatchObject({ name: 'AbortError', message: 'Stopped by the person.' });
  });

  it('carries the stacks of both sides', async () => {
    const error = new EngineError('internal', 'Somewhere deep.');
    const received = (await carry(error)) as Error;
    expect(received.stack).toContain(error.stack);
    expect(received.stack?.split('received from the other side').length).toBe(3);
  });

  it('carries the whole chain of causes', async () => {
    const root = new RangeError('too long');
    const middle = new NetworkError('truncated', 'Cut off.', { cause: root });
    const received = (await carry(
      new ModelError('no-source', 'Nowhere.', { cause: middle }),
    )) as Error;
    expect(received.cause).toBeInstanceOf(NetworkError);
    const cause = received.cause as NetworkError;
    expect(cause.code).toBe('truncated');
    expect(cause.cause).toBeInstanceOf(RangeError);
    expect((cause.cause as Error).message).toBe('too long');
  });

  it('keeps no cause where there was none', async () => {
    const received = (await carry(new EngineError('closed', 'Closed.'))) as Error;
    expect('cause' in received).toBe(false);
  });

  it('ends a chain of causes that bites its tail', async () => {
    const error = new Error('snake');
    error.cause = error;
    let depth = 0;
    for (let at = await carry(error); at instanceof Error; at = at.cause) depth += 1;
    expect(depth).toBeGreaterThan(1);
    expect(depth).toBeLessThan(20);
  });

  it('names an error class it does not know', async () => {
    const error = Object.assign(new Error('unreachable'), { name: 'RuntimeError' });
    expect(await carry(error)).toMatchObject({ name: 'RuntimeError', message: 'unreachable' });
  });

  it.each([['text'], [7], [null], [undefined], [false]])(
    'carries the thrown value %s',
    async (value) => {
      expect(await carry(value)).toBe(value);
    },
  );
}
