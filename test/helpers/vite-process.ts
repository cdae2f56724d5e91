import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

export interface ViteServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts the Vite of an app on a free port of this machine, and waits until it says where. */
export async function startVite(folder: string, mode: 'dev' | 'preview'): Promise<ViteServer> {
  const vite = path.join(folder, 'node_modules/vite/bin/vite.js');
  const flags = ['--host', '127.0.0.1', '--port', '0', '--strictPort'];
  const child = spawn(process.execPath, [vite, mode, ...flags], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined },
  });
  const closed = once(child, 'close');
  const url = await new Promise<string>((resolve, reject) => {
    let output = '';
    const read = (text: string): void => {
      output += text;
      const address = /http:\/\/127\.0\.0\.1:\d+\//.exec(output);
      if (address !== null) resolve(address[0]);
    };
    child.stdout.setEncoding('utf8').on('data', read);
    child.stderr.setEncoding('utf8').on('data', read);
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`vite ${mode} ended with ${code}:\n${output}`)));
  });
  return {
    url,
    async stop() {
      child.kill('SIGTERM');
      await closed;
    },
  };
}
