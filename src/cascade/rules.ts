import type { Task } from '../types.ts';
import ruleFile from './rules.json' with { type: 'json' };
import { isSignalName, type SignalName } from './signals.ts';

/** How one task is decided on one model. Data: `rules.json`, schema `rules.schema.json`. */
export interface Rule {
  /** Id of the model, or `*` for any. */
  readonly model: string;
  /** Task, or `*` for any. */
  readonly task: string;
  readonly signal: SignalName;
  /** Accept at or above; `null` exactly when the signal is `none`. Margins are in nats. */
  readonly threshold: number | null;
  /** Tokens kept back until the running confidence passes. */
  readonly holdBackTokens: number;
  /** Tier that is asked first. */
  readonly startTier: string;
  /** What made the signal a probability. Absent: `uncalibrated`. */
  readonly calibrationId?: string;
  readonly source?: string;
}

/** Finds the rule for a model and a task. */
export interface RuleSet {
  find(modelId: string | null, task: Task): Rule;
}

const ANY = '*';
const MAX_HOLD_BACK_TOKENS = 64;
const RULE_KEYS: ReadonlySet<string> = new Set([
  'model',
  'task',
  'signal',
  'threshold',
  'holdBackTokens',
  'startTier',
  'calibrationId',
  'source',
]);
const EXAMPLE =
  "{ model: '*', task: 'rewrite', signal: 'mean-probability', threshold: 0.6, holdBackTokens: 8, startTier: 'device' }";

/**
 * The rules that come with Edgewise, with the app's own before them. The most specific rule wins: own
 * model and task, then the task on any model, then any task on the model, then the default.
 * Throws `TypeError` for a malformed rule.
 */
export function createRuleSet(own: readonly Rule[] = []): RuleSet {
  if (!Array.isArray(own))
    throw new TypeError(`rules must be an array of rules such as ${EXAMPLE}.`);
  const rules = [...own.map(parseRule), ...ruleFile.rules.map(parseRule)];
  return {
    find(modelId, task) {
      const wanted: readonly (readonly [string | null, string])[] = [
        [modelId, task],
        [ANY, task],
        [modelId, ANY],
        [ANY, ANY],
      ];
      for (const [model, name] of wanted) {
        const rule = rules.find((each) => each.model === model && each.task === name);
        if (rule !== undefined) return rule;
      }
      throw new TypeError(`No rule for task "${task}" and no default rule: add ${EXAMPLE}.`);
    },
  };
}

/** Checks one rule; throws `TypeError` naming what is wrong. */
export function parseRule(value: unknown): Rule {
  if (typeof value !== 'object' || value === null) fail('must be an object');
  const fields = value as Readonly<Record<string, unknown>>;
  const { model, task, signal, threshold, holdBackTokens, startTier, calibrationId, source } =
    fields as { readonly [Key in keyof Rule]: unknown };
  const unknownKey = Object.keys(fields).find((key) => !RULE_KEYS.has(key));
  if (unknownKey !== undefined) fail(`has the unknown key "${unknownKey}"`);
  if (!isName(model)) fail('needs model: a model id or "*"');
  if (!isName(task)) fail('needs task: a task or "*"');
  if (!isSignalName(signal)) fail('needs a known signal');
  if (!isName(startTier)) fail('needs startTier: the id of a tier');
  if (!isHoldBack(holdBackTokens)) fail(`needs holdBackTokens from 0 to ${MAX_HOLD_BACK_TOKENS}`);
  if (!isThreshold(threshold, signal)) {
    fail('needs a threshold of 0 or more, or null exactly when the signal is "none"');
  }
  if (calibrationId !== undefined && !isName(calibrationId)) fail('has a bad calibrationId');
  return {
    model,
    task,
    signal,
    threshold,
    holdBackTokens,
    startTier,
    ...(calibrationId === undefined ? {} : { calibrationId }),
    ...(typeof source === 'string' ? { source } : {}),
  };
}

function fail(problem: string): never {
  throw new TypeError(`A rule ${problem}. Example: ${EXAMPLE}.`);
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0;
}

function isHoldBack(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= MAX_HOLD_BACK_TOKENS;
}

function isThreshold(value: unknown, signal: SignalName): value is number | null {
  if (signal === 'none') return value === null;
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
