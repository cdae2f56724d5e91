import { parseEgressRules, type EgressRule } from '../cascade/egress.ts';
import { createRuleSet, type RuleSet } from '../cascade/rules.ts';
import type { Mode } from '../types.ts';
import type { RuntimeOptions } from './options.ts';

/** What the owner lays down, for everyone who decides. */
export interface OwnerPolicy {
  /** Read anew for each request. */
  readonly mode: () => Mode;
  readonly rules: RuleSet;
  readonly egress: readonly EgressRule[];
}

/** Throws `TypeError` for rules that are none. */
export function readPolicy(
  { rules, egress = [] }: Pick<RuntimeOptions, 'rules' | 'egress'>,
  mode: () => Mode,
): OwnerPolicy {
  return { mode, rules: createRuleSet(rules), egress: parseEgressRules(egress) };
}
