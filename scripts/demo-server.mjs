// Serves the built page, the models and the relay from one origin, as a small web server would.
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';

import { Hono } from 'hono';

/** Nothing inline, nothing from elsewhere; the engine needs to compile its WebAssembly. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "worker-src 'self'",
  "connect-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "object-src 'none'",
].join('; ');

/** The audit promises to send nothing: its files may connect to nothing, whatever their page says. */
const AUDIT_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HEADERS = {
  'Content-Security-Policy': CONTENT_SECURITY_POLICY,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
};

const TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.gguf': 'application/octet-stream',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};

/** File names of the build and of weights carry what they hold: they never change. */
const FOREVER = 'public, max-age=31536000, immutable';
const ASK_EACH_TIME = 'no-cache';

/**
 * The whole demo as one fetch handler.
 * @param {{ pageFolder: string, benchFolder: string, auditFolder: string, modelsFolder: string, studentsFolder: string, relay: { fetch(request: Request): Response | Promise<Response> }, relayPath: string }} options
 */
export function createPlaygroundApp(options) {
  const { pageFolder, benchFolder, auditFolder, modelsFolder, studentsFolder, relay, relayPath } =
    options;
  const app = new Hono();
  app.all(`${relayPath}/*`, (context) => relay.fetch(context.req.raw));
  app.get('/models/students/*', (context) => {
    const name = new URL(context.req.url).pathname.slice('/models/students/'.length);
    return serveFile(context.req.raw, studentsFolder, name);
  });
  app.get('/models/*', (context) => {
    const name = new URL(context.req.url).pathname.slice('/models/'.length);
    return serveFile(context.req.raw, modelsFolder, name);
  });
  app.get('/bench', (context) => context.redirect('/bench/', 301));
  app.get('/bench/*', (context) => {
    const name = new URL(context.req.url).pathname.slice('/bench/'.length);
    return serveFile(context.req.raw, benchFolder, name === '' ? 'index.html' : name);
  });
  app.get('/audit', (context) => context.redirect('/audit/', 301));
  app.get('/audit/*', async (context) => {
    const name = new URL(context.req.url).pathname.slice('/audit/'.length);
    const file = name === '' ? 'index.html' : name;
    const response = await serveFile(context.req.raw, auditFolder, file);
    response.headers.set('Content-Security-Policy', AUDIT_POLICY);
    return response;
  });
  app.get('/*', (context) => {
    const name = new URL(context.req.url).pathname.slice(1);
    return serveFile(context.req.raw, pageFolder, name === '' ? 'index.html' : name);
  });
  return app;
}

async function serveFile(request, folder, name) {
  const file = resolveInside(folder, name);
  const facts = file === null ? null : await factsOf(file);
  if (facts === null) return new Response('Not found\n', { status: 404, headers: HEADERS });

  const etag = `"${facts.size.toString(16)}-${Math.trunc(facts.mtimeMs).toString(16)}"`;
  const headers = {
    ...HEADERS,
    ETag: etag,
    'Accept-Ranges': 'bytes',
    'Cache-Control': isImmutable(file) ? FOREVER : ASK_EACH_TIME,
    'Content-Type': TYPES[path.extname(file)] ?? 'application/octet-stream',
  };
  if (request.headers.get('if-none-match') === etag) {
    return new Response(null, { status: 304, headers });
  }
  const range = readRange(request, etag, facts.size);
  if (range === 'unsatisfiable') {
    headers['Content-Range'] = `bytes */${facts.size}`;
    return new Response(null, { status: 416, headers });
  }
  return sendBytes(request, file, { headers, size: facts.size, range });
}

function sendBytes(request, file, { headers, size, range }) {
  const { start, end } = range ?? { start: 0, end: size - 1 };
  headers['Content-Length'] = String(end - start + 1);
  if (range !== null) headers['Content-Range'] = `bytes ${start}-${end}/${size}`;
  const status = range === null ? 200 : 206;
  const isEmpty = request.method === 'HEAD' || size === 0;
  const body = isEmpty ? null : Readable.toWeb(createReadStream(file, { start, end }));
  return new Response(body, { status, headers });
}

/** The path of a file below `folder`, or `null` for anything that leads elsewhere. */
function resolveInside(folder, name) {
  let decoded;
  try {
    decoded = decodeURIComponent(name);
  } catch {
    return null; // Not a name at all: answered like a missing file.
  }
  if (decoded.includes('\0')) return null;
  const file = path.resolve(folder, decoded);
  return file.startsWith(path.resolve(folder) + path.sep) ? file : null;
}

async function factsOf(file) {
  try {
    const facts = await stat(file);
    return facts.isFile() ? facts : null;
  } catch {
    return null; // Missing or unreadable is the same to a visitor.
  }
}

function isImmutable(file) {
  return file.endsWith('.gguf') || path.basename(path.dirname(file)) === 'assets';
}

/** One byte range, as RFC 9110 has it; several, or a stale `If-Range`, give the whole file. */
function readRange(request, etag, size) {
  const header = /^bytes=(\d*)-(\d*)$/.exec(request.headers.get('range') ?? '');
  if (header === null || (header[1] === '' && header[2] === '')) return null;
  const condition = request.headers.get('if-range');
  if (condition !== null && condition !== etag) return null;
  const isSuffix = header[1] === '';
  const start = isSuffix ? Math.max(0, size - Number(header[2])) : Number(header[1]);
  const end = isSuffix || header[2] === '' ? size - 1 : Math.min(Number(header[2]), size - 1);
  return start > end ? 'unsatisfiable' : { start, end };
}
