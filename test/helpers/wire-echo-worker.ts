import { decodeError, encodeError, isWireError } from '../../src/worker/wire-error.ts';

/** Makes a real error of what arrives, and sends that back. */
addEventListener('message', ({ data }: MessageEvent<unknown>) => {
  if (isWireError(data)) postMessage(encodeError(decodeError(data)));
});
