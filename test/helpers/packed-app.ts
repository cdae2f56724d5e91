import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');

export interface PackedApp {
  readonly folder: string;
  /** Runs a program in the app; throws with its output when it fails. Gives what it printed. */
  run(command: string, commandArguments: readonly string[], env?: NodeJS.ProcessEnv): string;
  write(file: string, content: string): void;
  remove(): void;
}

/** An app of its own that has installed the packed package, as npm would publish it. */
export function createPackedApp(): PackedApp {
  const folder = mkdtempSync(path.join(tmpdir(), 'edgewise-app-'));
  const app: PackedApp = {
    folder,
    run: (command, commandArguments, env = process.env) =>
      runIn(folder, [command, ...commandArguments], env),
    write(file, content) {
      mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
      writeFileSync(path.join(folder, file), content);
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
  runIn(root, ['npm', 'pack', '--ignore-scripts', '--pack-destination', folder], process.env);
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '';
  app.write('package.json', packageJson(tarball));
  app.run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund']);
  return app;
}

/** The app pins the Vite that the repository is tested with. */
function packageJson(tarball: string): string {
  const { devDependencies } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    devDependencies: Record<string, string>;
  };
  return JSON.stringify({
    name: 'packed-app',
    private: true,
    type: 'module',
    dependencies: { edgewise: `file:${tarball}` },
    devDependencies: { vite: devDependencies['vite'] },
  });
}

function runIn(cwd: string, command: readonly string[], env: NodeJS.ProcessEnv): string {
  const [program = '', ...rest] = command;
  const result = spawnSync(program, rest, {
    cwd,
    env,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (result.status === 0) return result.stdout;
  throw new Error(`${command.join(' ')} failed:\n${result.stdout}\n${result.stderr}`);
}
