import { PolicyError } from '../errors.ts';

interface EndpointOptions {
  /** Path on the page's own origin (`/edge/v1`), or an absolute URL. */
  readonly baseUrl: string;
  /** The page's own address; `null` where there is no page. */
  readonly pageUrl: string | null;
  readonly allowCrossOrigin: boolean;
}

const EXAMPLE = "baseUrl: '/edge/v1'";
/** Web addresses only: `javascript:`, `data:` and `file:` answer nothing. */
const PROTOCOLS: ReadonlySet<string> = new Set(['http:', 'https:']);
/** Hosts that ask for a provider key: reaching one from a page means that a key would be in it. */
const PROVIDER_HOSTS =
  /(^|\.)(openai\.com|openai\.azure\.com|anthropic\.com|generativelanguage\.googleapis\.com|aiplatform\.googleapis\.com|amazonaws\.com|openrouter\.ai|groq\.com|mistral\.ai|together\.xyz|together\.ai|deepseek\.com|x\.ai|fireworks\.ai|cohere\.com|cohere\.ai|perplexity\.ai|cerebras\.ai|deepinfra\.com|api-inference\.huggingface\.co|router\.huggingface\.co|replicate\.com)$/i;
/** Published prefixes of provider keys, each followed by the secret part. */
const PROVIDER_KEY =
  /(^|[\s=:"'&?])(sk-|sk_|rk-|gsk_|xai-|AIza|hf_|r8_|pplx-|fw_|csk-|nvapi-|tgp_)[A-Za-z0-9_-]{12,}/;
const KEY_HEADERS: ReadonlySet<string> = new Set(['x-api-key', 'api-key', 'x-goog-api-key']);
const KEY_PARAMETERS = ['key', 'api_key', 'apikey', 'api-key', 'access_token'] as const;

/**
 * The address chat completions are sent to. Throws `TypeError` for something that is no address,
 * `PolicyError` `key-in-page` for an address that carries or needs a provider's key, and
 * `egress-forbidden` for another origin that was not allowed.
 */
function resolveEndpoint({ baseUrl, pageUrl, allowCrossOrigin }: EndpointOptions): string {
  const url = parseUrl(baseUrl, pageUrl);
  refuseKeyInUrl(url);
  if (PROVIDER_HOSTS.test(url.hostname)) {
    throw keyInPage(`${url.hostname} asks for a key`, url.hostname);
  }
  if (pageUrl !== null && url.origin !== new URL(pageUrl).origin && !allowCrossOrigin) {
    throw new PolicyError(
      'egress-forbidden',
      `The endpoint ${url.origin} is on another origin than the page. Serve it under a path of the page's own origin (${EXAMPLE}), or pass allowCrossOrigin: true.`,
      { details: { origin: url.origin } },
    );
  }
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/chat/completions`;
  return url.href;
}

/** What is checked before anything is sent. */
export interface RemoteAddress {
  readonly baseUrl: string;
  readonly headers?: Readonly<Record<string, string>> | (() => unknown);
  readonly allowCrossOrigin?: boolean;
}

/** The address of an endpoint as the page sees it; throws as `resolveEndpoint` does, and for keys. */
export function checkAddress({
  baseUrl,
  headers,
  allowCrossOrigin = false,
}: RemoteAddress): string {
  const pageUrl = globalThis.location?.href ?? null;
  const url = resolveEndpoint({ baseUrl, pageUrl, allowCrossOrigin });
  if (typeof headers === 'object') refuseProviderKeys(headers);
  return url;
}

/** Throws `PolicyError` `key-in-page` when a header carries what looks like a provider's key. */
export function refuseProviderKeys(headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) {
    if (KEY_HEADERS.has(name.toLowerCase()) || PROVIDER_KEY.test(value)) {
      throw keyInPage(`The header "${name}" carries one`, name);
    }
  }
}

function parseUrl(baseUrl: string, pageUrl: string | null): URL {
  let url: URL;
  try {
    url = new URL(baseUrl, pageUrl ?? undefined);
  } catch (cause) {
    throw new TypeError(
      pageUrl === null
        ? `baseUrl must be an absolute URL where there is no page: baseUrl: 'http://127.0.0.1:5173/edge/v1'.`
        : `baseUrl must be a path or a URL, as in ${EXAMPLE}.`,
      { cause },
    );
  }
  if (!PROTOCOLS.has(url.protocol)) {
    throw new TypeError(`baseUrl must be an http(s) address, as in ${EXAMPLE}.`);
  }
  return url;
}

function refuseKeyInUrl(url: URL): void {
  const hasKey =
    url.username !== '' ||
    url.password !== '' ||
    KEY_PARAMETERS.some((name) => url.searchParams.has(name)) ||
    PROVIDER_KEY.test(url.search);
  if (hasKey) throw keyInPage('The address carries one', url.hostname);
}

function keyInPage(fact: string, where: string): PolicyError {
  return new PolicyError(
    'key-in-page',
    `A provider's key must never be in a page: everyone who opens it can read and spend it. ${fact}. Keep the key on the server, behind the Edgewise relay or a route of your own, and pass ${EXAMPLE}.`,
    { details: { where } },
  );
}
