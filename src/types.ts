/**
 * The contracts between the parts. No implementation lives here; errors and types are open to all.
 */

// ---------------------------------------------------------------- requests

/** What is asked. What the device may keep is learnt per model and task. */
export type Task =
  | 'complete'
  | 'classify'
  | 'extract'
  | 'rewrite'
  | 'ask'
  | 'create'
  | (string & Record<never, never>);

/**
 * Who may answer. Default `prefer-on-device`. In `only-on-device` no byte of a prompt leaves. In
 * `observe` nobody does: Edgewise only watches the app's own calls.
 */
export type Mode =
  | 'only-on-device'
  | 'prefer-on-device'
  | 'prefer-in-cloud'
  | 'only-in-cloud'
  | 'observe';

export interface Message {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** `prefix` continues text at the caret, `messages` is a chat, `text` is one piece of text. */
export type RequestInput =
  | { readonly kind: 'prefix'; readonly before: string; readonly after?: string }
  | { readonly kind: 'messages'; readonly messages: readonly Message[] }
  | { readonly kind: 'text'; readonly text: string };

/** How tokens are drawn. All absent: greedy. */
export interface Sampling {
  /** 0 = greedy (default). */
  readonly temperature?: number;
  /** Keep the k most probable tokens; 0 = all (default). */
  readonly topK?: number;
  /** Keep the smallest set whose probability reaches this; 1 = all (default). */
  readonly topP?: number;
  /** Drop tokens below this share of the best one's probability; 0 = none (default). */
  readonly minP?: number;
  /** Divides the logits of tokens already seen; 1 = off (default). */
  readonly repetitionPenalty?: number;
  /** Same seed, same text. Default: drawn anew for each request. */
  readonly seed?: number;
}

export interface Request {
  readonly task: Task;
  readonly input: RequestInput;
  /**
   * One stream of related requests: a field, a conversation. A newer request cancels an older one
   * of its own session; other sessions keep theirs. Default: a session of its own.
   */
  readonly sessionId?: string;
  /** Name of the field the text comes from, for the owner's rules. */
  readonly field?: string;
  /** Overrides the runtime's mode for this request. */
  readonly mode?: Mode;
  /** Most tokens to generate. Default 256; 16 for `complete`. */
  readonly maxTokens?: number;
  /** Generation ends before the first of these strings; they are not part of the answer. */
  readonly stop?: readonly string[];
  readonly sampling?: Sampling;
  /**
   * For `complete`: end early once the product of the tokens' probabilities (typed ones not counted) is
   * below this, since nothing after it would be shown. 0 to 1. Default: no such end.
   */
  readonly minProduct?: number;
  /** What `classify` chooses from. Default: the labels of the student that knows this task. */
  readonly labels?: readonly string[];
}

// ---------------------------------------------------------------- evidence and decisions

/** What a tier saw while producing one token. `null` = unknown, which is never the same as 0. */
export interface TokenEvidence {
  /** UTF-16 units of new text this token added; 0 while a character is incomplete. */
  readonly textLength: number;
  /**
   * Natural log of the token's probability at temperature 1. For a token chosen under token healing:
   * among the tokens that agree with what was typed.
   */
  readonly logProbability: number | null;
  /** Logit of the best token minus the second best, in nats; under healing among allowed tokens. */
  readonly margin: number | null;
  /** `true` when the token only repeats letters the person had already typed (token healing). */
  readonly isTyped: boolean;
}

export type FinishReason = 'stop' | 'length' | 'abort' | 'truncated' | 'low-confidence';

export interface Confidence {
  /** Probability that the answer is acceptable, 0 to 1; `null` when there is no usable signal. */
  readonly value: number | null;
  /** Which calibration made it a probability, or `uncalibrated`: a raw score, order only. */
  readonly calibrationId: string | 'uncalibrated';
}

/** Why a decision fell. Stable codes; texts for people are made from them elsewhere. */
export type ReasonCode =
  | 'confident'
  | 'low-confidence'
  /** The expected gain of asking a tier above is higher than its price, or is not. */
  | 'asking-pays'
  | 'asking-does-not-pay'
  | 'no-usable-signal'
  | 'starts-at-frontier'
  | 'mode-only-on-device'
  | 'mode-prefer-in-cloud'
  | 'mode-only-in-cloud'
  /** Nothing is answered: the app's own calls are watched. */
  | 'mode-observe'
  | 'rule-local-only'
  | 'no-higher-tier'
  | 'device-unavailable'
  /** Hot, busy or low on battery: it answers only where nobody else may. */
  | 'device-strained'
  | 'remote-unavailable'
  | 'offline'
  /** Asking would spend more than the owner's cap. */
  | 'cap-reached'
  /** The lowest rung goes first; its evidence decides what follows. */
  | 'lowest-first'
  | 'highest-tier';

export interface Decision {
  readonly action: 'accept' | 'escalate' | 'refuse';
  readonly reason: ReasonCode;
  /** Id of the tier that was judged. */
  readonly tier: string;
  readonly confidence: number | null;
  readonly threshold: number | null;
  /** The other numbers behind the decision (signal values), by name. */
  readonly numbers: Readonly<Record<string, number | null>>;
}

/** What one tier call used. Unknown stays `null`. */
export interface Receipt {
  readonly id: string;
  /** Start, milliseconds since the epoch. */
  readonly startedAtMs: number;
  readonly task: Task;
  readonly tier: string;
  readonly modelId: string | null;
  readonly inputTokens: number | null;
  /** Input tokens whose KV was reused. */
  readonly cachedTokens: number | null;
  readonly outputTokens: number | null;
  /** Wall time from start to finish. */
  readonly durationMs: number;
  /** Time the engine computed for this call; `null` where it cannot be known. */
  readonly busyMs: number | null;
  readonly costUsd: number | null;
  readonly energyWh: { readonly low: number; readonly mid: number; readonly high: number } | null;
  readonly carbonGrams: {
    readonly low: number;
    readonly mid: number;
    readonly high: number;
  } | null;
}

// ---------------------------------------------------------------- tiers

export type TierEvent =
  | { readonly type: 'decision'; readonly decision: Decision }
  | {
      readonly type: 'text-delta';
      readonly text: string;
      readonly evidence: readonly TokenEvidence[];
    }
  /** The text so far is withdrawn. Only sent when the caller opted in. */
  | { readonly type: 'text-reset' }
  | TierFinish;

export interface TierFinish {
  readonly type: 'finish';
  readonly reason: FinishReason;
  /** Id of the tier whose text this is. */
  readonly tier: string;
  readonly confidence: Confidence;
  readonly decision: Decision | null;
  readonly receipt: Receipt;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface ClassifyOptions extends CallOptions {
  /**
   * Most loss, as a share of all requests: kept on the device, wrong, and right in the cloud. Default:
   * the student's own, 0.02.
   */
  readonly lossBudget?: number;
}

/** What a classifier saw of one text. `null` = unknown, which is never the same as 0. */
export interface ClassificationEvidence {
  /** Highest probability, 0 to 1. */
  readonly topProbability: number | null;
  /** Highest minus second highest probability; with one label, the highest itself. */
  readonly margin: number | null;
  /** Entropy in nats, divided by its largest value: 0 = one label has it all, 1 = all alike. */
  readonly entropy: number | null;
  /** How far the text lies from the training data: 0 = as near as what was learnt from, 1 = foreign. */
  readonly trainingDistance: number | null;
}

/** One label for one text. */
export interface Classification {
  readonly label: string;
  /** By label, 0 to 1 each; `null` where the tier names a label and says no more. */
  readonly probabilities: Readonly<Record<string, number>> | null;
  readonly confidence: Confidence;
  readonly decision: Decision | null;
  /** What the tier saw; `null` where it does not tell. */
  readonly evidence: ClassificationEvidence | null;
  /** Id of the tier whose label this is. */
  readonly tier: string;
  readonly receipt: Receipt;
}

/**
 * Everything that can answer: student, device, remote, and the cascade made of them.
 * `generate` yields events and exactly one `finish` last. Abort before the first event throws the
 * signal's reason; after it, `finish` with reason `abort`. Errors throw and never become a `finish`.
 */
export interface Tier {
  readonly id: string;
  /** `device` runs in the visitor's browser, `remote` sends the prompt away. */
  readonly place: 'device' | 'remote';
  readonly modelId: string | null;
  generate(request: Request, options?: CallOptions): AsyncIterable<TierEvent>;
  /** Does beforehand what `generate` with this request can have done beforehand. Throws as it does. */
  prepare?(request: Request, options?: CallOptions): Promise<void>;
  /** Sorts a text into one of `request.labels`, or of the tier's own. Errors are typed and throw. */
  classify?(request: Request, options?: CallOptions): Promise<Classification>;
}

// ---------------------------------------------------------------- students

/** Which figure of a classifier's evidence its threshold is set on; higher = surer. */
export type ClassificationScore = 'topProbability' | 'margin';

/** What is promised of a student for one loss budget, and what the promise rests on. */
export interface StudentCertificate {
  /** Most loss, as a share of all requests: kept, wrong, and right in the cloud. */
  readonly alpha: number;
  /** Accepted risk that the promise is wrong. */
  readonly delta: number;
  /** Keep at this score or above; `null`: not certifiable with these labels. */
  readonly threshold: number | null;
  /** Share of the labelled requests that is kept; `null` without a threshold. */
  readonly keptShare: number | null;
  /** Upper bound of the loss, at most `alpha`; `null` without a threshold. */
  readonly lossBound: number | null;
  /** Labelled requests the certificate rests on. */
  readonly labels: number;
  /** About how many it would take; `null` where it is certified, or where more would not help. */
  readonly labelsNeeded: number | null;
}

/** Where the certificates of a student come from. */
export interface StudentCertificates {
  readonly score: ClassificationScore;
  /** Name of the labelled data, for people. */
  readonly dataName: string;
  /** SHA-256 of that data, lower-case hex. */
  readonly dataSha256: string;
  /** `2026-11-24` */
  readonly date: string;
  readonly certificates: readonly StudentCertificate[];
}

/** What is known of a student once it is on this device. */
export interface StudentInfo {
  readonly id: string;
  readonly name: string;
  /** Of its file, lower-case hex. */
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly labels: readonly string[];
  readonly licence: Licence | null;
  /** `null`: nothing is promised of it. */
  readonly certified: StudentCertificates | null;
}

// ---------------------------------------------------------------- suggestions

/** Text offered at the caret. */
export interface Suggestion {
  /** Exactly what acceptance inserts, with the trailing space where the language wants one. */
  readonly text: string;
  readonly confidence: Confidence;
  readonly tier: string;
}

export interface SuggestionRequest extends CallOptions {
  readonly before: string;
  readonly after: string;
  /** Stable id of the field: its session. */
  readonly field: string;
}

/** What a person wrote in a field, when they left it or sent it. */
export interface WrittenText {
  readonly text: string;
  /** What was told before of the same writing, which `text` replaces; empty for a new one. */
  readonly previous: string;
  readonly field: string;
}

/** Where autocomplete gets its text from; it knows nothing else of the runtime. */
export interface SuggestionSource {
  suggest(request: SuggestionRequest): Promise<Suggestion | null>;
  /**
   * The person is typing and may soon pause: gets ready to answer this request at once. Gives
   * nothing, and ends when `suggest` is called for the field. Errors are for `suggest` to throw.
   */
  prepare?(request: SuggestionRequest): Promise<void>;
  /** The person finished a text: it may be remembered, on this device and nowhere else. */
  learn?(written: WrittenText): void;
}

// ---------------------------------------------------------------- engines (inside the worker)

/** Verified bytes of a model file: each byte once, in order. */
export interface WeightSource {
  readonly sizeBytes: number;
  /** Of the whole file, lower-case hex. */
  readonly sha256: string;
  chunks(options?: CallOptions): AsyncIterable<Uint8Array>;
}

/** `exact` = int16 activations, any browser with SIMD; `fast` = int8, needs relaxed SIMD. */
export type Precision = 'exact' | 'fast';

export interface EngineLoadOptions extends CallOptions {
  /** Default: `fast` where the browser has relaxed SIMD, else `exact`. */
  readonly precision?: Precision;
  /** Most sessions whose KV is kept; the least recently used goes first. Default 4. */
  readonly maxSlots?: number;
  /** Positions per slot. Default 512, never above the model's own limit. */
  readonly contextLength?: number;
}

export interface Engine {
  readonly kind: 'wasm' | 'onnx' | 'webllm';
  load(source: WeightSource, options?: EngineLoadOptions): Promise<LoadedModel>;
}

export interface ModelInfo {
  readonly engine: Engine['kind'];
  /** SHA-256 of the model file, lower-case hex. */
  readonly sha256: string;
  readonly architecture: string;
  readonly precision: Precision;
  readonly parameters: number;
  readonly vocabularySize: number;
  readonly contextLength: number;
  readonly maxSlots: number;
  /** Bytes of linear memory now. */
  readonly memoryBytes: number;
}

export interface EngineRequest {
  readonly sessionId: string;
  /**
   * Nothing will continue this session: its slot is the first that another one takes, so that single
   * answers never push out the KV of a field. Default `false`.
   */
  readonly isOneShot?: boolean;
  /** `prefix` continues raw text with token healing, `messages` goes through the chat template, `text` = one user message. */
  readonly input: RequestInput;
  readonly maxTokens: number;
  readonly stop?: readonly string[];
  readonly sampling?: Sampling;
  /** End early once the running product of probabilities (typed tokens not counted) is below this. */
  readonly minProduct?: number;
  /**
   * Computes the prompt and gives no token: the session's next request with this text then starts
   * with its first token. All else as that request will have it. Default `false`.
   */
  readonly isPromptOnly?: boolean;
}

export type EngineStep =
  /** A tile of the prompt was computed. */
  | { readonly type: 'prefill'; readonly doneTokens: number; readonly totalTokens: number }
  /** One token was generated; `text` may be empty while a character or stop string is undecided. */
  | { readonly type: 'token'; readonly text: string; readonly evidence: TokenEvidence }
  | {
      readonly type: 'end';
      readonly reason: 'stop' | 'length' | 'low-confidence';
      readonly usage: EngineUsage;
    };

export interface EngineUsage {
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
  /** Time spent inside the engine for this run. */
  readonly busyMs: number;
}

/**
 * One generation as a machine the host drives: each `step` computes one prefill tile or one token,
 * so that other sessions can run between steps. After `end`, or to give up early, call `release`
 * (idempotent); the session's KV stays for the next request either way.
 */
export interface EngineRun {
  step(): EngineStep | Promise<EngineStep>;
  /**
   * Part of a step, shorter than one token takes: `null` until the step is complete. In between runs
   * of other sessions may compute. Engines that cannot interrupt a step have none.
   */
  stepPart?(): EngineStep | null;
  readonly usage: EngineUsage;
  release(): void;
}

export interface LoadedModel {
  readonly info: ModelInfo;
  /**
   * Prepares a run. Throws `EngineError` `context-full` when the prompt cannot fit, `TypeError` on
   * a malformed request. At most one unreleased run per session; at most `maxSlots` in all
   * (`canStart` tells).
   */
  start(request: EngineRequest): EngineRun;
  /** Whether a slot is free or can be taken from an idle session. */
  canStart(sessionId: string): boolean;
  /** Number of tokens this text makes. */
  countTokens(text: string): number;
  /** Frees everything. Runs still open end with `EngineError` `closed`. */
  dispose(): void;
}

// ---------------------------------------------------------------- models and downloads

export interface Licence {
  readonly id: string;
  readonly url: string;
  /** `true`: whoever gets the file must have been shown the terms and have accepted them. */
  readonly requiresAcceptance?: boolean;
  /** What the terms want shown wherever the file is offered. */
  readonly notice?: string;
}

/** One row of `models/catalogue.json` (schema: `models/schemas/catalogue.schema.json`). */
export interface CatalogueEntry {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly licence: Licence;
  /** BCP 47 tags of the languages it completes well. */
  readonly languages: readonly string[];
  readonly architecture: string;
  readonly quantisation: string;
  readonly file: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly contextLength: number;
}

/** `manifest.json` beside a model file, as the browser reads it. */
export interface Manifest extends CatalogueEntry {
  readonly version: 1;
  readonly shardBytes: number;
  /** SHA-256 of each shard in order, lower-case hex. */
  readonly shards: readonly string[];
}

/** Names one shard of one model file. */
export interface ShardKey {
  /** SHA-256 of the whole model file, lower-case hex. */
  readonly sha256: string;
  /** Position of the shard in the file, from 0. */
  readonly index: number;
}

/** Where shards stay between visits. What comes out is checked again by the reader. */
export interface ShardStore {
  /** `false`: everything is gone when the page closes. */
  readonly isPersistent: boolean;
  get(key: ShardKey): Promise<Blob | null>;
  /** Resolves when the shard is really stored (its transaction completed). */
  put(key: ShardKey, blob: Blob): Promise<void>;
  delete(key: ShardKey): Promise<void>;
  /** Indices stored for this model file, ascending. */
  list(sha256: string): Promise<number[]>;
  deleteModel(sha256: string): Promise<void>;
  /** Later calls reject with `StorageError` `connection-lost`. */
  close(): void;
}

export interface DownloadProgress {
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** Recent rate; `null` until it can be known. */
  readonly bytesPerSecond: number | null;
  readonly secondsLeft: number | null;
  /** Where the bytes come from, for people: a host name, or `this device`. */
  readonly source: string;
}

export type ModelAvailability = 'absent' | 'partial' | 'ready' | 'unsupported';

/** What the page can know of a model at any time. */
export type ModelState =
  | { readonly status: 'absent' }
  | { readonly status: 'downloading'; readonly progress: DownloadProgress }
  /** Every byte is on this device, and no engine has it loaded. */
  | { readonly status: 'stored' }
  | { readonly status: 'loading' }
  | { readonly status: 'ready'; readonly info: ModelInfo }
  | { readonly status: 'error'; readonly error: Error };
