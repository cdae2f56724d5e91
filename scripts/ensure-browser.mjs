// Finds a Chrome, Chromium or Edge for the browser tests, or installs one, and prints its path.
// Order: EDGEWISE_CHROMIUM, the PATH, the usual places, an earlier Playwright download; else the Debian
// package (as root), else Playwright's download.
import { accessSync, constants, existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { toolPath } from './helpers/command.mjs';

const COMMANDS = [
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
  'microsoft-edge',
  'microsoft-edge-stable',
];

const MAC_APPLICATIONS = ['Google Chrome', 'Chromium', 'Microsoft Edge'];

const WINDOWS_PLACES = [
  'Google\\Chrome\\Application\\chrome.exe',
  'Chromium\\Application\\chrome.exe',
  'Microsoft\\Edge\\Application\\msedge.exe',
];

const HELP = `No Chrome, Chromium or Edge was found, and none could be installed.
Do one of these, then run the command again:
  - Debian or Ubuntu:  sudo apt-get install chromium
  - any system:        npx playwright install --with-deps chromium
  - your own browser:  set EDGEWISE_CHROMIUM to the path of its program`;

/** Path of a usable browser, or `null`. Starts nothing but `--version`. */
export function findBrowser() {
  const chosen = process.env['EDGEWISE_CHROMIUM'];
  if (chosen !== undefined && chosen !== '') return chosen;
  return candidates().find(isUsable) ?? null;
}

function candidates() {
  const places = [...onPath(), ...usualPlaces()];
  const downloaded = playwrightBrowser();
  return downloaded === null ? places : [...places, downloaded];
}

function onPath() {
  if (process.platform === 'win32') return [];
  const folders = (process.env['PATH'] ?? '')
    .split(path.delimiter)
    .filter((folder) => folder !== '');
  return COMMANDS.flatMap((command) => folders.map((folder) => path.join(folder, command)));
}

function usualPlaces() {
  if (process.platform === 'darwin') {
    return MAC_APPLICATIONS.map((name) => `/Applications/${name}.app/Contents/MacOS/${name}`);
  }
  if (process.platform === 'win32') {
    const roots = ['ProgramFiles', 'ProgramFiles(x86)', 'LOCALAPPDATA']
      .map((name) => process.env[name])
      .filter((folder) => folder !== undefined);
    return roots.flatMap((folder) => WINDOWS_PLACES.map((place) => path.join(folder, place)));
  }
  return ['/usr/lib/chromium/chromium', '/opt/google/chrome/chrome', '/snap/bin/chromium'];
}

function playwrightBrowser() {
  try {
    return createRequire(import.meta.url)('playwright').chromium.executablePath();
  } catch {
    // Playwright is not installed, or knows no browser for this system: simply not a candidate.
    return null;
  }
}

/** Ubuntu's `chromium-browser` may be a stub that only asks for snap, so existing is not enough. */
function isUsable(file) {
  try {
    accessSync(file, constants.X_OK);
  } catch {
    return false;
  }
  if (process.platform !== 'linux') return true;
  const version = spawnSync(file, ['--version'], { encoding: 'utf8', timeout: 20_000 });
  return version.status === 0 && /\d+\.\d+/.test(version.stdout);
}

/** Finds a browser or installs one. Throws with instructions when neither works. */
export function ensureBrowser() {
  const found = findBrowser();
  if (found !== null) return checkChosen(found);
  const isDebianRoot = process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
  if (isDebianRoot) installDebianPackage();
  if (findBrowser() === null) downloadWithPlaywright(isDebianRoot);
  const installed = findBrowser();
  if (installed === null) throw new Error(HELP);
  return installed;
}

function checkChosen(file) {
  if (existsSync(file)) return file;
  throw new Error(`EDGEWISE_CHROMIUM names ${file}, which does not exist. Correct it or unset it.`);
}

/** All output goes to stderr: stdout carries the path alone. */
function run(command, commandArguments) {
  console.error(`$ ${command} ${commandArguments.join(' ')}`);
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync(command, commandArguments, { stdio: ['ignore', 2, 2], env: environment }).status;
}

function installDebianPackage() {
  if (run('apt-get', ['update', '-q']) === 0) run('apt-get', ['install', '-y', '-q', 'chromium']);
}

function downloadWithPlaywright(withSystemPackages) {
  const extra = withSystemPackages ? ['--with-deps'] : [];
  run(process.execPath, [toolPath('playwright'), 'install', ...extra, 'chromium']);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    console.log(ensureBrowser());
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
