import { defineConfig } from 'vitest/config';

// Installs packages and builds apps: one file at a time, with time to do so.
export default defineConfig({
  test: {
    name: 'full',
    include: ['test/full/**/*.test.ts'],
    testTimeout: 300_000,
    hookTimeout: 600_000,
    fileParallelism: false,
  },
});
