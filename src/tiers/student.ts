import type {
  CallOptions,
  Classification,
  Request,
  StudentInfo,
  Tier,
  TierEvent,
} from '../types.ts';
import type { HostConnection } from '../worker/connect.ts';
import { startReceipt } from './receipt.ts';
import { textOfInput } from './request-text.ts';

export interface StudentTierOptions {
  readonly connection: Pick<HostConnection, 'student' | 'classify'>;
  /** Folder with `student.json`; relative to the page. */
  readonly url: string;
  /** Default `student`. */
  readonly id?: string;
}

/** A small trained classifier in the worker. */
export interface StudentTier extends Tier {
  /**
   * Fetches and checks it, unless it is on this device already. Remembered until another one answers:
   * after an answer these are the facts of the student that gave it.
   */
  open(options?: CallOptions): Promise<StudentInfo>;
  classify(request: Request, options?: CallOptions): Promise<Classification>;
}

/**
 * Sorts texts into the labels the student was trained on. Its own confidence is its highest
 * probability, uncalibrated: only the cascade judges. `generate` gives the label as text.
 * Throws what the connection throws: `NetworkError` or `ModelError` where the file cannot be had.
 */
export function createStudentTier(options: StudentTierOptions): StudentTier {
  const { connection, url, id = 'student' } = options;
  let known: StudentInfo | null = null;

  async function open(callOptions?: CallOptions): Promise<StudentInfo> {
    known ??= await connection.student(url, callOptions);
    return known;
  }

  async function classify(
    request: Request,
    callOptions: CallOptions = {},
  ): Promise<Classification> {
    callOptions.signal?.throwIfAborted();
    const writeReceipt = startReceipt();
    const asked = await open(callOptions);
    const text = textOfInput(request.input);
    const answer = await connection.classify({ studentUrl: url, text }, callOptions);
    // A worker that began anew opens what is stored by then.
    if (answer.studentSha256 !== asked.sha256 && known === asked) known = null;
    const { id: modelId } = await open(callOptions);
    const { label, probabilities, evidence, busyMs } = answer;
    return {
      label,
      probabilities,
      confidence: { value: evidence.topProbability, calibrationId: 'uncalibrated' },
      decision: null,
      evidence,
      tier: id,
      receipt: writeReceipt({ task: request.task, tier: id, modelId, busyMs }),
    };
  }

  return {
    id,
    place: 'device',
    get modelId() {
      return known?.id ?? null;
    },
    open,
    classify,
    generate: (request, callOptions) => toEvents(() => classify(request, callOptions)),
  };
}

async function* toEvents(classify: () => Promise<Classification>): AsyncGenerator<TierEvent> {
  const { label, confidence, tier, receipt } = await classify();
  const evidence = [
    { textLength: label.length, logProbability: null, margin: null, isTyped: false },
  ];
  yield { type: 'text-delta', text: label, evidence };
  yield { type: 'finish', reason: 'stop', tier, confidence, decision: null, receipt };
}
