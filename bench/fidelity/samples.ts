/** What one build made of the reference's tokens. */
export interface FidelitySamples {
  readonly tokens: number;
  readonly equalTokens: number;
  /** Over the reference's 20 best logits after each prompt. */
  readonly lowestTopCosine: number;
  /** Over every 64th logit after each window of the text. */
  readonly lowestSampledCosine: number;
  /** Reference margins at which another token was chosen. */
  readonly missedMargins: readonly number[];
  /** Of the text, natural logs, one sum per window. */
  readonly windowLogProbabilities: readonly number[];
  readonly scoredTokens: number;
}

/** The whole text in one window, with keys and values kept in one of the formats. */
export interface LongSamples {
  /** Natural log, of every token but the first. */
  readonly logProbabilitySum: number;
  readonly tokens: number;
  readonly memoryBytes: number;
}

export interface ReferenceText {
  readonly windows: readonly ReferenceWindow[];
  readonly scoredTokens: number;
  readonly perplexity: number;
}

export interface ReferenceWindow {
  readonly tokens: readonly number[];
  readonly logProbabilitySum: number;
  /** Logits of ids 0, 64, 128, … after the last token. */
  readonly last: readonly number[];
}
