/**
 * Compiled by the type check, never run: what must type-check does, and what must not is marked with
 * an expected error.
 */
import {
  createRuntime,
  NetworkError,
  type Answer,
  type FallbackNotice,
  type Mode,
  type Receipt,
  type Runtime,
  type SortedText,
  type StudentInfo,
  type SuggestionSource,
  type Tier,
  type TierEvent,
} from '../../src/index.ts';

type Equal<Left, Right> =
  (<Type>() => Type extends Left ? 1 : 2) extends <Type>() => Type extends Right ? 1 : 2
    ? true
    : false;

function assertType<_Holds extends true>(): void {}

const edge = createRuntime({
  models: { baseUrl: '/models/' },
  remote: { baseUrl: '/edge/v1', headers: { 'x-session': 'abc' }, frontier: null, slm: 'small' },
  mode: 'prefer-on-device',
  egress: [{ field: 'notes', egress: 'local-only' }],
  onCollapse: 'append',
});

assertType<Equal<typeof edge, Runtime>>();
assertType<Equal<typeof edge.complete, SuggestionSource>>();
assertType<Equal<Awaited<ReturnType<typeof edge.generate>>, Answer>>();
assertType<Equal<ReturnType<typeof edge.stream>, AsyncIterable<TierEvent>>>();
assertType<Equal<Receipt['costUsd'], number | null>>();
assertType<Equal<typeof edge.mode, Mode>>();

// An app's own task is a string; the known ones are suggested.
edge.stream({ task: 'greet-the-cat', input: { kind: 'text', text: 'hello' } });
edge.stream({ task: 'complete', input: { kind: 'prefix', before: 'Dear' } });

edge.addEventListener('decision', ({ detail }) => {
  assertType<Equal<typeof detail.decision.confidence, number | null>>();
});
edge.addEventListener('progress', ({ detail }) => {
  assertType<Equal<typeof detail.progress.secondsLeft, number | null>>();
});
edge.addEventListener('fallback', ({ detail }) => {
  if (detail.kind === 'tier') assertType<Equal<FallbackNotice['to'], typeof detail.to>>();
  else assertType<Equal<'storage-full' extends typeof detail.code ? true : false, true>>();
});

// Sorting: the answer always has a decision; probabilities are unknown where the cloud answered.
assertType<Equal<Awaited<ReturnType<typeof edge.classify>>, SortedText>>();
assertType<Equal<SortedText['probabilities'], Readonly<Record<string, number>> | null>>();
assertType<Equal<Awaited<ReturnType<typeof edge.students.load>>, StudentInfo>>();
void edge.classify({ task: 'triage', input: { kind: 'text', text: 'hi' } }, { lossBudget: 0.01 });
createRuntime({ mode: 'observe', students: [{ url: '/models/students/mine/', task: 'triage' }] });

// Watching gives nothing back to the app's own path.
assertType<Equal<ReturnType<typeof edge.observe>, void>>();
edge.observe({ task: 'triage', input: { kind: 'text', text: 'hi' } }, 'refund', { costUsd: 0.001 });

// @ts-expect-error: there is no such event
edge.addEventListener('surprise', () => {});
// @ts-expect-error: there is no such option
createRuntime({ modle: 'x' });
// @ts-expect-error: a student lies in a folder
createRuntime({ students: [{ task: 'triage' }] });
// @ts-expect-error: there is no such mode
createRuntime({ mode: 'sometimes' });
// @ts-expect-error: an endpoint has an address
createRuntime({ remote: { slm: 'small' } });
// @ts-expect-error: text has to be named as text
edge.stream({ task: 'ask', input: 'hello' });
// @ts-expect-error: a suggestion belongs to a field
void edge.complete.suggest({ before: 'a', after: '' });
// @ts-expect-error: codes are a closed list
export const tired = new NetworkError('tired', 'No.');
// @ts-expect-error: the state of the model is only read
edge.modelState = { status: 'absent' };

/** A tier of the app's own needs nothing of ours but the types. */
export const own: Tier = {
  id: 'own',
  place: 'device',
  modelId: null,
  async *generate(request, { signal } = {}) {
    signal?.throwIfAborted();
    yield { type: 'text-delta', text: request.task, evidence: [] };
  },
};
