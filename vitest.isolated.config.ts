import { defineConfig } from 'vitest/config';
import { browser, optimizeDeps } from './vite.config.ts';

// The same browser, on pages that are cross-origin isolated. The headers hold for the whole server,
// so these tests need a configuration of their own.
export default defineConfig({
  worker: { format: 'es' },
  optimizeDeps,
  server: {
    headers: {
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Embedder-Policy': 'require-corp',
    },
  },
  test: { name: 'isolated', include: ['test/isolated/**/*.test.ts'], browser },
});
