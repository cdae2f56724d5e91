import type { SortedText } from '../cascade/classify.ts';
import { NetworkError } from '../errors.ts';
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
export function createClassifying(
  options: SortingOptions & { readonly closing: AbortSignal },
): Classifying {
  let loading: Promise<Sorting> | null = null;
  const open = (): Promise<Sorting> => {
    loading ??= loadSorting(options).catch((error: unknown) => {
      loading = null;
      throw error;
    });
    return loading;
  };
  const within = <Call extends CallOptions>(
    call: Call,
  ): Call & { readonly signal: AbortSignal } => ({
    ...call,
    signal: joinSignals(options.closing, call.signal),
  });
  return {
    async classify(request, call = {}) {
      const joined = within(call);
      joined.signal.throwIfAborted();
      const sorting = await open();
      return sorting.classify(request, joined);
    },
    students: {
      async load(task = 'classify', call = {}) {
        const joined = within(call);
        joined.signal.throwIfAborted();
        const sorting = await open();
        return sorting.loadStudent(task, joined);
      },
    },
  };
}

async function loadSorting(options: SortingOptions): Promise<Sorting> {
  try {
    const { createSorting } = await import('./sorting.ts');
    return createSorting(options);
  } catch (cause) {
    throw new NetworkError(
      'offline',
      'The code that sorts texts could not be loaded. Check the connection, and that the server has the files of this version.',
      { cause, isRetryable: true },
    );
  }
}
