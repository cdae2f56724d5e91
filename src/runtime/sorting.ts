import { createClassifyCascade, type SortedText } from '../cascade/classify.ts';
import type { Classifier, StudentRung } from '../cascade/classify-turn.ts';
import { createStudentTier, type StudentTier } from '../tiers/student.ts';
import type { CallOptions, ClassifyOptions, Request, StudentInfo, Tier } from '../types.ts';
import type { HostConnection } from '../worker/connect.ts';
import type { EventBus } from './events.ts';
import { createObserver, type Observer } from './observing.ts';
import type { RuntimeOptions, StudentOptions } from './options.ts';
import type { OwnerPolicy } from './policy.ts';
import { createRemotes } from './remotes.ts';

export interface SortingOptions {
  readonly connection: HostConnection;
  readonly options: Pick<RuntimeOptions, 'students' | 'remote'>;
  readonly policy: OwnerPolicy;
  readonly bus: Pick<EventBus, 'send'>;
}

/** Students and the cascade above them. Loaded when a page first sorts something. */
export interface Sorting {
  classify(request: Request, options?: ClassifyOptions): Promise<SortedText>;
  /** Gets the student of a task ready. Throws `TypeError` where there is none. */
  loadStudent(task: string, options?: CallOptions): Promise<StudentInfo>;
  readonly observer: Observer;
}

export function createSorting({ connection, options, policy, bus }: SortingOptions): Sorting {
  const students = createStudents(connection, options.students ?? []);
  const classify = createClassifyCascade({
    findStudent: (task) => students.get(task) ?? null,
    ...policy,
    remotes: createRemotes(options.remote ?? null).filter(isClassifier),
    isOffline,
    onDecision(decision, { task, field, sessionId }) {
      bus.send('decision', { decision, task, field: field ?? null, sessionId: sessionId ?? null });
    },
    onFallback: (notice) => bus.send('fallback', { kind: 'tier', ...notice }),
  });
  return {
    classify,
    observer: createObserver({
      findStudent: (task) => students.get(task)?.student.classify ?? null,
    }),
    async loadStudent(task, callOptions) {
      const rung = students.get(task);
      if (rung === undefined) {
        throw new TypeError(
          `No student sorts the task "${task}". Name one: createRuntime({ students: [{ task: '${task}', url: '/models/students/banking77/' }] }).`,
        );
      }
      return rung.student.open(callOptions);
    },
  };
}

const DEFAULT_TASK = 'classify';

interface Rung extends StudentRung {
  readonly student: StudentTier;
}

function createStudents(
  connection: HostConnection,
  students: readonly StudentOptions[],
): ReadonlyMap<string, Rung> {
  return new Map(
    students.map(({ url, task = DEFAULT_TASK, lossBudget }) => {
      const student = createStudentTier({ connection, url: String(url) });
      return [task, { student, ...(lossBudget === undefined ? {} : { lossBudget }) }];
    }),
  );
}

function isClassifier(tier: Tier): tier is Tier & Classifier {
  return tier.classify !== undefined;
}

/** Browsers know for sure when they are offline, and only guess that they are not. */
function isOffline(): boolean {
  return (globalThis.navigator as { readonly onLine?: boolean } | undefined)?.onLine === false;
}
