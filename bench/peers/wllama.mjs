import wasm2Threads from '@peer/wllama-2/multi-thread/wllama.wasm?url';
import wasm2 from '@peer/wllama-2/single-thread/wllama.wasm?url';
import { Wllama as Wllama2 } from '@peer/wllama-2/index.js';
import wasm3 from '@peer/wllama-3/wasm/wllama.wasm?url';
import { Wllama as Wllama3 } from '@peer/wllama-3/index.js';

const CONTEXT = 512;
const QUIET = { debug() {}, log() {}, warn() {}, error() {} };
const SENTENCE =
  'The harbour was quiet in the morning, and the boats that had come in during the night lay side by side ' +
  'along the wall while the people of the town walked down to see what they had brought home. ';

async function blobOf(url) {
  return (await fetch(url)).blob();
}

/** 2.3.1 lets the caller own the loop: timed around `decode`, its worker message included. */
export async function openWllama2(url) {
  const paths = { 'single-thread/wllama.wasm': wasm2, 'multi-thread/wllama.wasm': wasm2Threads };
  const wllama = new Wllama2(paths, { logger: QUIET });
  await wllama.loadModel([await blobOf(url)], { n_ctx: CONTEXT, n_threads: 1, n_batch: CONTEXT });
  const timed = async (tokens) => {
    const startedAt = performance.now();
    await wllama.decode(tokens, {});
    return performance.now() - startedAt;
  };
  const cached = [];
  /** As its own completion does with `useCache`, but for one decode less at the end. */
  const suggest = async ({ text, newTokens, firstWordTokens }) => {
    const startedAt = performance.now();
    const ids = await wllama.tokenize(text, true);
    let same = 0;
    while (same < ids.length - 1 && ids[same] === cached[same]) same += 1;
    await wllama.samplingInit({ temp: 0 });
    await wllama.kvRemove(same, -1);
    await wllama.decode(ids.slice(same), {});
    cached.splice(0, cached.length, ...ids);
    let firstMs = 0;
    for (let count = 1; ; count++) {
      const { token } = await wllama.samplingSample();
      if (count === firstWordTokens) firstMs = performance.now() - startedAt;
      if (count === newTokens) break;
      await wllama.samplingAccept([token]);
      await wllama.decode([token], {});
      cached.push(token);
    }
    return { firstMs, wholeMs: performance.now() - startedAt };
  };
  const randomTokens = (count) =>
    Array.from({ length: count }, () => Math.floor(Math.random() * 40_000) + 100);
  return {
    async prefill(count) {
      await wllama.kvClear();
      return timed(randomTokens(count));
    },
    async decode(count) {
      const times = [];
      for (let index = 0; index < count; index++) times.push(await timed(randomTokens(1)));
      return times;
    },
    suggest,
  };
}

/** 3.8.1 has no such loop: its own counters tell, scaled to the wanted number of tokens. */
export async function openWllama3(url, threads) {
  const wllama = new Wllama3({ default: wasm3 }, { logger: QUIET });
  await wllama.loadModel([await blobOf(url)], {
    n_ctx: CONTEXT,
    n_threads: threads,
    n_batch: CONTEXT,
    n_gpu_layers: 0,
  });
  const complete = async (prompt, tokens, isCached) => {
    const { timings } = await wllama.createCompletion({
      prompt,
      max_tokens: tokens,
      temperature: 0,
      cache_prompt: isCached,
    });
    return timings;
  };
  /** About so many tokens; a first word of its own, so that nothing is remembered. */
  const textOf = (tokens) => {
    const start = Math.floor(Math.random() * 20);
    const words = SENTENCE.repeat(8).split(' ');
    const text = words.slice(start, start + Math.round(tokens * 0.82)).join(' ');
    return `${Math.random().toString(36).slice(2, 6)} ${text}`;
  };
  let lastPrompt = '';
  /** Reuse is its own, by `cache_prompt`; a chunk comes with each token. */
  const suggest = async ({ text, newTokens, firstWordTokens }) => {
    const startedAt = performance.now();
    let count = 0;
    let firstMs = null;
    await wllama.createCompletion({
      prompt: text,
      max_tokens: newTokens,
      temperature: 0,
      cache_prompt: true,
      stream: true,
      onData() {
        count += 1;
        if (count === firstWordTokens) firstMs = performance.now() - startedAt;
      },
    });
    const wholeMs = performance.now() - startedAt;
    return { firstMs: firstMs ?? wholeMs, wholeMs };
  };
  return {
    suggest,
    async prefill(count) {
      lastPrompt = textOf(count);
      const { prompt_n: tokens, prompt_ms: ms } = await complete(lastPrompt, 1, false);
      return (ms * count) / tokens;
    },
    async decode(count) {
      const { predicted_per_token_ms: ms } = await complete(lastPrompt, count, true);
      return [ms];
    },
  };
}
