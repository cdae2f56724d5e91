import { readEntry } from '../../audit/log-entry.ts';
import type { Fields } from '../../audit/logged-call.ts';
import { readCsvCalls } from '../../audit/csv-calls.ts';
import { DataError } from '../../errors.ts';
import { decodeText } from '../../evaluate/read-outcomes.ts';
import { parseCsv } from '../../specialise/csv.ts';

/** A row that may be labelled. */
export interface LabelRow {
  readonly id: string;
  readonly text: string;
  /** Of the cloud; `null` = unknown. */
  readonly cloudAnswer: string | null;
  /** Of the device, where the file has it. */
  readonly deviceAnswer: string | null;
  readonly score: number | null;
}

/**
 * Rows of a file: a log as `edgewise audit` reads it, JSON lines `{ id?, text, deviceAnswer?,
 * cloudAnswer?, score? }`, or a CSV with a header whose first column, or the one named text, is the
 * text. A text that comes again is one row. Lines without a text are left out.
 *
 * @throws DataError `too-few-rows` when none has a text.
 */
export async function readLabelRows(bytes: Uint8Array, source: string): Promise<LabelRow[]> {
  const text = await decodeText(bytes, source);
  const isJson = text.trimStart().startsWith('{');
  const rows = isJson ? readLines(text) : readCsv(text, source);
  const byText = new Map<string, LabelRow>();
  for (const row of rows) if (!byText.has(row.text)) byText.set(row.text, row);
  const distinct = withOwnIds([...byText.values()]);
  if (distinct.length > 0) return distinct;
  throw new DataError(
    'too-few-rows',
    `${source} has no row with a text: give JSON lines { "text" }, a log, or a CSV with a header.`,
  );
}

function readLines(text: string): LabelRow[] {
  return text.split('\n').flatMap((line, index) => {
    const fields = parseObject(line);
    return fields === null ? [] : readObject(fields, `line-${index + 1}`);
  });
}

function readObject(fields: Fields, place: string): LabelRow[] {
  const { id, text, deviceAnswer, cloudAnswer, score } = fields;
  const name = typeof id === 'string' || typeof id === 'number' ? String(id) : place;
  const entry = readEntry(fields);
  if (entry.status === 'calls') {
    return entry.calls.map((call, index) => ({
      id: entry.calls.length === 1 ? name : `${name}-${index + 1}`,
      text: call.text,
      cloudAnswer: textOrNull(cloudAnswer) ?? call.answer,
      deviceAnswer: textOrNull(deviceAnswer),
      score: numberOrNull(score),
    }));
  }
  if (typeof text !== 'string' || text.trim() === '') return [];
  return [
    {
      id: name,
      text,
      cloudAnswer: textOrNull(cloudAnswer),
      deviceAnswer: textOrNull(deviceAnswer),
      score: numberOrNull(score),
    },
  ];
}

/** One column holds texts alone. */
function readCsv(text: string, source: string): LabelRow[] {
  const records = parseCsv(text, source);
  const unknown = { deviceAnswer: null, score: null };
  if ((records[0]?.fields.length ?? 0) < 2) {
    return records
      .slice(1)
      .flatMap(({ fields: [first = ''], line }) =>
        first.trim() === ''
          ? []
          : [{ id: `line-${line}`, text: first, cloudAnswer: null, ...unknown }],
      );
  }
  return readCsvCalls(records).calls.map(({ text: asked, answer }, index) => ({
    id: `row-${index + 1}`,
    text: asked,
    cloudAnswer: answer,
    ...unknown,
  }));
}

/** Two rows with one id would be one request to whoever reads the labels. */
function withOwnIds(rows: readonly LabelRow[]): LabelRow[] {
  const seen = new Set<string>();
  return rows.map((row, index) => {
    const id = seen.has(row.id) ? `${row.id}#${index + 1}` : row.id;
    seen.add(id);
    return { ...row, id };
  });
}

function parseObject(line: string): Fields | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Fields)
      : null;
  } catch {
    return null; // A line that is no JSON has no text to label.
  }
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function numberOrNull(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
