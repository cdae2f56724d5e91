/** One call of a log: what was asked and what the cloud answered. Unknown stays `null`. */
export interface LoggedCall {
  /** What the device would have got: the last message of the person. */
  readonly text: string;
  /** What the app told the model to do, the same for all calls of one task; `null` = unknown. */
  readonly instructions: string | null;
  /** What the cloud answered; an object as JSON. */
  readonly answer: string;
  /** Milliseconds since the epoch. */
  readonly timeMs: number | null;
  readonly durationMs: number | null;
  readonly costUsd: number | null;
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
}

/** What a log is written in. */
export type LogForm = 'openai' | 'ai-sdk' | 'text-answer' | 'csv';

/** Why a line was left out. */
export type SkippedLine =
  /** No JSON object, or a CSV row with another number of columns than its header. */
  | 'malformed'
  | 'no-request'
  | 'no-answer'
  /** The cloud answered with an error. */
  | 'failed-call'
  /** Images, files or sound: a student reads text. */
  | 'not-text';

/** A log once it is read. */
export interface Log {
  /** The form of most calls. */
  readonly form: LogForm;
  readonly calls: readonly LoggedCall[];
  /** Calls that were read and are too old to be kept: only the last ones of a huge log are. */
  readonly droppedCalls: number;
  readonly skipped: Readonly<Record<SkippedLine, number>>;
  /** Line of the first one that was left out, from 1; `null`: none was. */
  readonly firstSkippedLine: number | null;
}

/** What one object of a log comes to. */
export type LogEntry =
  | { readonly status: 'calls'; readonly form: LogForm; readonly calls: readonly LoggedCall[] }
  | { readonly status: 'half'; readonly key: string; readonly half: Fields }
  | { readonly status: 'skipped'; readonly reason: SkippedLine };

export type Fields = Readonly<Record<string, unknown>>;
