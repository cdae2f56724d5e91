// Starts src/relay/local-worker.ts in a worker thread: Node 20 cannot run TypeScript, Vite can.
import { createServer, createServerModuleRunner } from 'vite';

const server = await createServer({
  configFile: false,
  appType: 'custom',
  logLevel: 'error',
  optimizeDeps: { noDiscovery: true },
  server: { middlewareMode: true, hmr: false, ws: false, watch: null },
});
const runner = createServerModuleRunner(server.environments.ssr, { hmr: false });
await runner.import('/src/relay/local-worker.ts');
