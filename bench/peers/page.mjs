// All engines in one page, each in its own worker; in every round each takes its turn. What an engine
// offers here: `prefill(count)` gives the milliseconds of a prompt that shares nothing with an earlier
// one, `decode(count)` the milliseconds of each token after it.
import { openOnnx } from './onnx.mjs';
import { openOurs } from './ours.mjs';
import { openWllama2, openWllama3 } from './wllama.mjs';

const OPENERS = {
  fast: () => openOurs('fast'),
  exact: () => openOurs('exact'),
  wllama2Q41: () => openWllama2('/files/model.gguf'),
  wllama2Q40: () => openWllama2('/files/random-q4_0.gguf'),
  wllama3: () => openWllama3('/files/model.gguf', 1),
  wllama3Threads: () => openWllama3('/files/model.gguf', 2),
  onnxInt8: () => openOnnx('/files/decoder-int8.onnx'),
};

/** Times of each named engine, and of the roofs, round after round. */
globalThis.measurePeers = async ({ names, rounds, decodedTokens }) => {
  const engines = {};
  const failures = {};
  for (const name of names) {
    const startedAt = performance.now();
    try {
      engines[name] = await OPENERS[name]();
      engines[name].loadMs = performance.now() - startedAt;
    } catch (error) {
      failures[name] = String(error?.message ?? error);
    }
  }
  const samples = {};
  for (const name of Object.keys(engines)) {
    samples[name] = {
      prefill32Ms: [],
      prefill128Ms: [],
      decodeMs: [],
      loadMs: engines[name].loadMs,
    };
  }
  // Round 0 warms up.
  for (let round = 0; round <= rounds; round++) {
    for (const [name, engine] of Object.entries(engines)) {
      const short = await engine.prefill(32);
      const long = await engine.prefill(128);
      const tokens = await engine.decode(decodedTokens);
      if (round === 0) continue;
      samples[name].prefill32Ms.push(short);
      samples[name].prefill128Ms.push(long);
      samples[name].decodeMs.push(...tokens);
    }
  }
  return { samples, failures };
};

globalThis.isReady = true;
