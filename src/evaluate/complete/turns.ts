import { DataError } from '../../errors.ts';

/** A text that somebody wrote, to be written again with suggestions. */
export interface WritingTurn {
  readonly id: string;
  readonly text: string;
  /** What was said just before it, oldest first. */
  readonly context: readonly string[];
}

export interface TurnLimits {
  readonly fewestWords: number;
  readonly mostWords: number;
  /** Earlier turns of the dialogue that come with the text. */
  readonly contextTurns: number;
}

type Turn = readonly [speaker: 'u' | 'a', text: string];

interface Dialogue {
  readonly id: string;
  readonly turns: readonly Turn[];
}

/** Shorter ones say little about writing, longer ones weigh too much. */
const DEFAULT_LIMITS: TurnLimits = { fewestWords: 5, mostWords: 20, contextTurns: 4 };

/**
 * One user turn of each dialogue that is neither short nor long, so that turns are independent of
 * each other; which one is drawn by the dialogue's id, since openings alone are easier. One JSON object `{ id, turns: [["u" | "a", text], …] }` a line.
 *
 * @throws DataError `bad-row` with the line number; `too-few-rows` when no turn fits.
 */
export function readTurns(
  text: string,
  source: string,
  limits: TurnLimits = DEFAULT_LIMITS,
): WritingTurn[] {
  const turns = readDialogues(text, source).flatMap((dialogue) => turnOf(dialogue, limits));
  if (turns.length > 0) return turns;
  const { fewestWords, mostWords } = limits;
  throw new DataError(
    'too-few-rows',
    `${source} has no user turn of ${fewestWords} to ${mostWords} words.`,
  );
}

/** Every user turn, in the order of the file: what a person wrote before. */
export function readMessages(text: string, source: string): string[] {
  return readDialogues(text, source).flatMap(({ turns }) =>
    turns.flatMap(([speaker, said]) => (speaker === 'u' && said.trim() !== '' ? [said] : [])),
  );
}

function turnOf({ id, turns }: Dialogue, limits: TurnLimits): WritingTurn[] {
  const fitting = [...turns.keys()].filter((index) => isFitting(turns[index], limits));
  const index = fitting[hashOf(id) % fitting.length];
  const turn = index === undefined ? undefined : turns[index];
  if (index === undefined || turn === undefined) return [];
  const context = turns.slice(Math.max(0, index - limits.contextTurns), index);
  return [{ id, text: turn[1].trim(), context: context.map(([, said]) => said.trim()) }];
}

function isFitting(turn: Turn | undefined, { fewestWords, mostWords }: TurnLimits): boolean {
  if (turn?.[0] !== 'u') return false;
  const words = turn[1].trim().split(/\s+/u).length;
  return words >= fewestWords && words <= mostWords;
}

/** FNV-1a, 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

function readDialogues(text: string, source: string): Dialogue[] {
  return text
    .split('\n')
    .flatMap((line, index) => (line.trim() === '' ? [] : [parse(line, source, index + 1)]));
}

function parse(line: string, source: string, number: number): Dialogue {
  const value = parseJson(line);
  if (isDialogue(value)) return value;
  throw new DataError(
    'bad-row',
    `${source}, line ${number}: a dialogue looks like {"id": "1", "turns": [["u", "Hello"], ["a", "Hi"]]}.`,
    { details: { source, line: number } },
  );
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // Said by the caller, which knows the line.
    return null;
  }
}

function isDialogue(value: unknown): value is Dialogue {
  if (typeof value !== 'object' || value === null) return false;
  const { id, turns } = value as Partial<Record<keyof Dialogue, unknown>>;
  return typeof id === 'string' && Array.isArray(turns) && turns.every((turn) => isTurn(turn));
}

function isTurn(value: unknown): value is Turn {
  if (!Array.isArray(value) || value.length !== 2) return false;
  const [speaker, said]: unknown[] = value;
  return (speaker === 'u' || speaker === 'a') && typeof said === 'string';
}
