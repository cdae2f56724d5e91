import { defineConfig, type UserConfigFnObject } from 'vite';

const root = `${import.meta.dirname}/..`;

/** The page uses the package by its name: its sources while one works on them, else what was built. */
function packageAlias(folder: string, extension: string) {
  const entry = (name: string) => `${root}/${folder}/${name}.${extension}`;
  return [
    { find: /^edgewise$/, replacement: entry('index') },
    { find: /^edgewise\/audit$/, replacement: entry('audit/index') },
    { find: /^edgewise\/autocomplete$/, replacement: entry('autocomplete/index') },
  ];
}

/** How every page of this folder is built. */
export function pageConfig(pageFolder: string): UserConfigFnObject {
  return defineConfig(({ command }) => ({
    root: pageFolder,
    base: './',
    resolve: {
      alias: command === 'serve' ? packageAlias('src', 'ts') : packageAlias('dist', 'js'),
    },
    worker: { format: 'es' },
    build: {
      outDir: 'dist',
      emptyOutDir: true,
      // An inlined asset is a data: URL, which the page's connect-src forbids.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
    },
  }));
}
