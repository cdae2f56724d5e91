export interface LoopbackFetch {
  readonly fetch: typeof fetch;
  /** Range header of each request so far. */
  readonly ranges: readonly (string | null)[];
  sentBytes(): number;
  /** The next answers break after this many bytes; `null`: they are whole. */
  breakAfter(bytes: number | null): void;
}

const PIECE_BYTES = 4_096;

/** Serves one file from memory inside a browser page, by range, and can break off. */
export function createLoopbackFetch(file: Uint8Array<ArrayBuffer>): LoopbackFetch {
  const ranges: (string | null)[] = [];
  let sentBytes = 0;
  let limit: number | null = null;

  function streamOf(body: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
    const breaksAt = limit;
    let offset = 0;
    return new ReadableStream({
      pull(controller) {
        if (breaksAt !== null && offset >= breaksAt) {
          controller.error(new TypeError('network error'));
          return;
        }
        const piece = body.slice(offset, offset + PIECE_BYTES);
        if (piece.length === 0) return controller.close();
        offset += piece.length;
        sentBytes += piece.length;
        controller.enqueue(piece);
      },
    });
  }

  return {
    ranges,
    sentBytes: () => sentBytes,
    breakAfter(bytes) {
      limit = bytes;
    },
    fetch: async (_input, init) => {
      init?.signal?.throwIfAborted();
      const range = new Headers(init?.headers).get('range');
      ranges.push(range);
      const [, start = '0', end = String(file.length - 1)] = /(\d+)-(\d+)/.exec(range ?? '') ?? [];
      return new Response(streamOf(file.subarray(Number(start), Number(end) + 1)), {
        status: range ? 206 : 200,
        headers: { 'content-range': `bytes ${start}-${end}/${file.length}` },
      });
    },
  };
}
