import type { EngineStep } from '../types.ts';
import type { LinkKeeper } from './link-keeper.ts';
import type { GenerateRequest } from './protocol.ts';
import { createStepStream } from './step-stream.ts';

export interface GenerateOptions {
  readonly signal?: AbortSignal | undefined;
}

/** A run that starts with its first read and ends in the host when its reader leaves or aborts. */
export function openRun(
  links: LinkKeeper,
  request: GenerateRequest,
  { signal }: GenerateOptions,
): AsyncIterable<EngineStep> {
  let stopRun: () => void = () => undefined;
  let isOver = false;
  const onAbort = (): void => stream.abort(signal?.reason);

  const stream = createStepStream({
    onFirstRead() {
      if (signal?.aborted === true) onAbort();
      else void begin();
    },
    onEnd() {
      isOver = true;
      signal?.removeEventListener('abort', onAbort);
      stopRun();
    },
  });

  async function begin(): Promise<void> {
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const link = await links.open(signal);
      if (!isOver) stopRun = link.generate(request, stream);
    } catch (error) {
      stream.fail(error);
    }
  }

  return stream;
}
