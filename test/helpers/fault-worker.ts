import { expose } from 'comlink';
import { createHost } from '../../src/worker/host.ts';
import { holdLifeLock } from '../../src/worker/life-signal.ts';
import { parseStartMessage } from '../../src/worker/protocol.ts';
import { createFaultEngine } from './fault-engine.ts';

/** As the package's own worker, but with the engine that fails as asked. */
addEventListener('message', (event: MessageEvent<unknown>) => {
  const start = parseStartMessage(event.data);
  if (start === null) return;
  const engines = { wasm: async () => createFaultEngine() };
  const host = createHost({ ...start.options, epoch: start.epoch, engines });
  expose(host.control, start.controlPort);
  void holdLifeLock(start.epoch).then((hasLock) => host.attach(start.port, start.from, hasLock));
});
