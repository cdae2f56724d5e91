import { expose } from 'comlink';
import { createHost } from './host.ts';
import { holdLifeLock } from './life-signal.ts';
import { parseStartMessage } from './protocol.ts';

/** Entry of the worker: one host, for the page that starts it. */
addEventListener('message', (event: MessageEvent<unknown>) => {
  const start = parseStartMessage(event.data);
  if (start === null) return;
  const host = createHost({ ...start.options, epoch: start.epoch });
  expose(host.control, start.controlPort);
  void holdLifeLock(start.epoch).then((hasLock) => host.attach(start.port, start.from, hasLock));
});
