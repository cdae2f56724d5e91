import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { historyBucket, type Calibration, type CalibrationScope } from '../cascade/calibration.ts';
import { DataError } from '../errors.ts';
import { dataHash } from '../evaluate/data-hash.ts';
import { createRandom } from '../evaluate/draws.ts';
import { readOutcomes } from '../evaluate/read-outcomes.ts';
import { calibrate } from '../specialise/calibrate.ts';
import { readInputFile, writeOutputFile } from './evaluation-command.ts';
import { UsageError } from './usage-error.ts';

const HELP = `Usage: edgewise calibrate --outcomes FILE --out FILE [options]

Makes a calibration: which probability of being right a score stands for. Logistic or isotonic,
whichever predicts held-out rows better. It holds for one model file, quantisation, precision, task
and kind of evidence, and the runtime refuses it elsewhere. FILE of --outcomes holds JSON lines:
{ "id", "score"?, "features"?, "deviceCorrect" }.

  --outcomes FILE      what happened, gzipped or not
  --out FILE           the calibration, JSON (models/schemas/calibration.schema.json)
  --model FILE         the model file that answered; its hash is written down
  --model-sha256 HASH  the hash alone, where the file is not at hand
  --quantisation NAME  for example Q4_1 (default unknown)
  --precision NAME     exact or fast, for language models on the device
  --task NAME          what was asked (default classify)
  --evidence NAME      score, or a feature (default: score, else the feature that ranks best)
  --history N          messages of personal memory that were known
  --seed N             seed of the folds (default 1)
  --json               print the calibration as one line of JSON
  --help               this text
`;

/** `edgewise calibrate`. Gives the exit code; typed errors are thrown to the caller. */
export async function run(argv: readonly string[]): Promise<number> {
  const values = readArguments(argv);
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const file = required(values.outcomes, '--outcomes');
  const out = required(values.out, '--out');
  const seed = readSeed(values.seed);
  const bytes = await readInputFile(file);
  const calibration = calibrate(await readOutcomes(bytes, file), {
    scope: await readScope(values),
    ...(values.evidence === undefined ? {} : { evidence: values.evidence }),
    dataSha256: await dataHash(bytes),
    date: new Date().toISOString().slice(0, 10),
    seed,
    random: createRandom(seed),
  });
  await writeOutputFile(out, `${JSON.stringify(calibration, null, 2)}\n`);
  if (calibration.scope.modelSha256 === null) {
    process.stderr.write('No model was named (--model): no engine will take this calibration.\n');
  }
  process.stdout.write(
    values.json
      ? `${JSON.stringify(calibration)}\n`
      : `${describe(calibration)}Written to ${out}\n`,
  );
  return 0;
}

function readArguments(argv: readonly string[]) {
  return parseArgs({
    args: [...argv],
    options: {
      outcomes: { type: 'string' },
      out: { type: 'string' },
      model: { type: 'string' },
      'model-sha256': { type: 'string' },
      quantisation: { type: 'string', default: 'unknown' },
      precision: { type: 'string' },
      task: { type: 'string', default: 'classify' },
      evidence: { type: 'string' },
      history: { type: 'string' },
      seed: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  }).values;
}

async function readScope(
  values: ReturnType<typeof readArguments>,
): Promise<Omit<CalibrationScope, 'evidence'>> {
  const { precision } = values;
  if (precision !== undefined && precision !== 'exact' && precision !== 'fast') {
    throw new UsageError('--precision is exact or fast.');
  }
  return {
    modelSha256: await readModelHash(values),
    quantisation: values.quantisation,
    precision: precision ?? null,
    task: values.task,
    history: values.history === undefined ? null : historyBucket(readCount(values.history)),
  };
}

async function readModelHash(values: ReturnType<typeof readArguments>): Promise<string | null> {
  const { model, 'model-sha256': given } = values;
  if (model !== undefined && given !== undefined) {
    throw new UsageError('--model and --model-sha256 say the same: give one.');
  }
  if (given !== undefined && !/^[0-9a-f]{64}$/.test(given)) {
    throw new UsageError('--model-sha256 takes 64 lower-case hexadecimal digits.');
  }
  return model === undefined ? (given ?? null) : hashFile(model);
}

/** Model files may be larger than memory allows to read at once. */
async function hashFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(file), hash);
  } catch (cause) {
    throw new DataError('bad-row', `${file} cannot be read.`, { cause });
  }
  return hash.digest('hex');
}

function readSeed(text: string): number {
  const seed = Number(text);
  if (Number.isInteger(seed) && seed >= 0) return seed;
  throw new UsageError('--seed must be a whole number, 0 or more.');
}

function readCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 0) return count;
  throw new UsageError('--history must be a number of messages, 0 or more.');
}

function required(value: string | undefined, name: string): string {
  if (value === undefined) throw new UsageError(`${name} is missing.`);
  return value;
}

function describe(calibration: Calibration): string {
  const { map, samples, ece, eceBefore, logLoss, scope } = calibration;
  const before = eceBefore === null ? 'no share' : eceBefore.toFixed(4);
  const rows = calibration.reliability.flatMap((bin) =>
    bin.meanConfidence === null || bin.correctShare === null
      ? []
      : [
          `  ${bin.from.toFixed(2)} to ${bin.to.toFixed(2)}${String(bin.count).padStart(9)}${bin.meanConfidence.toFixed(3).padStart(10)}${bin.correctShare.toFixed(3).padStart(10)}`,
        ],
  );
  return `${calibration.id}

  evidence              ${scope.evidence}
  map                   ${map.kind} (log loss: logistic ${logLoss.logistic.toFixed(4)}, isotonic ${logLoss.isotonic.toFixed(4)})
  samples               ${samples}
  calibration error     ${before} before, ${ece.toFixed(4)} after (on rows the map had not seen)

  claimed          rows      mean     right
${rows.join('\n')}

`;
}
