import { EngineError } from '../errors.ts';
import type { DownloadProgress } from '../types.ts';
import type { Carrier } from './carrier.ts';
import { startHeartbeat, watchLifeLock } from './life-signal.ts';
import type { Heartbeat } from './life-signal.ts';
import { createPendingCalls } from './pending-calls.ts';
import type { PendingCalls } from './pending-calls.ts';
import { parseHostMessage } from './protocol.ts';
import type {
  ClassifyRequest,
  Envelope,
  GenerateRequest,
  HostControl,
  HostMessage,
  PageMessage,
  StudentAnswer,
  WireResult,
} from './protocol.ts';
import type { StepStream } from './step-stream.ts';
import { decodeError } from './wire-error.ts';

/** One start of a host, seen from the page. It owns every call in flight and ends all of them. */
export interface Link {
  /** Runs a control call; an abort of `signal` ends it here and there. */
  call<Value>(invoke: ControlInvocation<Value>, options?: LinkCallOptions): Promise<Value>;
  /** Asks for steps, which go into `stream`. Returns how to end the run in the host. */
  generate(request: GenerateRequest, stream: StepStream): () => void;
  /** Sorts one text; an abort of `signal` ends the call here and there. */
  classify(request: ClassifyRequest, signal: AbortSignal | undefined): Promise<StudentAnswer>;
  /** Ends every pending call with this error, and the host. */
  close(error: Error): void;
}

export type ControlInvocation<Value> = (
  control: HostControl,
  envelope: Envelope,
) => Promise<WireResult<Value>>;

export interface LinkCallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
}

export interface LinkOptions {
  readonly carrier: Carrier;
  /** The host's control calls, through comlink. */
  readonly control: HostControl;
  readonly from: string;
  /** State and warning messages. */
  onEvent(message: HostMessage): void;
  /** The host is gone and every pending call was rejected with this error. */
  onLost(error: Error): void;
}

/** A script of a few hundred kB must load and parse, on slow phones and slow networks. */
const START_TIMEOUT_MS = 30_000;

/** Resolves once the host answers, rejects with `EngineError` `worker-crashed` when it does not. */
export function openLink(options: LinkOptions): Promise<Link> {
  const { carrier } = options;
  const calls = createPendingCalls();
  const watches: (() => void)[] = [];
  let isClosed = false;

  function close(error: Error): void {
    if (isClosed) return;
    isClosed = true;
    for (const stop of watches) stop();
    carrier.terminate();
    carrier.port.close();
    carrier.controlPort.close();
    calls.failAll(error);
  }

  function lose(cause: unknown): void {
    if (isClosed) return;
    const error = crashError(cause);
    close(error);
    options.onLost(error);
  }

  return new Promise((resolve, reject) => {
    const sender: Sender = { ...options, calls, post: createPost(options, () => isClosed) };
    // The start is a call like any other: it ends when the host does.
    const startId = calls.open({ onMessage: () => undefined, fail: reject });
    let isStarted = false;
    const heartbeat = watchHost(sender, watches, { lose, isStarted: () => isStarted });
    const timer = setTimeout(
      () => lose(new Error(`It did not answer within ${START_TIMEOUT_MS / 1000} s.`)),
      START_TIMEOUT_MS,
    );
    watches.push(() => clearTimeout(timer));
    listen(options, (message) => {
      heartbeat?.heard();
      if (message.type === 'state' || message.type === 'warning') options.onEvent(message);
      else if (message.type === 'ready' && calls.forget(startId)) {
        clearTimeout(timer);
        isStarted = true;
        if (message.hasLock) {
          const onGone = (): void => lose(new Error('The browser ended it.'));
          watches.push(watchLifeLock(carrier.epoch, onGone));
        }
        resolve(createLink(sender, close));
      } else calls.deliver(message);
    });
  });
}

/** A message before its envelope is added. */
type Untagged<Message> = Message extends Envelope ? Omit<Message, keyof Envelope> : never;

type Post = (id: number, message: Untagged<PageMessage>) => void;

interface Sender extends LinkOptions {
  readonly calls: PendingCalls;
  readonly post: Post;
}

function createPost({ carrier, from }: LinkOptions, isClosed: () => boolean): Post {
  return (id, message) => {
    if (isClosed()) return;
    const { epoch, port } = carrier;
    port.postMessage({ epoch, from, id, ...message } satisfies PageMessage);
  };
}

