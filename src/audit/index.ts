/**
 * What of a log could have been answered on the device: the same in a page as on the command line.
 * Nothing is sent. Not part of the page entry: load it where it is needed.
 */
export { auditLog } from './audit-log.ts';
export type { Audit, AuditOptions, Judgement } from './audit-log.ts';
export { drawAudit, reportAudit, verdictOf } from './audit-report.ts';
export { describeAudit } from './audit-text.ts';
export type { AnswerSet, LabelAnswers } from './answer-set.ts';
export type { CallPrices } from './call-price.ts';
export type { Log, LogForm, LoggedCall, SkippedLine } from './logged-call.ts';
export { readLog } from './read-log.ts';
export type { ReadLogOptions } from './read-log.ts';
