import { DataError } from '../errors.ts';

export interface CsvRecord {
  /** At least one. */
  readonly fields: readonly string[];
  /** Line on which it begins, from 1. */
  readonly line: number;
}

interface Field {
  readonly value: string;
  readonly isQuoted: boolean;
  /** Behind the comma or line end after it. */
  readonly next: number;
  readonly endsRecord: boolean;
}

/**
 * Records of comma-separated text (RFC 4180): quoted fields may hold commas, line ends and doubled
 * quotes. Lines that are empty are no records; line ends may be LF, CRLF or CR.
 *
 * @throws DataError `bad-row` with the line on which a broken quote opens.
 */
export function parseCsv(text: string, source: string): CsvRecord[] {
  const records: CsvRecord[] = [];
  let fields: string[] = [];
  let line = 1;
  let startLine = 1;
  for (let position = 0; position < text.length || fields.length > 0;) {
    const field = readField(text, position);
    if (field === null) throw brokenQuote(source, line);
    fields.push(field.value);
    line += countLineEnds(text.slice(position, field.next));
    position = field.next;
    if (!field.endsRecord) continue;
    const isEmptyLine = fields.length === 1 && field.value === '' && !field.isQuoted;
    if (!isEmptyLine) records.push({ fields, line: startLine });
    fields = [];
    startLine = line;
  }
  return records;
}

/** `null` when its quotes are broken. */
function readField(text: string, start: number): Field | null {
  const isQuoted = text[start] === '"';
  const end = isQuoted ? endOfQuoted(text, start) : endOfPlain(text, start);
  if (end === null) return null;
  const value = isQuoted
    ? text.slice(start + 1, end - 1).replaceAll('""', '"')
    : text.slice(start, end);
  const after = text[end];
  if (after === ',') return { value, isQuoted, next: end + 1, endsRecord: false };
  if (after === undefined) return { value, isQuoted, next: end, endsRecord: true };
  if (after !== '\n' && after !== '\r') return null;
  const next = end + (after === '\r' && text[end + 1] === '\n' ? 2 : 1);
  return { value, isQuoted, next, endsRecord: true };
}

/** Behind the closing quote; `null` when there is none. */
function endOfQuoted(text: string, start: number): number | null {
  for (let from = start + 1; ;) {
    const quote = text.indexOf('"', from);
    if (quote === -1) return null;
    if (text[quote + 1] !== '"') return quote + 1;
    from = quote + 2;
  }
}

function endOfPlain(text: string, start: number): number {
  const stop = /[,\r\n]/g;
  stop.lastIndex = start;
  return stop.exec(text)?.index ?? text.length;
}

function countLineEnds(text: string): number {
  return text.match(/\r\n|\n|\r/g)?.length ?? 0;
}

function brokenQuote(source: string, line: number): DataError {
  return new DataError(
    'bad-row',
    `Line ${line} of ${source} has a quote that is not closed, or text behind a closing quote: a quote inside a quoted field is doubled.`,
    { details: { line } },
  );
}
