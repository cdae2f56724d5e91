import { readFile } from 'node:fs/promises';

import * as v from 'valibot';

/** How long an upstream may keep the relay waiting, in milliseconds. */
export interface UpstreamTimeouts {
  /** Streaming: from sending the request to the first event. Default 30,000. */
  readonly firstByteMs?: number;
  /** Streaming: between two pieces of the answer. Default 15,000. */
  readonly idleMs?: number;
  /** Not streaming: from sending the request to the whole answer. Default 120,000. */
  readonly answerMs?: number;
  /** Longest life of any one call. Default 600,000. */
  readonly totalMs?: number;
}

interface UpstreamBase {
  /** Name for logs and errors, unique in the file. */
  readonly id: string;
  /** What pages write into `model`. Default: the id. */
  readonly alias?: string | readonly string[];
}

/** A provider, or any server that speaks OpenAI's chat completions. */
export interface OpenAiUpstreamConfig extends UpstreamBase {
  readonly kind: 'openai';
  /** Everything before `/chat/completions`, for example `https://api.openai.com/v1`. */
  readonly baseUrl: string;
  /** The provider's name of the model. */
  readonly model: string;
  /** Name of the environment variable that holds the key. Absent: no key is sent. */
  readonly keyEnv?: string;
  /** Under which name this provider wants the token limit. Default: as the page sent it. */
  readonly maxTokensField?: 'max_tokens' | 'max_completion_tokens';
  readonly timeouts?: UpstreamTimeouts;
}

/** Our own engine in a worker thread: for tests and for trying the path without an account. */
export interface LocalUpstreamConfig extends UpstreamBase {
  readonly kind: 'local';
  /** Model id. Default: the first of the catalogue. */
  readonly model?: string;
  /** Folder that `edgewise pull` filled. */
  readonly modelsDir: string;
}

export type UpstreamConfig = OpenAiUpstreamConfig | LocalUpstreamConfig;

export interface RelayConfig {
  /** Where the routes live. Default `/edge`. */
  readonly basePath?: string;
  /** Largest request body in bytes. Default 1 MiB. */
  readonly bodyLimitBytes?: number;
  /** Origins besides the relay's own that pages may call from, such as `https://app.example`. */
  readonly allowedOrigins?: readonly string[];
  /** Host names the relay answers to, without port. Default: any. */
  readonly allowedHosts?: readonly string[];
  readonly upstreams: readonly UpstreamConfig[];
}

export interface LoadRelayConfigOptions {
  /** JSON file; without it the environment is read. */
  readonly file?: string;
  /** Default `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Aliases every runtime knows; the environment configures exactly these. */
export const TIER_ALIASES: readonly string[] = ['slm', 'frontier'];

/**
 * Reads the relay's configuration from a JSON file (schema:
 * `models/schemas/relay-config.schema.json`) or, without a file, from `EDGEWISE_SLM_BASE_URL`,
 * `EDGEWISE_SLM_MODEL`, `EDGEWISE_SLM_KEY_ENV` and the same for `FRONTIER`.
 * @throws TypeError that names each wrong field; values are never shown, they may be keys.
 */
export async function loadRelayConfig(options: LoadRelayConfigOptions = {}): Promise<RelayConfig> {
  const env = options.env ?? process.env;
  if (options.file === undefined) return parseRelayConfig(fromEnvironment(env), 'the environment');
  return parseRelayConfig(await readJson(options.file), options.file);
}

/**
 * Checks a configuration that came from anywhere.
 * @throws TypeError that names each wrong field and what belongs there.
 */
export function parseRelayConfig(value: unknown, source = 'the relay configuration'): RelayConfig {
  const result = v.safeParse(CONFIG, value, { abortPipeEarly: true });
  if (!result.success) throw new TypeError(explainIssues(result.issues, source));
  const config = result.output as RelayConfig;
  refuseDuplicates(config.upstreams, source);
  return config;
}

/** Lets our own engine answer for each tier that has no upstream; to try the path without an account. */
export function withLocalUpstream(config: RelayConfig, modelsDir: string): RelayConfig {
  const taken = config.upstreams.flatMap(aliasesOf);
  const free = TIER_ALIASES.filter((tier) => !taken.includes(tier));
  if (free.length === 0) return config;
  const local: LocalUpstreamConfig = { id: 'local', kind: 'local', alias: free, modelsDir };
  return { ...config, upstreams: [...config.upstreams, local] };
}

/** The names under which pages reach an upstream. */
export function aliasesOf(upstream: UpstreamConfig): readonly string[] {
  if (upstream.alias === undefined) return [upstream.id];
  return typeof upstream.alias === 'string' ? [upstream.alias] : upstream.alias;
}

const name = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'a name of letters, digits, ".", "_", "-"'),
);
const timeoutMs = v.pipe(
  v.number(),
  v.integer(),
  v.minValue(1),
  // Node's timers wrap above this.
  v.maxValue(2_147_483_647, 'at most 2147483647 milliseconds'),
);
const origin = v.pipe(
  v.string(),
  v.check(isOrigin, 'an origin such as "https://app.example", without path'),
);
const baseUrl = v.pipe(
  v.string(),
  v.check(
    isPlainHttpUrl,
    'an http(s) URL without user name, query or fragment, such as "https://api.openai.com/v1"',
  ),
);
const keyEnv = v.pipe(
  v.string(),
  v.regex(
    // Capitals only, and not the form of an access key id: a key pasted here by mistake must not pass.
    /^(?!(?:AKIA|ASIA)[A-Z0-9]{12})[A-Z_][A-Z0-9_]{0,63}$/,
    'the NAME of an environment variable, in capitals, such as "OPENAI_API_KEY", never the key itself',
  ),
);
const alias = v.optional(v.union([name, v.pipe(v.array(name), v.minLength(1))]));

