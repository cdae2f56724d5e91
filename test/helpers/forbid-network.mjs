// Preloaded into a command (`node --import`): any connection, look-up or further program throws. Proves
// that the command needs no network.
import childProcess from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';

function forbid(what) {
  throw new Error(`forbidden in this test: ${what}`);
}

net.Socket.prototype.connect = () => forbid('a connection');
globalThis.fetch = () => forbid('fetch');
for (const name of ['spawn', 'spawnSync', 'exec', 'execFile', 'fork']) {
  childProcess[name] = () => forbid(`starting a program (${name})`);
}
syncBuiltinESMExports();
