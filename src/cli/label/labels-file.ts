import { mkdir, open, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { DataError, StorageError } from '../../errors.ts';
import type { LabelledLine } from './label-task.ts';

/** The file of labels: a line is on the disk before the next row is shown. */
export interface LabelsFile {
  readonly lines: readonly LabelledLine[];
  append(line: LabelledLine): Promise<void>;
  /** Takes the last line back; nothing without one. */
  removeLast(): Promise<void>;
  close(): Promise<void>;
}

/** How every line begins. */
const LINE_START = '{"id":';

/**
 * Opens a file of labels, or makes it. A last line that a crash tore is cut off.
 *
 * @throws DataError `data-changed` when its lines belong to another plan, `bad-row` when a line is
 * none of ours; StorageError when the disk refuses.
 */
export async function openLabelsFile(file: string, plan: string): Promise<LabelsFile> {
  const handle = await onDisk(file, async () => {
    await mkdir(path.dirname(path.resolve(file)), { recursive: true });
    return open(file, 'a+').then(async (made) => {
      await made.close();
      return open(file, 'r+');
    });
  });
  try {
    const { lines, sizes } = readLines(await handle.readFile(), { file, plan });
    await handle.truncate(sizes.reduce((sum, size) => sum + size, 0));
    return createFile(handle, { file, lines, sizes });
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function createFile(
  handle: FileHandle,
  { file, lines, sizes }: { file: string; lines: LabelledLine[]; sizes: number[] },
): LabelsFile {
  let end = sizes.reduce((sum, size) => sum + size, 0);

  return {
    lines,
    append: (line) =>
      onDisk(file, async () => {
        const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
        // What a failed write left behind the end must not stay there.
        await handle.truncate(end);
        await handle.write(bytes, 0, bytes.length, end);
        await handle.sync();
        end += bytes.length;
        lines.push(line);
        sizes.push(bytes.length);
      }),
    removeLast: () =>
      onDisk(file, async () => {
        const size = sizes.at(-1) ?? 0;
        await handle.truncate(end - size);
        await handle.sync();
        end -= size;
        lines.pop();
        sizes.pop();
      }),
    close: () => handle.close(),
  };
}

function readLines(
  bytes: Buffer,
  place: { file: string; plan: string },
): { lines: LabelledLine[]; sizes: number[] } {
  const lines: LabelledLine[] = [];
  const sizes: number[] = [];
  let from = 0;
  for (;;) {
    const end = bytes.indexOf('\n', from);
    if (end === -1) break;
    lines.push(parseLine(bytes.toString('utf8', from, end), { ...place, line: lines.length + 1 }));
    sizes.push(end + 1 - from);
    from = end + 1;
  }
  // Only a line of ours may be cut off: the name may be that of somebody's file.
  const rest = bytes.toString('utf8', from);
  const isTorn = rest.startsWith(LINE_START) || LINE_START.startsWith(rest);
  if (!isTorn) throw notOurs(place.file, lines.length + 1);
  return { lines, sizes };
}

function parseLine(
  text: string,
  { file, plan, line }: { file: string; plan: string; line: number },
): LabelledLine {
  const value = parse(text);
  if (typeof value?.id !== 'string' || typeof value.deviceCorrect !== 'boolean') {
    throw notOurs(file, line);
  }
  if (value.plan !== plan) {
    throw new DataError(
      'data-changed',
      `${file} holds labels that were picked from other rows, or with another model or other options: take the same again, or name another file with --out.`,
    );
  }
  return value as LabelledLine;
}

function notOurs(file: string, line: number): DataError {
  return new DataError(
    'bad-row',
    `Line ${line} of ${file} is no label of this command: name another file with --out.`,
    { details: { line } },
  );
}

function parse(text: string): Partial<LabelledLine> | null {
  try {
    return JSON.parse(text) as Partial<LabelledLine> | null;
  } catch {
    return null; // Told with its line; what JSON.parse says may quote a text.
  }
}

async function onDisk<Value>(file: string, action: () => Promise<Value>): Promise<Value> {
  try {
    return await action();
  } catch (cause) {
    throw new StorageError('write-failed', `${file} could not be written.`, { cause });
  }
}
