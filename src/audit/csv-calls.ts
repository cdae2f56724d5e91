import { DataError } from '../errors.ts';
import type { CsvRecord } from '../specialise/csv.ts';
import { readFacts } from './log-entry.ts';
import type { LoggedCall, SkippedLine } from './logged-call.ts';

export interface CsvCalls {
  readonly calls: readonly LoggedCall[];
  readonly skipped: readonly { readonly reason: SkippedLine; readonly line: number }[];
}

/** Names of columns, small letters, without anything but letters and digits. */
const TEXT_COLUMNS = ['text', 'prompt', 'input', 'question', 'query', 'message', 'utterance'];
const ANSWER_COLUMNS = [
  'answer',
  'response',
  'completion',
  'output',
  'label',
  'category',
  'intent',
  'class',
];

/**
 * Calls of a CSV with a header. Columns of text and answer are found by their names, else they are
 * the first and the second; times, costs and tokens by their names alone.
 *
 * @throws DataError `bad-row` when its header has one column.
 */
export function readCsvCalls(records: readonly CsvRecord[]): CsvCalls {
  const [header, ...rows] = records;
  if (header === undefined) return { calls: [], skipped: [] };
  const names = header.fields.map((name) => name.trim());
  if (names.length < 2) {
    throw new DataError(
      'bad-row',
      'The log is neither JSON nor a CSV with columns of text and answer.',
    );
  }
  const { text, answer } = findColumns(names);
  const calls: LoggedCall[] = [];
  const skipped: { reason: SkippedLine; line: number }[] = [];
  for (const { fields, line } of rows) {
    const reason = problemOf(fields, { columns: names.length, text, answer });
    if (reason !== null) {
      skipped.push({ reason, line });
      continue;
    }
    const named = Object.fromEntries(names.map((name, index) => [name, fields[index]]));
    calls.push({
      text: fields[text] ?? '',
      answer: fields[answer] ?? '',
      instructions: null,
      ...readFacts(named, null),
    });
  }
  return { calls, skipped };
}

function findColumns(names: readonly string[]): { text: number; answer: number } {
  const plain = names.map((name) => name.toLowerCase().replaceAll(/[^a-z0-9]/g, ''));
  const find = (wanted: readonly string[]): number =>
    wanted.map((name) => plain.indexOf(name)).find((index) => index !== -1) ?? -1;
  const [text, answer] = [find(TEXT_COLUMNS), find(ANSWER_COLUMNS)];
  const isNamed = text !== -1 && answer !== -1;
  return isNamed ? { text, answer } : { text: 0, answer: 1 };
}

function problemOf(
  fields: readonly string[],
  { columns, text, answer }: { columns: number; text: number; answer: number },
): SkippedLine | null {
  if (fields.length !== columns) return 'malformed';
  if ((fields[text] ?? '').trim() === '') return 'no-request';
  return (fields[answer] ?? '').trim() === '' ? 'no-answer' : null;
}