const OPENAI_UPSTREAM = v.strictObject({
  id: name,
  alias,
  kind: v.literal('openai'),
  baseUrl,
  model: v.pipe(v.string(), v.minLength(1), v.maxLength(256)),
  keyEnv: v.optional(keyEnv),
  maxTokensField: v.optional(v.picklist(['max_tokens', 'max_completion_tokens'])),
  timeouts: v.optional(
    v.strictObject({
      firstByteMs: v.optional(timeoutMs),
      idleMs: v.optional(timeoutMs),
      answerMs: v.optional(timeoutMs),
      totalMs: v.optional(timeoutMs),
    }),
  ),
});

const LOCAL_UPSTREAM = v.strictObject({
  id: name,
  alias,
  kind: v.literal('local'),
  model: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(256))),
  modelsDir: v.pipe(v.string(), v.minLength(1)),
});

const CONFIG = v.strictObject({
  $schema: v.optional(v.string()),
  basePath: v.optional(
    v.pipe(v.string(), v.regex(/^(\/[A-Za-z0-9._~-]+)+$/, 'a path such as "/edge"')),
  ),
  bodyLimitBytes: v.optional(
    v.pipe(v.number(), v.integer(), v.minValue(1024, 'at least 1024 bytes')),
  ),
  allowedOrigins: v.optional(v.array(origin)),
  allowedHosts: v.optional(v.array(v.pipe(v.string(), v.minLength(1)))),
  upstreams: v.array(v.variant('kind', [OPENAI_UPSTREAM, LOCAL_UPSTREAM])),
});

async function readJson(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new TypeError(`The relay configuration ${file} cannot be read. Check the path.`, {
      cause,
    });
  }
  try {
    return JSON.parse(text);
  } catch {
    // No cause: V8 quotes the text around the fault, and a key may stand there by mistake.
    throw new TypeError(`${file} is not valid JSON. See docs/relay.md for an example.`);
  }
}

function fromEnvironment(env: Readonly<Record<string, string | undefined>>): unknown {
  const upstreams = TIER_ALIASES.flatMap((tier) => tierFromEnvironment(tier, env));
  return { upstreams };
}

function tierFromEnvironment(
  tier: string,
  env: Readonly<Record<string, string | undefined>>,
): unknown[] {
  const prefix = `EDGEWISE_${tier.toUpperCase()}`;
  const url = env[`${prefix}_BASE_URL`];
  const model = env[`${prefix}_MODEL`];
  if (!url && !model) return [];
  if (!url || !model) {
    const missing = url ? `${prefix}_MODEL` : `${prefix}_BASE_URL`;
    throw new TypeError(`${missing} is missing: set it, or unset the other ${prefix}_ variables.`);
  }
  const named = env[`${prefix}_KEY_ENV`];
  const fallback = env[`${prefix}_KEY`] === undefined ? undefined : `${prefix}_KEY`;
  const keyName = named || fallback;
  return [{ id: tier, kind: 'openai', baseUrl: url, model, ...(keyName && { keyEnv: keyName }) }];
}

function refuseDuplicates(upstreams: readonly UpstreamConfig[], source: string): void {
  refuseRepeated(
    'id',
    upstreams.map((upstream) => upstream.id),
    source,
  );
  refuseRepeated('alias', upstreams.flatMap(aliasesOf), source);
}

function refuseRepeated(field: string, values: readonly string[], source: string): void {
  const repeated = values.find((value, index) => values.indexOf(value) !== index);
  if (repeated === undefined) return;
  throw new TypeError(`${source}: two upstreams have the ${field} "${repeated}". Rename one.`);
}

function explainIssues(
  issues: readonly [v.BaseIssue<unknown>, ...v.BaseIssue<unknown>[]],
  source: string,
): string {
  const lines = issues.map((issue) => `- ${describeIssue(issue)}`);
  return [`${source} is not a valid relay configuration:`, ...lines, 'See docs/relay.md.'].join(
    '\n',
  );
}

function describeIssue(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue) ?? '(whole file)';
  if (issue.expected === 'never') {
    const last = path.split('.').at(-1) ?? path;
    if (/key|token|secret|password/i.test(last)) {
      return `${path}: keys do not belong here. Put the key into an environment variable and its name into "keyEnv"`;
    }
    return `${path}: unknown field`;
  }
  if (issue.received === 'undefined') return `${path}: missing`;
  // `issue.message` of the built-in checks quotes the value; only our own texts are shown.
  const isOwnText = issue.kind === 'validation' && !issue.message.startsWith('Invalid ');
  return `${path}: expected ${isOwnText ? issue.message : (issue.expected ?? 'another value')}`;
}

function isOrigin(value: string): boolean {
  return URL.canParse(value) && new URL(value).origin === value;
}

function isPlainHttpUrl(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const url = new URL(value);
  const isPlain =
    url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  return isPlain && (url.protocol === 'https:' || url.protocol === 'http:');
}
