import type { LossBudget } from '../cascade/certificate.ts';
import type { SortedText } from '../cascade/classify.ts';
import type { Observation } from '../cascade/observe.ts';
import { createLoader } from '../tiers/load-code.ts';
import type { CallOptions, ClassifyOptions, Request, StudentInfo } from '../types.ts';
import type { ObservationSummary, ObservedFacts } from './observing.ts';
import type { Sorting, SortingOptions } from './sorting.ts';
import { joinSignals } from './stream.ts';

/** The students that the runtime was given. */
export interface RuntimeStudents {
  /**
   * Gets the student of a task (default `classify`) ready, so that the first text is sorted at once,
   * and tells what is known of it. Fetches it where it is not on this device yet.
   */
  load(task?: string, options?: CallOptions): Promise<StudentInfo>;
}

/** What was seen of the app's own calls. It stays in this tab's memory until the app takes it. */
export interface RuntimeObservations {
  /**
   * What could have been kept on the device, at which certified loss, and what it would have saved.
   * Default: 2 % loss at 10 % risk. The promise is for one look: decide beforehand after how many
   * calls. Throws `RangeError` for a budget that is no share.
   */
  report(budget?: Partial<LossBudget>): Promise<ObservationSummary>;
  /** Without the texts; the form that `edgewise evaluate` and `edgewise calibrate` read. */
  list(): Promise<readonly Observation[]>;
  clear(): Promise<void>;
}

export interface Classifying {
  classify(request: Request, options?: ClassifyOptions): Promise<SortedText>;
  readonly students: RuntimeStudents;
  observe(request: Request, cloudAnswer: unknown, facts?: ObservedFacts): void;
  readonly observations: RuntimeObservations;
}

/** What the page's entry knows of sorting: how to get the rest when it is first needed. */
export function createClassifying(options: SortingOptions, closing: AbortSignal): Classifying {
  const open = createLoader('sorts texts', async () => {
    const { createSorting } = await import('./sorting.ts');
    return createSorting(options);
  });

  async function run<Call extends CallOptions, Value>(
    call: Call,
    work: (sorting: Sorting, call: Call) => Promise<Value>,
  ): Promise<Value> {
    const signal = joinSignals(closing, call.signal);
    signal.throwIfAborted();
    return work(await open(), { ...call, signal });
  }

  return {
    classify: (request, call = {}) =>
      run(call, (sorting, joined) => sorting.classify(request, joined)),
    students: {
      load: (task = 'classify', call = {}) =>
        run(call, (sorting, joined) => sorting.loadStudent(task, joined)),
    },
    observe(request, cloudAnswer, facts) {
      // Whatever happens to us is not the app's business.
      void open()
        .then(({ observer }) => observer.observe(request, cloudAnswer, facts))
        .catch(() => undefined);
    },
    observations: {
      report: async (budget) => (await open()).observer.report(budget),
      list: async () => (await open()).observer.list(),
      clear: async () => (await open()).observer.clear(),
    },
  };
}
