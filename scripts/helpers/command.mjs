// Starts child processes the same way on Linux, macOS and Windows: never through a shell, and a tool
// of node_modules is run by this Node itself, so no `.cmd` wrapper is involved.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root folder. */
export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** Path of the JavaScript file behind `node_modules/.bin/<name>`. */
export function toolPath(packageName, name = packageName) {
  const folder = path.join(root, 'node_modules', packageName);
  let manifest;
  try {
    manifest = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  } catch (cause) {
    throw new Error(`${packageName} is not installed. Run: npm install`, { cause });
  }
  const file = typeof manifest.bin === 'string' ? manifest.bin : manifest.bin[name];
  return path.join(folder, file);
}

/**
 * Runs a program to its end. Gives `{ code, output, seconds }`; never throws on a failing program.
 * `echo: true` also shows the output as it comes.
 */
export function runCommand(command, commandArguments, options = {}) {
  const { cwd = root, env = process.env, echo = false, timeoutMs } = options;
  const startedAt = performance.now();
  return new Promise((resolve) => {
    const child = spawn(command, commandArguments, {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
    });
    let output = '';
    const collect = (stream, target) => {
      stream.setEncoding('utf8');
      stream.on('data', (text) => {
        output += text;
        if (echo) target.write(text);
      });
    };
    collect(child.stdout, process.stdout);
    collect(child.stderr, process.stderr);
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(() => {
            output += `\nStopped after ${Math.round(timeoutMs / 1000)} s.\n`;
            child.kill('SIGKILL');
          }, timeoutMs);
    const finish = (code) => {
      clearTimeout(timer);
      resolve({ code, output, seconds: (performance.now() - startedAt) / 1000 });
    };
    child.on('error', (error) => {
      output += `${error.message}\n`;
      finish(1);
    });
    child.on('close', (code) => finish(code ?? 1));
  });
}

/** Runs a JavaScript file with this Node. */
export function runNode(file, nodeArguments = [], options = {}) {
  return runCommand(process.execPath, [file, ...nodeArguments], options);
}

/** Runs a tool of node_modules with this Node. */
export function runTool(packageName, toolArguments = [], options = {}) {
  const { name = packageName, ...rest } = options;
  return runNode(toolPath(packageName, name), toolArguments, rest);
}

/** Runs npm: the one that started us where there is one, so that no shell or `.cmd` file is needed. */
export function runNpm(npmArguments, options = {}) {
  const npm = process.env['npm_execpath'];
  if (npm !== undefined && /npm-cli\.[cm]?js$/.test(npm))
    return runNode(npm, npmArguments, options);
  return runCommand('npm', npmArguments, options);
}
