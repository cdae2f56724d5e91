import { lowerBinomialBound, upperBinomialBound } from '../cascade/binomial-bound.ts';
import { certifyThreshold } from '../cascade/certificate.ts';
import type { ObservationReport } from '../cascade/observe.ts';
import { renderChart, type ChartPoint } from '../evaluate/chart.ts';
import { createReport, type EvaluationReport } from '../evaluate/report.ts';
import type { Audit, Judgement } from './audit-log.ts';

const INTERVAL_TAIL = 0.025;
const REQUESTS = 1000;
/** Loss budgets of the curve in the chart. */
const CURVE_STEPS = 40;
const LARGEST_ALPHA = 0.1;
/** A field's name is shown only when it cannot be a text of somebody's. */
const FIELD_NAME = /^[\w.-]{1,40}$/;

/** The audit in the shape of every evaluation; no text and no answer of the log is in it. */
export function reportAudit(audit: Audit, dataSha256: string | null): EvaluationReport {
  const { log, calls, requests, answers, judgement, alphas, delta, seed } = audit;
  const { field, otherFields } =
    answers.kind === 'labels' ? answers : { field: null, otherFields: 0 };
  const skipped = Object.values(log.skipped).reduce((sum, count) => sum + count, 0);
  return createReport({
    name: 'audit',
    figures: {
      calls: log.calls.length,
      auditedCalls: calls,
      requests,
      skippedLines: skipped,
      answers: answers.distinct,
      unseenAnswerShare: answers.unseenShare,
      ...(judgement === null ? {} : figuresOf(judgement, alphas)),
    },
    context: {
      verdict: verdictOf(audit),
      form: log.form,
      answerField:
        field === null ? null : FIELD_NAME.test(field) ? field : 'a field of the answers',
      otherAnswerFields: otherFields,
      trained: judgement?.split.training ?? 0,
      judged: judgement?.observations.length ?? 0,
      order: judgement?.split.order ?? null,
      contradictoryTexts: judgement?.contradictory ?? null,
      droppedCalls: log.droppedCalls,
      alphas: alphas.join(', '),
      delta,
      loss: "kept and different from the cloud's answer, as a share of all requests",
      intervals:
        'binomial, 95 %; of what is kept in-sample, at the threshold chosen on these calls',
      seed,
      dataSha256,
    },
  });
}

/** What the audit comes to, in one word. */
export function verdictOf({
  judgement,
  answers,
}: Audit): 'certified' | 'not-certifiable' | 'free-text' | 'one-answer' | 'too-few-calls' {
  if (answers.kind !== 'labels') return answers.kind;
  if (judgement === null) return 'too-few-calls';
  const isCertified = judgement.reports.some(({ saving }) => saving !== null);
  return isCertified ? 'certified' : 'not-certifiable';
}

/** What could be kept for each loss budget, and what differs among the surest. */
export function drawAudit({ judgement, delta, alphas, seed }: Audit): string | null {
  if (judgement === null) return null;
  const { observations } = judgement;
  const rows = observations.map(({ score = null, deviceCorrect }) => ({
    score,
    isLoss: !deviceCorrect,
  }));
  const curve = Array.from({ length: CURVE_STEPS }, (_, index): ChartPoint => {
    const alpha = ((index + 1) / CURVE_STEPS) * LARGEST_ALPHA;
    const certificate = certifyThreshold(rows, { alpha, delta });
    return { x: alpha, y: certificate.status === 'certified' ? certificate.keptShare : 0 };
  });
  return renderChart({
    title: 'What could stay on the device',
    caption: `${rows.length} requests judged by the cloud's own answers; risk ${delta}; seed ${seed}`,
    panels: [
      {
        title: 'Kept with a certificate',
        xLabel: 'certified loss, share of all requests',
        yLabel: 'share of requests kept',
        xRange: [0, LARGEST_ALPHA],
        yRange: [0, 1],
        series: [{ name: 'certified', kind: 'line', points: curve }],
      },
      {
        title: "Different from the cloud's answer",
        xLabel: 'share of requests kept, surest first',
        yLabel: 'share of all requests',
        xRange: [0, 1],
        rules: alphas.map((alpha) => ({ name: `${alpha}`, y: alpha })),
        series: [{ name: 'kept and different', kind: 'line', points: lossCurve(rows) }],
      },
    ],
  });
}

/** Money kept in 1,000 requests; `null` where the cost of none of them is known. */
export function savingPerThousand({ saving, requests }: ObservationReport): number | null {
  if (saving === null || saving.costUsd === null) return null;
  return (saving.costUsd / requests) * REQUESTS;
}

/**
 * Of the kept requests, how many got another answer than the cloud's; `null`: nothing is certified. A
 * loss budget is a share of all requests: keeping few of them meets it even when most of these differ.
 */
export function differentOfKept({ certificate }: ObservationReport): number | null {
  if (certificate.status === 'not-certifiable') return null;
  return share(certificate.lossLabels, certificate.keptLabels);
}

/** How many labels a certificate takes beyond those there are; `null`: more would not help. */
export function moreLabels({ certificate }: ObservationReport): number | null {
  if (certificate.status === 'certified') return 0;
  const { labels, labelsNeeded } = certificate;
  return labelsNeeded === null ? null : labelsNeeded - labels;
}

function figuresOf(
  { observations, reports, studentBytes }: Judgement,
  alphas: readonly number[],
): Record<string, number | null> {
  const trials = observations.length;
  const successes = observations.filter(({ deviceCorrect }) => deviceCorrect).length;
  const perBudget = reports.flatMap((report, index) => {
    const name = budgetName(alphas[index] ?? 0);
    const { saving, certificate } = report;
    return [
      [`kept${name}`, saving?.keptShare ?? null],
      [`kept${name}Low`, saving?.keptShareLow ?? null],
      [`kept${name}High`, saving?.keptShareHigh ?? null],
      [`differentOfKept${name}`, differentOfKept(report)],
      [`lossBound${name}`, certificate.status === 'certified' ? certificate.lossBound : null],
      [`threshold${name}`, certificate.status === 'certified' ? certificate.threshold : null],
      [`moreLabels${name}`, moreLabels(report)],
      [`savedUsdPer1000At${name}`, savingPerThousand(report)],
      [
        `pricedShareAt${name}`,
        saving === null ? null : share(saving.pricedRequests, saving.keptRequests),
      ],
      [`cloudMeanMsAt${name}`, saving?.cloudMeanMs ?? null],
      [`deviceMeanMsAt${name}`, saving?.deviceMeanMs ?? null],
    ] as const;
  });
  return {
    agreement: successes / trials,
    agreementLow: lowerBinomialBound({ successes, trials }, INTERVAL_TAIL),
    agreementHigh: upperBinomialBound({ successes, trials }, INTERVAL_TAIL),
    ...Object.fromEntries(perBudget),
    studentBytes,
  };
}

/** `2` for 2 %, `0_5` for half a percent. */
function budgetName(alpha: number): string {
  return String(Number((alpha * 100).toPrecision(6))).replace('.', '_');
}

function share(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

function lossCurve(rows: readonly { score: number | null; isLoss: boolean }[]): ChartPoint[] {
  const surest = rows.toSorted((left, right) => (right.score ?? 0) - (left.score ?? 0));
  let losses = 0;
  return surest.map(({ isLoss }, index) => {
    losses += Number(isLoss);
    return { x: (index + 1) / rows.length, y: losses / rows.length };
  });
}
