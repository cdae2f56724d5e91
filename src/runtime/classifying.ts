import type { SortedText } from '../cascade/classify.ts';
import { createLoader } from '../tiers/load-code.ts';
import type { CallOptions, ClassifyOptions, Request, StudentInfo } from '../types.ts';
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

export interface Classifying {
  classify(request: Request, options?: ClassifyOptions): Promise<SortedText>;
  readonly students: RuntimeStudents;
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
  };
}
