// How closely both builds of the kernel follow an independent float32 computation, in a browser and at full
// speed: chosen tokens and logits of the golden vectors, and the perplexity of a text.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../scripts/helpers/command.mjs';
import { describeMachine, withBenchPage } from './bench-page.mjs';
import { defaultModel, findModel } from './model-file.mjs';
import { atLeast, atMost, rounded } from './report.mjs';

const GOLDEN = path.join(root, 'test/golden/smollm2-135m-instruct-q4_1.json');
const TEXT = path.join(root, 'bench/fidelity/text.txt');
/** Made by scripts/perplexity.py. */
const REFERENCE = path.join(root, 'bench/fidelity/reference.json');

const BARS = {
  exact: { equalShare: 0.995, cosine: 0.9999 },
  fast: { equalShare: 0.97, missedMargin: 0.3, perplexityChange: 0.005 },
};
const MIN_SCORED_TOKENS = 2000;

export async function measure({ dataFolder }) {
  const entry = defaultModel();
  const reference = readReference(entry);
  const files = {
    'model.gguf': findModel(entry, dataFolder),
    'golden.json': GOLDEN,
    'reference.json': REFERENCE,
  };
  return withBenchPage({ name: 'fidelity', files }, async ({ browser, openTab }) => {
    const { page } = await openTab();
    const results = {};
    for (const precision of ['exact', 'fast']) {
      const samples = await page.evaluate((name) => globalThis.measureFidelity(name), precision);
      results[precision] = summarise(samples, reference);
    }
    const long = {};
    for (const format of ['f32', 'f16']) {
      long[format] = await page.evaluate((name) => globalThis.measureLong(name), format);
    }
    return report({ ...results, long }, { entry, reference, machine: describeMachine(browser) });
  });
}

/** A reference of another model or another text would compare nothing. */
function readReference(entry) {
  const reference = JSON.parse(readFileSync(REFERENCE, 'utf8'));
  const golden = JSON.parse(readFileSync(GOLDEN, 'utf8'));
  const textHash = createHash('sha256').update(readFileSync(TEXT)).digest('hex');
  const isSame =
    reference.text.sha256 === textHash &&
    [reference, golden].every(({ model }) => model.sha256 === entry.sha256);
  if (isSame) return reference;
  throw new Error(
    'The reference belongs to another model or text. Make it anew: scripts/golden.py, scripts/perplexity.py.',
  );
}

function summarise(samples, reference) {
  const sum = samples.windowLogProbabilities.reduce((total, value) => total + value, 0);
  const perplexity = Math.exp(-sum / samples.scoredTokens);
  return {
    EqualTokens: samples.equalTokens,
    EqualShare: samples.equalTokens / samples.tokens,
    LowestTopCosine: samples.lowestTopCosine,
    LowestSampledCosine: samples.lowestSampledCosine,
    LargestMissedMargin: Math.max(0, ...samples.missedMargins),
    Perplexity: perplexity,
    PerplexityChange: perplexity / reference.perplexity - 1,
  };
}

function report({ exact, fast, long }, { entry, reference, machine }) {
  const figures = {
    ...prefixed('exact', exact),
    ...prefixed('fast', fast),
    ...longFigures(long),
    referencePerplexity: rounded(reference.perplexity),
    scoredTokens: reference.scoredTokens,
  };
  const cosine = Math.min(exact.LowestTopCosine, exact.LowestSampledCosine);
  const change = Math.abs(fast.PerplexityChange);
  return {
    figures,
    bars: [
      atLeast('exact: equal tokens, share', exact.EqualShare, { bar: BARS.exact.equalShare }),
      atLeast('exact: lowest cosine of logits', cosine, { bar: BARS.exact.cosine }),
      atLeast('fast: equal tokens, share', fast.EqualShare, { bar: BARS.fast.equalShare }),
      atMost('fast: margin of a miss', fast.LargestMissedMargin, BARS.fast.missedMargin),
      atMost('fast: change of perplexity', change, BARS.fast.perplexityChange),
      atLeast('tokens scored', reference.scoredTokens, { bar: MIN_SCORED_TOKENS }),
    ],
    context: {
      model: entry.id,
      ...machine,
      reference:
        'numpy float32 on the dequantised weights (scripts/golden.py, scripts/perplexity.py)',
      textHash: reference.text.sha256,
      scoring:
        'windows of 512 tokens, token by token; prompts of the golden vectors by tiles; `long`: the whole text as one window, exact build',
    },
  };
}

/** What keeping keys and values in f16 costs over a long text, and saves. */
function longFigures({ f32, f16 }) {
  const perplexityOf = ({ logProbabilitySum, tokens }) =>
    Math.exp(-logProbabilitySum / (tokens - 1));
  const change = perplexityOf(f16) / perplexityOf(f32) - 1;
  return {
    longTokens: f32.tokens,
    longF32Perplexity: rounded(perplexityOf(f32)),
    longF16PerplexityChange: Math.round(change * 1e6) / 1e6,
    longF32MemoryMB: rounded(f32.memoryBytes / 1e6),
    longF16MemoryMB: rounded(f16.memoryBytes / 1e6),
  };
}

/** Six decimals: cosines differ from 1 in the fifth. */
function prefixed(name, figures) {
  return Object.fromEntries(
    Object.entries(figures).map(([key, value]) => [`${name}${key}`, Math.round(value * 1e6) / 1e6]),
  );
}
