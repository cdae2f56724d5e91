import type { Envelope, HostControl, StartMessage, StartOptions } from './protocol.ts';

/** What connect.ts needs of a host, wherever it runs. */
export interface Host {
  /** Control calls; comlink exposes them. */
  readonly control: HostControl;
  /** Serves the page `from` on this port. */
  attach(port: MessagePort, from: string, hasLock: boolean): void;
  close(): void;
}

/** Two ends of one start of a host: what reaches it, and how its end is noticed and brought about. */
export interface Carrier {
  readonly epoch: string;
  /** Generate, abort, events. */
  readonly port: MessagePort;
  readonly controlPort: MessagePort;
  /** `true` when it can die or hang without this thread. */
  readonly isRemote: boolean;
  /** Calls back once with what is known when the host failed. */
  onFailure(listener: (cause: Error) => void): void;
  terminate(): void;
}

export interface CarrierOptions {
  readonly epoch: string;
  readonly from: string;
  readonly start: StartOptions;
}

/** Starts a host in a worker; throws what the browser throws when it refuses to. */
export function startWorkerCarrier(createWorker: () => Worker, options: CarrierOptions): Carrier {
  const messages = new MessageChannel();
  const control = new MessageChannel();
  const worker = createWorker();
  const failed = new Promise<Error>((resolve) => {
    worker.addEventListener('error', (event) => resolve(describeFailure(event)));
    worker.addEventListener('messageerror', () =>
      resolve(new Error('A message to or from the worker could not be read.')),
    );
  });
  const message = {
    type: 'start',
    epoch: options.epoch,
    from: options.from,
    id: 0,
    options: options.start,
    port: messages.port2,
    controlPort: control.port2,
  } satisfies StartMessage;
  worker.postMessage(message, [messages.port2, control.port2]);
  return {
    epoch: options.epoch,
    port: messages.port1,
    controlPort: control.port1,
    isRemote: true,
    onFailure(listener) {
      void failed.then(listener);
    },
    terminate: () => worker.terminate(),
  };
}

/** Runs a host on this thread, behind the same two ports. */
export function startInProcessCarrier(
  host: Host,
  expose: (control: HostControl, port: MessagePort) => void,
  { epoch, from }: Pick<Envelope, 'epoch' | 'from'>,
): Carrier {
  const messages = new MessageChannel();
  const control = new MessageChannel();
  expose(host.control, control.port2);
  host.attach(messages.port2, from, false);
  return {
    epoch,
    port: messages.port1,
    controlPort: control.port1,
    isRemote: false,
    onFailure: () => undefined,
    terminate: () => host.close(),
  };
}

/** A worker whose script did not load reports an event without any text. */
function describeFailure(event: ErrorEvent): Error {
  if (!event.message) {
    return new Error(
      'The worker script did not load: its address answers with an error, or the page forbids it (Content-Security-Policy worker-src).',
    );
  }
  return new Error(`${event.message} (${event.filename}:${event.lineno}:${event.colno})`, {
    cause: event.error ?? undefined,
  });
}
