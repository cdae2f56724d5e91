/**
 * `fetch` for `file:` addresses, which Node's own lacks: models come from a local folder. Reads in
 * pieces and honours `Range`, so that no file is ever in memory as a whole.
 */
export const fetchFile: typeof fetch = async (input, init) => {
  const url = new URL(input instanceof Request ? input.url : input);
  init?.signal?.throwIfAborted();
  const { open } = nodeModule('node:fs/promises');
  try {
    const file = await open(url, 'r');
    const { size } = await file.stat();
    const range = readRange(new Headers(init?.headers).get('range'), size);
    if (range === null) {
      await file.close();
      return new Response(null, { status: 416, headers: { 'content-range': `bytes */${size}` } });
    }
    return createResponse(file, size, range);
  } catch (error) {
    if (isMissing(error)) return new Response(null, { status: 404 });
    // As network failures surface from `fetch`, so that callers need one case.
    throw new TypeError(`Could not read ${url.pathname}`, { cause: error });
  }
};

/** Whether this `fetch` is needed and possible. */
export function canFetchFiles(): boolean {
  return typeof process === 'object' && typeof process.getBuiltinModule === 'function';
}

type FileHandle = Awaited<ReturnType<typeof import('node:fs/promises').open>>;

interface ByteRange {
  readonly start: number;
  /** After the last byte. */
  readonly end: number;
  readonly isPartial: boolean;
}

/** Bytes per read: large enough to be quick, small enough to stay responsive. */
const PIECE_BYTES = 1024 * 1024;

/** Not an `import`, which would follow every browser bundle and stop some. */
function nodeModule(name: 'node:fs/promises'): typeof import('node:fs/promises') {
  return process.getBuiltinModule(name);
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/** Understands `bytes=from-to` and `bytes=from-`; `null` when nothing of it is in the file. */
function readRange(header: string | null, size: number): ByteRange | null {
  const parts = /^bytes=(\d+)-(\d*)$/.exec(header ?? '');
  if (parts === null) return { start: 0, end: size, isPartial: false };
  const start = Number(parts[1]);
  const end = parts[2] ? Math.min(Number(parts[2]) + 1, size) : size;
  return start < end ? { start, end, isPartial: true } : null;
}

function createResponse(file: FileHandle, size: number, range: ByteRange): Response {
  const { start, end, isPartial } = range;
  const headers = new Headers({ 'content-length': String(end - start), 'accept-ranges': 'bytes' });
  if (isPartial) headers.set('content-range', `bytes ${start}-${end - 1}/${size}`);
  return new Response(createBody(file, range), { status: isPartial ? 206 : 200, headers });
}

function createBody(file: FileHandle, { start, end }: ByteRange): ReadableStream<Uint8Array> {
  let position = start;
  return new ReadableStream({
    async pull(controller) {
      const piece = new Uint8Array(Math.min(PIECE_BYTES, end - position));
      const { bytesRead } = await file.read(piece, 0, piece.length, position);
      position += bytesRead;
      if (bytesRead > 0) controller.enqueue(piece.subarray(0, bytesRead));
      if (bytesRead === 0 || position >= end) {
        await file.close();
        controller.close();
      }
    },
    cancel: () => file.close(),
  });
}
