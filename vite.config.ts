import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';

// Customers' pages are usually not cross-origin isolated: the default browser project is not either.
const browser = {
  enabled: true,
  headless: true,
  screenshotFailures: false,
  instances: [{ browser: 'chromium' as const }],
  provider: playwright({
    launchOptions: {
      executablePath: process.env['EDGEWISE_CHROMIUM'] ?? '/usr/bin/chromium',
      args: ['--enable-unsafe-webgpu'],
    },
  }),
};

export default defineConfig({
  worker: { format: 'es' },
  optimizeDeps: { include: ['comlink', 'idb', 'idb-keyval'] },
  test: {
    projects: [
      { extends: true, test: { name: 'unit', include: ['test/unit/**/*.test.ts'] } },
      { extends: true, test: { name: 'contract', include: ['test/contract/**/*.test.ts'] } },
      { extends: true, test: { name: 'browser', include: ['test/browser/**/*.test.ts'], browser } },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
