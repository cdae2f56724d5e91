import type { Request } from '../types.ts';

/**
 * The owner's word on what may leave the device, by field, task and destination. A key that is absent
 * matches anything. The rule with the most keys wins; between equals `local-only` wins. No rule: text
 * may leave to the endpoint the owner configured.
 */
export interface EgressRule {
  readonly field?: string;
  readonly task?: string;
  /** Id of a tier. */
  readonly tier?: string;
  readonly egress: 'local-only' | 'may-leave';
}

const KEYS = ['field', 'task', 'tier'] as const;
const EXAMPLE = "[{ field: 'diagnosis', egress: 'local-only' }]";

/** Whether this request may be sent to that tier. */
export function mayLeave(
  rules: readonly EgressRule[],
  request: Pick<Request, 'field' | 'task'>,
  tier: string,
): boolean {
  const facts = { field: request.field, task: request.task, tier };
  const matching = rules.filter((rule) =>
    KEYS.every((key) => rule[key] === undefined || rule[key] === facts[key]),
  );
  const most = Math.max(0, ...matching.map(specificity));
  return !matching.some((rule) => specificity(rule) === most && rule.egress === 'local-only');
}

/** Checks the owner's rules; throws `TypeError` showing the right form. */
export function parseEgressRules(value: unknown): readonly EgressRule[] {
  if (!Array.isArray(value)) throw new TypeError(`egress must be an array such as ${EXAMPLE}.`);
  return value.map(parseEgressRule);
}

function parseEgressRule(value: unknown): EgressRule {
  const rule = (typeof value === 'object' ? value : null) as Readonly<
    Record<string, unknown>
  > | null;
  if (rule === null) throw new TypeError(`An egress rule must be an object, as in ${EXAMPLE}.`);
  const wrong = Object.keys(rule).find(
    (key) => key !== 'egress' && (!KEYS.some((known) => known === key) || !isText(rule[key])),
  );
  if (wrong !== undefined) {
    throw new TypeError(`An egress rule has a wrong key "${wrong}"; right is ${EXAMPLE}.`);
  }
  const egress = rule['egress'];
  if (egress !== 'local-only' && egress !== 'may-leave') {
    throw new TypeError(
      `An egress rule needs egress 'local-only' or 'may-leave', as in ${EXAMPLE}.`,
    );
  }
  const named = Object.fromEntries(
    KEYS.filter((key) => isText(rule[key])).map((key) => [key, rule[key]]),
  ) as Omit<EgressRule, 'egress'>;
  return { ...named, egress };
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0;
}

function specificity(rule: EgressRule): number {
  return KEYS.filter((key) => rule[key] !== undefined).length;
}
