import { RelayError, invalidRequest } from './relay-error.ts';

export interface PageGuardOptions {
  readonly allowedOrigins: readonly string[];
  /** Host names without port; `null` = any. */
  readonly allowedHosts: readonly string[] | null;
}

/**
 * Refuses pages of foreign origins, and host names that are not the relay's.
 * @throws RelayError 403
 */
export function refuseForeign(request: Request, options: PageGuardOptions): void {
  refuseForeignHost(request, options.allowedHosts);
  refuseForeignOrigin(request, options.allowedOrigins);
}

/**
 * Refuses requests that carry a provider's key, in whatever place clients put it.
 * @throws RelayError 400 `key-in-page`
 */
export function refuseProviderKeys(request: Request): void {
  const authorization = request.headers.get('authorization');
  const bearer = authorization?.replace(/^(bearer|basic)\s+/i, '').trim() ?? '';
  const parameters = new URL(request.url).searchParams;
  const hasKey =
    KEY_PREFIX.test(bearer) ||
    KEY_HEADERS.some((header) => request.headers.has(header)) ||
    KEY_PARAMETERS.some((parameter) => parameters.has(parameter));
  if (!hasKey) return;
  throw invalidRequest(
    'key-in-page',
    'A provider key must never be in a page: anyone can read it there. Replace that key at your provider now, put the new one into an environment variable of the relay, and send none.',
  );
}

/** How the keys of well-known providers begin. Our own tokens and placeholders do not. */
const KEY_PREFIX =
  /^(sk|pk|rk)[-_]|^(gsk|csk|xai|hf|r8|nvapi|pplx|fw|esecret|tgp|AIza|ya29|AKIA|ASIA|gh[opsu]|github_pat|glpat|dapi)[-_.A-Z0-9]/;

const KEY_HEADERS: readonly string[] = ['x-api-key', 'api-key', 'x-goog-api-key', 'openai-api-key'];
const KEY_PARAMETERS: readonly string[] = ['key', 'api_key', 'api-key', 'apikey', 'access_token'];

// A page that reaches a relay on loopback through its own DNS name (rebinding) would look
// same-origin; the name it used gives it away.
function refuseForeignHost(request: Request, allowedHosts: readonly string[] | null): void {
  if (allowedHosts === null) return;
  if (allowedHosts.includes(new URL(request.url).hostname)) return;
  throw new RelayError(
    'host-not-allowed',
    'This relay does not answer to this host name. Add it to "allowedHosts", or its origin to "allowedOrigins".',
    { status: 403, type: 'permission_error' },
  );
}

function refuseForeignOrigin(request: Request, allowedOrigins: readonly string[]): void {
  const origin = request.headers.get('origin');
  if (origin === null || allowedOrigins.includes(origin)) return;
  if (isSameHost(origin, request)) return;
  throw new RelayError(
    'origin-not-allowed',
    'Pages of this origin may not use this relay. Its owner can add the origin to "allowedOrigins".',
    { status: 403, type: 'permission_error' },
  );
}

// Hosts are compared, not schemes: behind a TLS proxy the relay sees http while the page is https.
function isSameHost(origin: string, request: Request): boolean {
  if (!URL.canParse(origin)) return false;
  return new URL(origin).host === (request.headers.get('host') ?? new URL(request.url).host);
}
