import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import {
  DEFAULT_ALPHAS,
  DEFAULT_DELTA,
  DEFAULT_MOST_TRAINING,
  auditLog,
} from '../audit/audit-log.ts';
import { drawAudit, reportAudit } from '../audit/audit-report.ts';
import { describeAudit } from '../audit/audit-text.ts';
import type { CallPrices } from '../audit/call-price.ts';
import type { Log } from '../audit/logged-call.ts';
import { readLog } from '../audit/read-log.ts';
import { DataError } from '../errors.ts';
import { nodeErrorCode } from './disk-error.ts';
import {
  COMMON_HELP,
  runEvaluation,
  type EvaluationInput,
  type EvaluationOutput,
} from './evaluation-command.ts';
import { UsageError } from './usage-error.ts';

const HELP = `Usage: edgewise audit --log FILE [options]

What share of your calls could have been answered on the device, at which certified loss, and what that
would save; before anything is installed. Nothing is sent. A student learns from one part of the log and
is judged on the rest, with the answers of your cloud as labels: the certificate says how often a kept
answer would differ from the cloud's, not from the truth.

  --log FILE              JSON lines of OpenAI or AI SDK requests and answers, or a CSV with a header
                          and columns of text and answer; .gz too (docs/audit.md lists the shapes)
  --price-per-call USD    what a call costs, where the log has neither costs nor tokens
  --price-input USD       price of a million input tokens, for logs that count tokens
  --price-output USD      price of a million output tokens
  --alpha LIST            loss budgets as shares (default ${DEFAULT_ALPHAS.join(',')})
  --delta SHARE           accepted risk that a promise is wrong (default ${DEFAULT_DELTA})
  --train-rows N          most texts to learn from, the latest ones (default ${DEFAULT_MOST_TRAINING})
${COMMON_HELP}`;

/** Of the whole time, about: the rest is training and judging. */
const READING_PROGRESS = 0.1;
const PROGRESS_STEPS = 100;
const MOST_TRAINING = 200_000;
/** Budgets and risks of exactly 0 or 1 promise everything or nothing. */
const SMALLEST_SHARE = 1e-6;

/** `edgewise audit`. */
export function run(argv: readonly string[]): Promise<number> {
  return runEvaluation(argv, {
    name: 'audit',
    help: HELP,
    unit: 'percent',
    options: {
      log: { type: 'string' },
      'price-per-call': { type: 'string' },
      'price-input': { type: 'string' },
      'price-output': { type: 'string' },
      alpha: { type: 'string' },
      delta: { type: 'string' },
      'train-rows': { type: 'string' },
    },
    measure,
  });
}

async function measure(input: EvaluationInput): Promise<EvaluationOutput> {
  const file = input.requiredText('log');
  const options = {
    prices: readPrices(input),
    alphas: readAlphas(input.text('alpha')),
    delta: input.number('delta', {
      fallback: DEFAULT_DELTA,
      min: SMALLEST_SHARE,
      max: 1 - SMALLEST_SHARE,
    }),
    mostTraining: input.number('train-rows', {
      fallback: DEFAULT_MOST_TRAINING,
      min: 1,
      max: MOST_TRAINING,
      isWhole: true,
    }),
    seed: input.seed,
    signal: input.signal,
  };
  const report = (share: number): void =>
    input.onProgress(Math.floor(share * PROGRESS_STEPS), PROGRESS_STEPS);
  const { log, sha256 } = await readFile(file, {
    signal: input.signal,
    onShare: (share) => report(share * READING_PROGRESS),
  });
  const audit = await auditLog(log, {
    ...options,
    onProgress: (share) => report(READING_PROGRESS + share * (1 - READING_PROGRESS)),
  });
  const chart = drawAudit(audit);
  return {
    report: reportAudit(audit, sha256),
    text: describeAudit(audit),
    ...(chart === null ? {} : { chart }),
  };
}

function readPrices(input: EvaluationInput): CallPrices {
  const read = (name: string): number | undefined =>
    input.text(name) === undefined
      ? undefined
      : input.number(name, { fallback: 0, min: 0, max: Number.MAX_VALUE });
  const [call, tokensIn, tokensOut] = ['price-per-call', 'price-input', 'price-output'].map(read);
  if ((tokensIn === undefined) !== (tokensOut === undefined)) {
    throw new UsageError('--price-input and --price-output go together.');
  }
  return {
    ...(call === undefined ? {} : { perCallUsd: call }),
    ...(tokensIn === undefined ? {} : { inputUsdPerMillion: tokensIn }),
    ...(tokensOut === undefined ? {} : { outputUsdPerMillion: tokensOut }),
  };
}

function readAlphas(list: string | undefined): readonly number[] {
  if (list === undefined) return DEFAULT_ALPHAS;
  const alphas = list.split(',').map((text) => (text.trim() === '' ? Number.NaN : Number(text)));
  if (alphas.every((alpha) => alpha > 0 && alpha < 1)) return alphas.toSorted((a, b) => a - b);
  throw new UsageError('--alpha takes shares above 0 and below 1, such as 0.01,0.02.');
}

/** The log, and the hash of its file: both in one pass, since logs may be larger than memory. */
async function readFile(
  file: string,
  { signal, onShare }: { signal: AbortSignal; onShare(share: number): void },
): Promise<{ log: Log; sha256: string }> {
  const hash = createHash('sha256');
  try {
    const { size } = await stat(file);
    const log = await readLog(hashed(file, hash), {
      signal,
      onProgress: (bytes) => onShare(bytes / Math.max(1, size)),
    });
    return { log, sha256: hash.digest('hex') };
  } catch (cause) {
    const code = nodeErrorCode(cause);
    if (!['ENOENT', 'EACCES', 'EPERM', 'EISDIR', 'EIO'].includes(code)) throw cause;
    const problem = code === 'ENOENT' ? 'there is no such file' : 'no access';
    throw new DataError('bad-row', `${file} cannot be read: ${problem}.`, { cause });
  }
}

function hashed(file: string, hash: { update(bytes: Uint8Array): unknown }) {
  const chunks = createReadStream(file)[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = (await chunks.next()) as IteratorResult<Uint8Array>;
      if (done === true) return controller.close();
      hash.update(value);
      controller.enqueue(value);
    },
    async cancel() {
      await chunks.return?.();
    },
  });
}
