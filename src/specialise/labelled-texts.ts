import { DataError } from '../errors.ts';
import type { LabelledText } from '../students/train-ngram.ts';
import { parseCsv, type CsvRecord } from './csv.ts';

/**
 * Rows of a training or test file: CSV with a header, first column text, second label, or JSON lines
 * `{"text", "label"}`. Which of the two it is shows in the first character. Texts may be empty,
 * labels may not. White space around a label does not count.
 *
 * @throws DataError `bad-row` with the line number; `too-few-rows` when there is none.
 */
export function readLabelledTexts(bytes: Uint8Array, source = 'the rows'): LabelledText[] {
  const text = decode(bytes, source);
  const isJson = text.trimStart().startsWith('{');
  const rows = isJson ? readJsonLines(text, source) : readCsvRows(text, source);
  if (rows.length > 0) return rows;
  const form =
    'CSV with a header, first column text, second label, or JSON lines {"text", "label"}';
  throw new DataError('too-few-rows', `${source} holds no rows: give ${form}.`);
}

/** A byte order mark is no part of the text. */
function decode(bytes: Uint8Array, source: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new DataError('bad-row', `${source} is not UTF-8: save it as UTF-8.`, { cause });
  }
}

function readJsonLines(text: string, source: string): LabelledText[] {
  const rows: LabelledText[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const place = { source, line: index + 1 };
    const { text: rowText, label } = parseObject(line, place);
    if (typeof rowText !== 'string') throw badRow(place, '"text" is missing or no text');
    if (typeof label !== 'string' && typeof label !== 'number') {
      throw badRow(place, '"label" is missing or neither text nor a number');
    }
    rows.push({ text: rowText, label: checkLabel(String(label), place) });
  }
  return rows;
}

function readCsvRows(text: string, source: string): LabelledText[] {
  const [header, ...records] = parseCsv(text, source);
  if (header === undefined) return [];
  if (header.fields.length < 2) {
    throw badRow(
      { source, line: header.line },
      'its header has one column, and it takes two: text and label',
    );
  }
  return records.map((record) => readRecord(record, { source, columns: header.fields.length }));
}

function readRecord(
  { fields, line }: CsvRecord,
  { source, columns }: { readonly source: string; readonly columns: number },
): LabelledText {
  const [text = '', label = ''] = fields;
  if (fields.length !== columns) {
    throw badRow(
      { source, line },
      `it has ${fields.length} columns where the header has ${columns}; a text with commas stands in quotes`,
    );
  }
  return { text, label: checkLabel(label, { source, line }) };
}

interface Place {
  readonly source: string;
  readonly line: number;
}

function parseObject(line: string, place: Place): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null) {
      return value as Readonly<Record<string, unknown>>;
    }
  } catch {
    // JSON.parse quotes the text it failed on, and that may be private: it is no cause to keep.
    throw badRow(place, 'it is no JSON');
  }
  throw badRow(place, 'it is no JSON object');
}

function checkLabel(label: string, place: Place): string {
  const trimmed = label.trim();
  if (trimmed === '') throw badRow(place, 'its label is empty');
  return trimmed;
}

function badRow({ source, line }: Place, problem: string): DataError {
  return new DataError('bad-row', `Line ${line} of ${source} cannot be used: ${problem}.`, {
    details: { line },
  });
}
