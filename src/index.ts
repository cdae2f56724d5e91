/**
 * Edgewise: small language models that run in the visitor's browser, say how sure they are, and leave
 * the rest to the owner's cloud.
 */
export type { SortedText } from './cascade/classify.ts';
export type { EgressRule } from './cascade/egress.ts';
export type { Observation, ObservationReport, ObservedSaving } from './cascade/observe.ts';
export { fitGain } from './cascade/fit-gain.ts';
export type { FitGainOptions, FittedGain, GainRow } from './cascade/fit-gain.ts';
export type { GainEstimate, GainItem, GainModel } from './cascade/gain.ts';
export { readGain, writeGain } from './cascade/gain-file.ts';
export type { GainFacts, GainFile, GainScope } from './cascade/gain-file.ts';
export { decide } from './cascade/policy.ts';
export type { DecisionMessage, RouteDecision } from './cascade/policy.ts';
export type { AskingCost, OwnerPrices } from './cascade/price.ts';
export type { Rule } from './cascade/rules.ts';
export type { SignalName } from './cascade/signals.ts';
export type { Rung, RungAnswer, RungGain, Situation } from './cascade/situation.ts';
export type { CollapseChoice, FallbackNotice } from './cascade/turn.ts';
export {
  DataError,
  EdgewiseError,
  EngineError,
  ModelError,
  NetworkError,
  PolicyError,
  StorageError,
  TimeoutError,
  UnsupportedError,
} from './errors.ts';
export { createRuntime } from './runtime.ts';
export type { Runtime } from './runtime.ts';
export type { Answer } from './runtime/answer.ts';
export type { RuntimeMemory } from './runtime/complete.ts';
export type { RuntimeEvents, RuntimeListener } from './runtime/events.ts';
export type { ModelDownloadOptions, RuntimeModels } from './runtime/models.ts';
export type { RuntimeObservations, RuntimeStudents } from './runtime/classifying.ts';
export type { ObservationSummary, ObservedFacts, SkipReason } from './runtime/observing.ts';
export type { RemoteOptions, RuntimeOptions, StudentOptions } from './runtime/options.ts';
export type { RemoteTimeouts } from './tiers/deadlines.ts';
export type { RemoteHeaders } from './tiers/remote.ts';
export type {
  CallOptions,
  CatalogueEntry,
  Classification,
  ClassificationEvidence,
  ClassificationScore,
  ClassifyOptions,
  Confidence,
  Decision,
  DownloadProgress,
  FinishReason,
  Licence,
  Message,
  Mode,
  ModelAvailability,
  ModelInfo,
  ModelState,
  Precision,
  ReasonCode,
  Receipt,
  Request,
  RequestInput,
  Sampling,
  StudentCertificate,
  StudentCertificates,
  StudentInfo,
  Suggestion,
  SuggestionRequest,
  SuggestionSource,
  Task,
  Tier,
  TierEvent,
  TierFinish,
  TokenEvidence,
  WrittenText,
} from './types.ts';
