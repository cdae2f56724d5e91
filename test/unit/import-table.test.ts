import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

interface Case {
  readonly file: string;
  readonly code: string;
  /** Rule that must speak; `null` when the code is allowed. */
  readonly rule: string | null;
}

const table = 'import-table';

/** One forbidden and one allowed import for each row of the table, and the other house rules. */
const cases: readonly Case[] = [
  { file: 'src/types.ts', code: `import '../src/runtime.ts';`, rule: table },
  { file: 'src/errors.ts', code: `import './runtime.ts';`, rule: table },
  { file: 'src/index.ts', code: `export { load } from './engines/wasm/engine.ts';`, rule: table },
  { file: 'src/index.ts', code: `export { load } from './runtime.ts';`, rule: null },
  { file: 'src/runtime.ts', code: `import './engines/wasm/engine.ts';`, rule: table },
  { file: 'src/runtime.ts', code: `import './tiers/device.ts';`, rule: null },
  { file: 'src/runtime/a.ts', code: `import '../runtime.ts';`, rule: table },
  { file: 'src/runtime/a.ts', code: `import '../worker/host.ts';`, rule: table },
  { file: 'src/runtime/a.ts', code: `import '../tiers/device.ts';`, rule: null },
  { file: 'src/cascade/a.ts', code: `import '../ledger/receipt.ts';`, rule: table },
  { file: 'src/cascade/a.ts', code: `import type { A } from '../worker/host.ts';`, rule: table },
  { file: 'src/cascade/a.ts', code: `import 'comlink';`, rule: table },
  { file: 'src/cascade/a.ts', code: `import '../students/classifier.ts';`, rule: table },
  { file: 'src/cascade/a.ts', code: `import '../students/features.ts';`, rule: null },
  { file: 'src/cascade/a.ts', code: `import '../types.ts';`, rule: null },
  { file: 'src/completion/a.ts', code: `import '../storage/database.ts';`, rule: table },
  { file: 'src/completion/a.ts', code: `import '../cascade/plan.ts';`, rule: null },
  { file: 'src/students/a.ts', code: `import '../text/tokenizer.ts';`, rule: table },
  { file: 'src/ledger/a.ts', code: `import './adapters/prices.ts';`, rule: table },
  { file: 'src/ledger/adapters/a.ts', code: `import '../receipt.ts';`, rule: null },
  { file: 'src/ledger/adapters/a.ts', code: `import 'hono';`, rule: table },
  { file: 'src/deferred/plan.ts', code: `import '../storage/shard-store.ts';`, rule: table },
  { file: 'src/deferred/queue.ts', code: `import '../runtime.ts';`, rule: table },
  { file: 'src/deferred/queue.ts', code: `import '../storage/shard-store.ts';`, rule: null },
  { file: 'src/text/a.ts', code: `import '../weights/manifest.ts';`, rule: table },
  { file: 'src/text/a.ts', code: `import '@huggingface/jinja';`, rule: null },
  { file: 'src/weights/a.ts', code: `import '../storage/shard-store.ts';`, rule: table },
  { file: 'src/weights/a.ts', code: `import { open } from 'node:fs';`, rule: table },
  { file: 'src/storage/a.ts', code: `import 'idb';`, rule: null },
  { file: 'src/storage/a.ts', code: `import 'comlink';`, rule: table },
  { file: 'src/engines/wasm/a.ts', code: `import '../../worker/host.ts';`, rule: table },
  { file: 'src/engines/wasm/a.ts', code: `import '../../text/tokenizer.ts';`, rule: null },
  { file: 'src/engines/onnx/a.ts', code: `import '../wasm/engine.ts';`, rule: table },
  { file: 'src/engines/webllm/a.ts', code: `import 'onnxruntime-web';`, rule: table },
  { file: 'src/worker/host.ts', code: `import '../engines/wasm/engine.ts';`, rule: table },
  {
    file: 'src/worker/host.ts',
    code: `export const load = (): unknown => import('../engines/wasm/engine.ts');`,
    rule: null,
  },
  { file: 'src/worker/host.ts', code: `import 'comlink';`, rule: table },
  { file: 'src/worker/host.ts', code: `export const name = 'node:fs';`, rule: table },
  { file: 'src/worker/file-fetch.ts', code: `export const name = 'node:fs';`, rule: null },
  { file: 'src/worker/file-fetch.ts', code: `import './host.ts';`, rule: table },
  { file: 'src/engines/wasm/load-kernel.ts', code: `export const name = 'node:fs';`, rule: null },
  { file: 'src/engines/wasm/load-kernel.ts', code: `import '../../worker/host.ts';`, rule: table },
  { file: 'src/worker/host.ts', code: `import '../runtime.ts';`, rule: table },
  { file: 'src/worker/start-worker.ts', code: `import './worker.ts';`, rule: table },
  {
    file: 'src/worker/start-worker.ts',
    code: `export const url = new URL('./worker.js', import.meta.url);`,
    rule: null,
  },
  { file: 'src/worker/protocol.ts', code: `import './host.ts';`, rule: table },
  { file: 'src/worker/worker.ts', code: `import '../tiers/device.ts';`, rule: table },
  { file: 'src/worker/connect.ts', code: `import './host.ts';`, rule: table },
  {
    file: 'src/worker/connect.ts',
    code: `export const load = (): unknown => import('./host.ts');`,
    rule: null,
  },
  {
    file: 'src/tiers/device.ts',
    code: `export const url = new URL('../worker/worker.js', import.meta.url);`,
    rule: table,
  },
  { file: 'src/tiers/device.ts', code: `import '../worker/host.ts';`, rule: table },
  { file: 'src/tiers/device.ts', code: `import '../worker/connect.ts';`, rule: null },
  { file: 'src/tiers/device.ts', code: `import 'eventsource-parser';`, rule: table },
  { file: 'src/tiers/remote.ts', code: `import 'eventsource-parser/stream';`, rule: null },
  { file: 'src/autocomplete/a.ts', code: `import '../runtime.ts';`, rule: table },
  { file: 'src/autocomplete/a.ts', code: `import 'textarea-caret';`, rule: null },
  { file: 'src/elements/a.ts', code: `import '../ledger/totals.ts';`, rule: table },
  { file: 'src/faces/openai/a.ts', code: `import '../../cascade/cascade.ts';`, rule: table },
  { file: 'src/specialise/a.ts', code: `import '../relay/app.ts';`, rule: table },
  { file: 'src/evaluate/a.ts', code: `import '../cli/main.ts';`, rule: table },
  { file: 'src/evaluate/a.ts', code: `import { readFile } from 'node:fs';`, rule: table },
  { file: 'src/evaluate/a.ts', code: `import '../cascade/outcome.ts';`, rule: null },
  { file: 'src/audit/a.ts', code: `import '../runtime.ts';`, rule: table },
  { file: 'src/audit/a.ts', code: `import '../evaluate/chart.ts';`, rule: null },
  { file: 'src/relay/a.ts', code: `import '../engines/wasm/engine.ts';`, rule: table },
  { file: 'src/relay/a.ts', code: `import 'node:http';`, rule: null },
  { file: 'src/relay/local-worker.ts', code: `import '../runtime.ts';`, rule: table },
  { file: 'src/relay/local-worker.ts', code: `import '../worker/host.ts';`, rule: null },
  { file: 'src/cli/a.ts', code: `import '../elements/status.ts';`, rule: table },
  { file: 'src/cli/a.ts', code: `import '../../demo/playground/main.ts';`, rule: table },
  { file: 'src/cli/a.ts', code: `import '../relay/app.ts';`, rule: null },
  { file: 'src/unheard-of/a.ts', code: `import '../cascade/a.ts';`, rule: table },
  { file: 'demo/x/a.ts', code: `import '../../src/runtime.ts';`, rule: table },
  { file: 'demo/x/a.ts', code: `import 'edgewise/autocomplete';`, rule: null },
  { file: 'demo/bench/a.ts', code: `import '../../src/runtime.ts';`, rule: table },
  { file: 'demo/bench/a.ts', code: `import '../../bench/peers/roofs.ts';`, rule: null },
  { file: 'src/text/b.ts', code: `export default 1;`, rule: 'no-default-export' },
  { file: 'src/text/b.ts', code: `export const a: any = 1;`, rule: 'no-explicit-any' },
  { file: 'src/text/b.ts', code: `console.log(1);`, rule: 'no-console' },
  {
    file: 'src/text/b.ts',
    code: `export function f(a: 1, b: 2, c: 3, d: 4): unknown { return [a, b, c, d]; }`,
    rule: 'max-params',
  },
];

