// All engines in one page, each in its own worker; in every round each takes its turn. What an engine
// offers here: `prefill(count)` gives the milliseconds of a prompt that shares nothing with an earlier
// one, `decode(count)` the milliseconds of each token after it, `suggest(key)` those from a key to the
// first word and to the whole suggestion.
import { openOnnx, openTransformers } from './onnx.mjs';
import { openOurs, openTyping } from './ours.mjs';
import { openRoofs } from './roofs.ts';
import { openWllama2, openWllama3 } from './wllama.mjs';

const OPENERS = {
  fast: () => openOurs('fast'),
  exact: () => openOurs('exact'),
  typingFast: () => openTyping('fast'),
  typingExact: () => openTyping('exact'),
  wllama2Q41: () => openWllama2('/files/model.gguf'),
  wllama2Q40: () => openWllama2('/files/random-q4_0.gguf'),
  wllama3: () => openWllama3('/files/model.gguf', 1),
  wllama3Threads: () => openWllama3('/files/model.gguf', 2),
  onnxInt8: () => openOnnx('/files/decoder-int8.onnx'),
  transformers: () => openTransformers('decoder-int8'),
};

/** Engines that could be opened; what kept the others from it is part of the report. */
async function openEngines(names) {
  const engines = {};
  const loadMs = {};
  const failures = {};
  for (const name of names) {
    const startedAt = performance.now();
    try {
      engines[name] = await OPENERS[name]();
      loadMs[name] = performance.now() - startedAt;
    } catch (error) {
      failures[name] = String(error?.message ?? error);
    }
  }
  return { engines, loadMs, failures };
}

/** Tokens right after a prompt: so many in each round, going on from where the last round ended. */
globalThis.measureDecode = async ({ names, rounds, tokensPerRound, promptTokens }) => {
  const { engines, ...opened } = await openEngines(names);
  const { shape } = engines.fast;
  const contextTokens = promptTokens + (rounds * tokensPerRound) / 2;
  const bytesPerToken = shape.weightBytes + shape.kvBytesPerPosition * contextTokens;
  const roofs = await openRoofs(bytesPerToken);
  const samples = Object.fromEntries(Object.keys(engines).map((name) => [name, []]));
  const readMs = [];
  for (const engine of Object.values(engines)) {
    await engine.prefill(promptTokens);
    // Warms up, and is thrown away with its prompt.
    await engine.decode(tokensPerRound);
    await engine.prefill(promptTokens);
  }
  for (let round = 0; round < rounds; round++) {
    readMs.push(...(await roofs.readMs()));
    for (const [name, engine] of Object.entries(engines)) {
      samples[name].push(...(await engine.decode(tokensPerRound)));
    }
  }
  // Ours alone and last: it must not give our tokens a shorter context than the peers'.
  const prefillMs = { fast: [], exact: [] };
  for (let round = 0; round < rounds; round++) {
    for (const [name, times] of Object.entries(prefillMs)) {
      times.push(await engines[name].prefill(promptTokens));
    }
  }
  return { ...opened, samples, prefillMs, readMs, bytesPerToken };
};

/** Prompts of each length, new ones every time. Round 0 warms up. */
globalThis.measurePrefill = async ({ names, rounds, lengths }) => {
  const { engines, ...opened } = await openEngines(names);
  const roofs = await openRoofs(1);
  const samples = {};
  for (const name of Object.keys(engines)) {
    samples[name] = Object.fromEntries(lengths.map((length) => [length, []]));
  }
  const gigaMacs = { fast: [], exact: [] };
  for (let round = 0; round <= rounds; round++) {
    for (const [name, engine] of Object.entries(engines)) {
      for (const length of lengths) {
        const ms = await engine.prefill(length);
        if (round > 0) samples[name][length].push(ms);
      }
    }
    if (round === 0) continue;
    for (const name of Object.keys(gigaMacs)) gigaMacs[name].push(...(await roofs.gigaMacs(name)));
  }
  return {
    ...opened,
    samples,
    gigaMacs,
    layerMacsPerToken: engines.fast.shape.layerMacsPerToken,
  };
};

/**
 * A text typed key by key after a prefix; after each key every engine takes its turn, another one first
 * each time: who comes first finds the caches of the processor full of the others' weights.
 */
globalThis.measureKeystrokes = async ({ names, prefix, typed, newTokens }) => {
  const { engines, ...opened } = await openEngines(names);
  const keys = await planKeys(engines.typingFast, { prefix, typed, newTokens });
  const samples = {};
  for (const name of Object.keys(engines)) samples[name] = { firstMs: [], wholeMs: [] };
  for (const [index, key] of keys.entries()) {
    for (const [name, engine] of rotated(Object.entries(engines), index)) {
      const { firstMs, wholeMs } = await engine.suggest(key);
      // The prefix alone is where typing begins: nothing is there to be reused yet.
      if (index === 0) continue;
      samples[name].firstMs.push(firstMs);
      samples[name].wholeMs.push(wholeMs);
    }
  }
  return { ...opened, samples };
};

/** Ours says after how many tokens the first word is complete; all engines are judged by as many. */
async function planKeys(ours, { prefix, typed, newTokens }) {
  const keys = [];
  for (let count = 0; count <= typed.length; count++) {
    const text = prefix + typed.slice(0, count);
    const { firstWordTokens } = await ours.suggest({ text, newTokens });
    keys.push({
      text,
      ids: await ours.encode(text),
      newTokens,
      firstWordTokens: Math.max(1, firstWordTokens),
    });
  }
  return keys;
}

function rotated(list, by) {
  const start = by % list.length;
  return [...list.slice(start), ...list.slice(0, start)];
}

globalThis.isReady = true;
