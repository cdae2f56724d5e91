import { createClassifyCascade } from '../../src/cascade/classify.ts';
import type { ClassifyCascadeOptions } from '../../src/cascade/classify-turn.ts';
import { createRuleSet } from '../../src/cascade/rules.ts';
import type { FallbackNotice } from '../../src/cascade/turn.ts';
import type { Decision, Mode } from '../../src/types.ts';
import type { createScriptedStudent } from './scripted-classifier.ts';

export interface SortingSetup extends Partial<Omit<ClassifyCascadeOptions, 'mode'>> {
  readonly student?: ReturnType<typeof createScriptedStudent> | null;
  readonly mode?: Mode;
}

/** A cascade that sorts, and everything it tells. */
export function setUpSorting({
  student = null,
  mode = 'prefer-on-device',
  ...options
}: SortingSetup) {
  const decisions: Decision[] = [];
  const fallbacks: FallbackNotice[] = [];
  const classify = createClassifyCascade({
    findStudent: (task) => (student === null || task !== 'classify' ? null : { student }),
    remotes: [],
    mode: () => mode,
    rules: createRuleSet(),
    egress: [],
    onDecision: (decision) => decisions.push(decision),
    onFallback: (notice) => fallbacks.push(notice),
    ...options,
  });
  return { classify, decisions, fallbacks, reasons: () => decisions.map(({ reason }) => reason) };
}
