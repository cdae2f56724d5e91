// A text typed key by key after a prefix of about a hundred tokens: time from a key to the first word and
// to the whole suggestion, for our engine and its in-browser CPU peers, each with the best reuse of the
// prefix that its public calls allow. After each key every engine takes its turn.
import { measureCancel } from './cancel.mjs';
import { describeRun, failureBars, peersOnly, runBesidePeers } from './engines.mjs';
import { defaultModel, findModel } from './model-file.mjs';
import { atLeast, medianOf, quantileOf, rounded } from './report.mjs';

const NEW_TOKENS = 8;
/** Each peer's time to the first word divided by ours. */
const FIRST_WORD_BAR = 4;

const PREFIX =
  'Dear Mr Keller, thank you for your letter about the damaged garden fence. We have looked at the ' +
  'photographs you sent and we agree that the storm in the first week of March is the most likely cause. ' +
  'Our inspector came to see you on Tuesday, and his report says that four posts and about nine metres of ' +
  'the fence have to be replaced. Your contract covers storm damage, so the costs will be paid in full, ' +
  'less the amount that you have agreed to bear yourself. ';
const TYPED = 'Please send us the invoice of the carpenter as soon as it';

export async function measure({ dataFolder, isAlone }) {
  const entry = defaultModel();
  const { single, threaded } = await runBesidePeers(
    { entry, dataFolder, isAlone },
    'measureKeystrokes',
    {
      ours: ['typingFast', 'typingExact'],
      prefix: PREFIX,
      typed: TYPED,
      newTokens: NEW_TOKENS,
    },
  );
  const runs = [single, threaded].filter((run) => run !== null);
  const cancel = await measureCancel(findModel(entry, dataFolder), [PREFIX]);
  return {
    figures: {
      ...figuresOf(single.samples),
      ...(threaded !== null && figuresOf(peersOnly(threaded.samples))),
      ...cancel.figures,
    },
    bars: [
      ...runs.flatMap(({ samples }) => barsOf(samples)),
      ...runs.flatMap(failureBars),
      ...cancel.bars,
    ],
    context: {
      ...describeRun({ entry, single, threaded }),
      keys: TYPED.length,
      suggestion: `${NEW_TOKENS} tokens; the first word is complete after as many tokens as in ours`,
      ours: 'through sessions, with token healing and text, as a page uses it',
      reuse:
        'ours backs up to the word that is typed and keeps what the model said, so that many keys compute nothing before the first word; without healing each key changes the last token of a prompt, and peers compute it',
    },
  };
}

function figuresOf(samples) {
  const figures = {};
  for (const [name, { firstMs, wholeMs }] of Object.entries(samples)) {
    figures[`${name}FirstWordMs`] = rounded(medianOf(firstMs));
    figures[`${name}FirstWordP95Ms`] = rounded(quantileOf(firstMs, 0.95));
    figures[`${name}WholeMs`] = rounded(medianOf(wholeMs));
    figures[`${name}WholeP95Ms`] = rounded(quantileOf(wholeMs, 0.95));
  }
  return figures;
}

function barsOf(samples) {
  const ours = medianOf(samples.typingFast.firstMs);
  return Object.entries(peersOnly(samples)).map(([peer, { firstMs }]) => {
    const ratio = rounded(medianOf(firstMs) / ours);
    return atLeast(`key to first word: ${peer} / ours`, ratio, { bar: FIRST_WORD_BAR });
  });
}
