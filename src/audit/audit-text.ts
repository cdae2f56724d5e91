import type { ObservationReport } from '../cascade/observe.ts';
import { differentOfKept, moreLabels, savingPerThousand, verdictOf } from './audit-report.ts';
import type { Audit, Judgement } from './audit-log.ts';
import type { LogForm } from './logged-call.ts';

const FORMS: Readonly<Record<LogForm, string>> = {
  openai: 'OpenAI requests and answers',
  'ai-sdk': 'AI SDK calls',
  'text-answer': 'texts and answers',
  csv: 'CSV',
};
const COLUMNS = [12, 26, 15, 15] as const;
/** Below this a closed set with many labels looks like free text: few labels have come twice. */
const FEW_REQUESTS = 300;

/** The audit for people. Holds no text and no answer of the log. */
export function describeAudit(audit: Audit): string {
  return `${[...describeLog(audit), '', ...describeAnswers(audit)].join('\n')}\n`;
}

function describeLog(audit: Audit): string[] {
  const { log, calls, requests } = audit;
  const form = FORMS[log.form];
  const texts = `${count(calls, 'call')}, ${count(requests, 'distinct text')}`;
  if (calls === log.calls.length) return [`${texts} (${form}).`, ...describeSkipped(audit)];
  return [
    `${count(log.calls.length, 'call')} (${form}).`,
    ...describeSkipped(audit),
    'The log mixes several tasks, told by their instructions. This is about the largest one that sorts:',
    `${texts}.`,
  ];
}

function describeSkipped({ log }: Audit): string[] {
  const counts = Object.entries(log.skipped).filter(([, number]) => number > 0);
  const reasons = counts.map(([reason, number]) => `${number} ${reason.replace('-', ' ')}`);
  return [
    ...(reasons.length === 0
      ? []
      : [`Left out: ${reasons.join(', ')}; the first at ${log.firstSkippedLine ?? 'the end'}.`]),
    ...(log.droppedCalls === 0 ? [] : [`The ${log.droppedCalls} oldest calls were not used.`]),
  ];
}

function describeAnswers(audit: Audit): string[] {
  const { answers, judgement, requests } = audit;
  const unseen = percent(answers.unseenShare);
  if (answers.kind === 'free-text') {
    const few =
      requests < FEW_REQUESTS
        ? [`With only ${requests} texts it may look so although it is not: give a longer log.`]
        : [];
    return [
      `The answers are text that is written anew: about ${unseen} of the next ones were never seen.`,
      ...few,
      'This audit cannot judge that: whether another answer is as good is not to be seen in a log of one',
      'answer each. What it takes: answers of the model that would run on the device, and for some hundred of',
      'them whether they are acceptable. `edgewise label` collects that, `edgewise evaluate promise` certifies it.',
    ];
  }
  if (answers.kind === 'one-answer') {
    return [
      'Every answer is the same: there is nothing to tell apart, so there is nothing to certify.',
    ];
  }
  const where = answers.field === null ? '' : ', in one field of their JSON';
  const set = `The answers are a closed set: ${count(answers.distinct, 'label')}${where}.`;
  if (judgement === null) {
    return [
      set,
      `${requests} distinct texts are too few to learn from and to judge by: give a few hundred.`,
    ];
  }
  return [set, ...describeOthers(answers.otherFields), ...describeJudgement(audit, judgement)];
}

function describeOthers(otherFields: number): string[] {
  return otherFields === 0
    ? []
    : [
        `They hold ${count(otherFields, 'further field')}, which a student does not give: what needs those goes on to the cloud.`,
      ];
}

function describeJudgement(audit: Audit, judgement: Judgement): string[] {
  const { observations, reports, split, contradictory } = judgement;
  const order = split.order === 'time' ? 'that came after' : 'others, drawn at random';
  const agreement = reports[0]?.agreementShare ?? null;
  const confidence = percent(1 - audit.delta);
  return [
    `A student learnt from ${count(split.training, 'text')} and was judged on ${observations.length.toLocaleString('en')} ${order}.`,
    `It gives the cloud's answer for ${agreement === null ? 'an unknown share' : percent(agreement)} of these.`,
    ...(contradictory === 0
      ? []
      : [`${count(contradictory, 'text')} got several answers from the cloud.`]),
    '',
    row(
      'loss at most',
      'kept on the device',
      'differ of those',
      'saved per 1,000',
      'mean time, cloud and device',
    ),
    ...reports.map((report, index) => describeBudget(report, audit.alphas[index] ?? 0)),
    '',
    `What that promises, each line for itself and with ${confidence} confidence: of requests like these at most`,
    "that share would be kept and get another answer than the cloud's. Whether the cloud was right the log does",
    'not say.',
    ...describeMoney(reports),
    ...(verdictOf(audit) === 'certified' ? [] : ['Nothing can be certified yet.']),
  ];
}

function describeBudget(report: ObservationReport, alpha: number): string {
  const { saving } = report;
  if (saving === null) {
    const more = moreLabels(report);
    const need =
      more === null ? 'more of the same would not help' : `about ${more} more labels needed`;
    return row(percent(alpha), `not certifiable, ${need}`);
  }
  const { keptShare, keptShareLow, keptShareHigh, cloudMeanMs, deviceMeanMs } = saving;
  const money = savingPerThousand(report);
  const times =
    cloudMeanMs === null
      ? 'unknown'
      : `${cloudMeanMs.toFixed(0)} ms, ${(deviceMeanMs ?? 0).toFixed(1)} ms here`;
  return row(
    percent(alpha),
    `${percent(keptShare)} (${percent(keptShareLow)} to ${percent(keptShareHigh)})`,
    percent(differentOfKept(report) ?? 0),
    money === null ? 'unknown' : `$${money.toFixed(money < 1 ? 4 : 2)}`,
    times,
  );
}

/** Unknown costs are no zero, and a part of them is a lower bound. */
function describeMoney(reports: readonly ObservationReport[]): string[] {
  const savings = reports.flatMap(({ saving }) => (saving === null ? [] : [saving]));
  if (savings.length === 0) return [];
  if (savings.every(({ costUsd }) => costUsd === null)) {
    return [
      'Money is unknown: the log has no costs, and no price of a call or of tokens was given.',
    ];
  }
  const isPartial = savings.some(
    ({ pricedRequests, keptRequests }) => pricedRequests < keptRequests,
  );
  return isPartial ? ['Some calls have no known cost: more than this is saved.'] : [];
}

function row(...cells: readonly string[]): string {
  const padded = cells.map((cell, index) => cell.padEnd(COLUMNS[index] ?? 0));
  return `  ${padded.join('  ').trimEnd()}`;
}

function count(number: number, name: string): string {
  return `${number.toLocaleString('en')} ${number === 1 ? name : `${name}s`}`;
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(1))} %`;
}