interface Finding {
  readonly filename: string;
  readonly code: string;
  readonly labels: readonly { readonly span: { readonly line: number } }[];
}

const root = path.resolve(import.meta.dirname, '../..');

/** Every case is one line of its file, so that one run of the linter judges them all. */
function sources(): Map<string, string[]> {
  const files = new Map<string, string[]>();
  for (const { file, code } of cases) files.set(file, [...(files.get(file) ?? []), code]);
  return files;
}

function lint(files: ReadonlyMap<string, readonly string[]>): readonly Finding[] {
  const folder = mkdtempSync(path.join(tmpdir(), 'edgewise-lint-'));
  try {
    for (const [file, lines] of files) {
      mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
      writeFileSync(path.join(folder, file), `${lines.join('\n')}\n`);
    }
    const oxlint = path.join(root, 'node_modules/oxlint/bin/oxlint');
    const config = path.join(root, '.oxlintrc.json');
    const run = spawnSync(process.execPath, [oxlint, '-c', config, '-f', 'json', '.'], {
      cwd: folder,
      encoding: 'utf8',
    });
    return (JSON.parse(run.stdout) as { diagnostics: readonly Finding[] }).diagnostics;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('the lint rules', () => {
  const files = sources();
  const findings = lint(files);

  test.each(cases)('$file: $code → $rule', ({ file, code, rule }) => {
    const line = (files.get(file) ?? []).indexOf(code) + 1;
    const rules = findings
      .filter((finding) => finding.filename === file && finding.labels[0]?.span.line === line)
      .map((finding) => /\((.*)\)/.exec(finding.code)?.[1]);
    if (rule === null) expect(rules).not.toContain(table);
    else expect(rules).toContain(rule);
  });

  test('has a case for every row of the table', () => {
    const { rows } = JSON.parse(
      readFileSync(path.join(root, 'scripts/lint/import-table.json'), 'utf8'),
    ) as { rows: readonly { path: string }[] };
    const judged = [...files.keys()];
    for (const row of rows) {
      expect(
        judged.some((file) => file.startsWith(row.path)),
        row.path,
      ).toBe(true);
    }
  });
});
