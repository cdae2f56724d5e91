import { playwright } from '@vitest/browser-playwright';
import { defineConfig } from 'vitest/config';
import { findBrowser } from './scripts/ensure-browser.mjs';

const executablePath = findBrowser();

// Customers' pages are usually not cross-origin isolated: the default browser project is not either.
// vitest.isolated.config.ts adds the headers for test/isolated.
export const browser = {
  enabled: true,
  headless: true,
  screenshotFailures: false,
  instances: [{ browser: 'chromium' as const }],
  provider: playwright({
    launchOptions: {
      ...(executablePath === null ? {} : { executablePath }),
      args: ['--enable-unsafe-webgpu'],
    },
  }),
};

/** Named here so that no test page reloads when Vite meets one of them late. */
export const optimizeDeps = {
  include: [
    '@huggingface/jinja',
    '@huggingface/tokenizers',
    'comlink',
    'eventsource-parser',
    'idb',
    'text-field-edit',
    'textarea-caret',
  ],
};

export default defineConfig({
  worker: { format: 'es' },
  optimizeDeps,
  test: {
    // Tests in the browser have no environment of their own.
    env: { EDGEWISE_OFFLINE: process.env['EDGEWISE_OFFLINE'] ?? '' },
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
