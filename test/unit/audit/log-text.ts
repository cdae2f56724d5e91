import { readLog } from '../../../src/audit/read-log.ts';
import type { Log } from '../../../src/audit/logged-call.ts';

/** A stream of these bytes in pieces as small as asked. */
export function streamOf(content: string | Uint8Array, pieceBytes = 7): ReadableStream<Uint8Array> {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  let from = 0;
  return new ReadableStream({
    pull(controller) {
      if (from >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(from, (from += pieceBytes)));
    },
  });
}

export function readText(content: string | Uint8Array, pieceBytes?: number): Promise<Log> {
  return readLog(streamOf(content, pieceBytes));
}

export function lines(...entries: readonly unknown[]): string {
  return entries
    .map((entry) => (typeof entry === 'string' ? entry : JSON.stringify(entry)))
    .join('\n');
}
