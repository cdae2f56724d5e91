import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { DataError } from '../../errors.ts';
import { dataHash } from '../../evaluate/data-hash.ts';
import type { LoopStream } from '../../evaluate/loop-figures.ts';
import { evaluateLoop } from '../../evaluate/loop.ts';
import { readOutcomes } from '../../evaluate/read-outcomes.ts';
import {
  COMMON_HELP,
  type EvaluationInput,
  readInputFile,
  runEvaluation,
} from '../evaluation-command.ts';

const HELP = `Usage: edgewise evaluate loop --stream FILE|FOLDER [options]

Replays a stream of requests that changes half-way through the self-optimising loop: how much is lost
and kept before and after, beside the certificate's threshold left alone, and how often judges that
lie loosen it. FILE holds outcomes as JSON lines, gzipped or not, in the order of the requests:
{ "id", "score", "deviceCorrect", "cloudCorrect"?, "t"?, "judge"?, "canary"? }. Rows with "canary"
are no requests: their "judge" says how the judge answered a known-wrong answer. A FOLDER holds
NAME.stream.jsonl files, each beside its NAME.labels.jsonl; scripts/loop-stream.mjs writes them.

  --stream FILE     the requests, or a folder of streams
  --labels FILE     labelled requests for the certificate (default: the first ones of the stream)
  --label-rows N    how many the stream's first rows give (default 1000)
  --shift-at N      row of the stream at which it changes (default: its middle)
  --alpha SHARE     most loss (default 0.02)
  --delta SHARE     accepted risk (default 0.1)
  --shadow-rate E   share of kept requests that are checked (default 0.1)
  --window N        requests per window (default 2000)
  --runs N          runs, spread over the streams, each with its own checks (default 20)
${COMMON_HELP}`;

const OPTIONS = {
  stream: { type: 'string' },
  labels: { type: 'string' },
  'label-rows': { type: 'string' },
  'shift-at': { type: 'string' },
  alpha: { type: 'string' },
  delta: { type: 'string' },
  'shadow-rate': { type: 'string' },
  window: { type: 'string' },
  runs: { type: 'string' },
} as const;

const STREAM_END = /\.stream\.jsonl(\.gz)?$/u;
const SHARE = { min: 0.0001, max: 0.9999 } as const;
const MAX_ROWS = 10_000_000;
const MAX_RUNS = 10_000;

interface ReadStream {
  readonly stream: LoopStream;
  readonly bytes: readonly Uint8Array[];
}

/** `edgewise evaluate loop`. */
export function run(argv: readonly string[]): Promise<number> {
  return runEvaluation(argv, {
    name: 'loop',
    help: HELP,
    unit: 'runs',
    options: OPTIONS,
    async measure(input) {
      const read = await readStreams(input);
      const bytes = read.flatMap((each) => each.bytes);
      return evaluateLoop(
        read.map(({ stream }) => stream),
        {
          alpha: input.number('alpha', { fallback: 0.02, ...SHARE }),
          delta: input.number('delta', { fallback: 0.1, ...SHARE }),
          shadowRate: input.number('shadow-rate', { fallback: 0.1, min: 0, max: 1 }),
          windowRequests: count(input, 'window', 2_000),
          runs: input.number('runs', { fallback: 20, min: 1, max: MAX_RUNS, isWhole: true }),
          seed: input.seed,
          dataSha256: await dataHash(Buffer.concat(bytes)),
          signal: input.signal,
          onProgress: input.onProgress,
        },
      );
    },
  });
}

function count(input: EvaluationInput, name: string, fallback: number): number {
  return input.number(name, { fallback, min: 1, max: MAX_ROWS, isWhole: true });
}

async function readStreams(input: EvaluationInput): Promise<ReadStream[]> {
  const place = input.requiredText('stream');
  if (!(await isFolder(place))) return [await readStream(input, place, input.text('labels'))];
  const names = (await readdir(place)).filter((name) => STREAM_END.test(name)).toSorted(byNumber);
  if (names.length === 0) {
    throw new DataError('too-few-rows', `${place} holds no file NAME.stream.jsonl.`);
  }
  const streams: ReadStream[] = [];
  for (const name of names) {
    const file = path.join(place, name);
    streams.push(await readStream(input, file, file.replace(STREAM_END, '.labels.jsonl$1')));
  }
  return streams;
}

async function readStream(
  input: EvaluationInput,
  file: string,
  labelsFile: string | undefined,
): Promise<ReadStream> {
  const bytes = await readInputFile(file);
  const rows = await readOutcomes(bytes, file);
  const middle = Math.floor(rows.length / 2);
  const shiftAt = count(input, 'shift-at', Math.max(1, middle));
  if (labelsFile === undefined) {
    const labelRows = count(input, 'label-rows', 1_000);
    const [labels, requests] = [rows.slice(0, labelRows), rows.slice(labelRows)];
    return {
      stream: { labels, requests, shiftAt: Math.max(0, shiftAt - labelRows) },
      bytes: [bytes],
    };
  }
  const labelBytes = await readInputFile(labelsFile);
  const labels = await readOutcomes(labelBytes, labelsFile);
  return { stream: { labels, requests: rows, shiftAt }, bytes: [bytes, labelBytes] };
}

async function isFolder(place: string): Promise<boolean> {
  try {
    return (await stat(place)).isDirectory();
  } catch {
    // Not there: reading it as a file says so, with what to do.
    return false;
  }
}

function byNumber(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}
