import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { ModelError } from '../errors.ts';
import { createProgressMeter } from '../weights/progress-meter.ts';
import { nodeErrorCode } from './disk-error.ts';
import type { ModelWriter } from './model-writer.ts';
import type { SourceContext } from './source-reader.ts';

/** Copies a file of this machine into `writer`. Throws `ModelError` `no-source` if there is none. */
export async function readFileSource(
  path: string,
  writer: ModelWriter,
  context: SourceContext,
): Promise<void> {
  const meter = createProgressMeter({
    totalBytes: await sizeOf(path),
    doneBytes: 0,
    source: 'this machine',
    onProgress: (progress) => context.report.progress(progress),
    now: () => performance.now(),
  });
  for await (const piece of createReadStream(path, { highWaterMark: 2 ** 20 })) {
    context.signal.throwIfAborted();
    await writer.write(piece);
    meter.add(piece.length);
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    const facts = await stat(path);
    if (facts.isFile()) return facts.size;
  } catch (cause) {
    const code = nodeErrorCode(cause);
    const what = code === 'ENOENT' ? 'There is no file' : `Could not read (${code})`;
    throw new ModelError('no-source', `${what} ${path}.`, { cause, details: { path, code } });
  }
  throw new ModelError('no-source', `${path} is not a file.`, { details: { path } });
}