function watchHost(
  { carrier, calls, post }: Sender,
  watches: (() => void)[],
  { lose, isStarted }: { lose(cause: Error): void; isStarted(): boolean },
): Heartbeat | null {
  carrier.onFailure(lose);
  if (!carrier.isRemote) return null;
  const heartbeat = startHeartbeat({
    // A slow start has its own, longer limit.
    isNeeded: () => isStarted() && calls.size > 0,
    beat: () => post(0, { type: 'ping' }),
    onLost: () => lose(new Error('It stopped answering.')),
  });
  watches.push(heartbeat.stop);
  return heartbeat;
}

function listen({ carrier }: LinkOptions, receive: (message: HostMessage) => void): void {
  carrier.port.addEventListener('message', (event: MessageEvent<unknown>) => {
    const message = parseHostMessage(event.data);
    if (message?.epoch === carrier.epoch) receive(message);
  });
  carrier.port.start();
}

function createLink(sender: Sender, close: (error: Error) => void): Link {
  const { calls, post } = sender;
  return {
    call: (invoke, options = {}) => runControlCall(sender, invoke, options),
    classify: (request, signal) => runClassify(sender, request, signal),
    generate(request, stream) {
      const id = calls.open({
        onMessage(message) {
          // Over before the reader hears of it, so that nobody aborts what has ended.
          if (isLast(message)) calls.forget(id);
          feed(stream, message);
        },
        fail: stream.fail,
      });
      post(id, { type: 'generate', request });
      return () => {
        if (calls.forget(id)) post(id, { type: 'abort' });
      };
    },
    close,
  };
}

function isLast(message: HostMessage): boolean {
  return message.type === 'error' || (message.type === 'step' && message.step.type === 'end');
}

function feed(stream: StepStream, message: HostMessage): void {
  if (message.type === 'error') stream.fail(decodeError(message.error));
  if (message.type !== 'step') return;
  stream.push(message.step);
  if (message.step.type === 'end') stream.close();
}

/** comlink never rejects a call whose other side is gone, so each is also a pending call of ours. */
async function runControlCall<Value>(
  sender: Sender,
  invoke: ControlInvocation<Value>,
  { signal, onProgress }: LinkCallOptions,
): Promise<Value> {
  const outcome = await runCall(sender, signal, {
    start: (id) => invoke(sender.control, { epoch: sender.carrier.epoch, from: sender.from, id }),
    onMessage(message) {
      if (message.type === 'progress') onProgress?.(message.progress);
    },
  });
  if (outcome.status === 'failed') throw decodeError(outcome.error);
  return outcome.value;
}

function runClassify(
  sender: Sender,
  request: ClassifyRequest,
  signal: AbortSignal | undefined,
): Promise<StudentAnswer> {
  let settle: (message: HostMessage) => void = () => undefined;
  return runCall(sender, signal, {
    start(id) {
      sender.post(id, { type: 'classify', request });
      return new Promise((resolve, reject) => {
        settle = (message) => {
          if (message.type === 'classified') resolve(message.answer);
          if (message.type === 'error') reject(decodeError(message.error));
        };
      });
    },
    onMessage: (message) => settle(message),
  });
}

interface CallSteps<Value> {
  /** Sends what the call is about. */
  start(id: number): Promise<Value>;
  onMessage(message: HostMessage): void;
}

/** A pending call: it ends with its value, with the host, or with the signal. */
async function runCall<Value>(
  { calls, post }: Sender,
  signal: AbortSignal | undefined,
  { start, onMessage }: CallSteps<Value>,
): Promise<Value> {
  signal?.throwIfAborted();
  const interruption = createInterruption();
  const id = calls.open({ onMessage, fail: interruption.trigger });
  const onAbort = (): void => {
    interruption.trigger(signal?.reason);
    post(id, { type: 'abort' });
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([start(id), interruption.promise]);
  } finally {
    signal?.removeEventListener('abort', onAbort);
    calls.forget(id);
  }
}

/** A promise that rejects when told to. */
function createInterruption(): { promise: Promise<never>; trigger(reason: unknown): void } {
  let trigger: (reason: unknown) => void = () => undefined;
  const promise = new Promise<never>((_resolve, reject) => {
    trigger = reject;
  });
  return { promise, trigger: (reason) => trigger(reason) };
}

function crashError(cause: unknown): EngineError {
  return new EngineError(
    'worker-crashed',
    'The worker that runs the model stopped. Repeat the call: it starts a new worker and loads the model again.',
    { cause, isRetryable: true },
  );
}
