import type { Unsent } from './answer.ts';

/** One answering place behind the endpoint, as its list of models tells. */
export interface EndpointModel {
  readonly id: string;
  /** `local` is our own engine on the server: for trying the way there, not for its answers. */
  readonly kind: string;
}

export type EndpointState =
  | { readonly status: 'looking' }
  | { readonly status: 'none' }
  | { readonly status: 'present'; readonly models: readonly EndpointModel[] }
  | { readonly status: 'cut' };

/** The way out of this page, with a plug one can pull. */
export interface Endpoint {
  readonly state: EndpointState;
  /** Given to the runtime: lets requests through, or fails them as a dead network does. */
  readonly fetch: typeof fetch;
  /** The last request that did not leave since this was called before; `null` when all did. */
  takeUnsent(): Unsent | null;
  pullPlug(isPulled: boolean): void;
  /** Asks the server which models it offers. */
  look(): Promise<void>;
  onChange(listener: (state: EndpointState) => void): void;
}

export const ONLY_LOCAL =
  'The server here runs the same small model: it shows the way there, not a better answer.';

/** Whether the server has nothing but our own engine: no better answers than this tab's. */
export function isOnlyLocal(state: EndpointState): boolean {
  return state.status === 'present' && state.models.every(({ kind }) => kind === 'local');
}

/** @param baseUrl everything before `/models` and `/chat/completions`. */
export function createEndpoint(baseUrl: string): Endpoint {
  const listeners = new Set<(state: EndpointState) => void>();
  let found: EndpointState = { status: 'looking' };
  let isPulled = false;
  let unsent: Unsent | null = null;
  const state = (): EndpointState => (isPulled ? { status: 'cut' } : found);
  const tell = (): void => listeners.forEach((listener) => listener(state()));
  return {
    get state() {
      return state();
    },
    async fetch(input, init) {
      if (!isPulled && found.status === 'present') return fetch(input, init);
      unsent = await readUnsent(new Request(input, init));
      throw new TypeError(isPulled ? 'The plug is pulled.' : 'No endpoint is set up.');
    },
    takeUnsent() {
      const taken = unsent;
      unsent = null;
      return taken;
    },
    pullPlug(value) {
      isPulled = value;
      tell();
    },
    async look() {
      found = await findModels(baseUrl);
      tell();
    },
    onChange(listener) {
      listeners.add(listener);
      listener(state());
    },
  };
}

async function readUnsent(request: Request): Promise<Unsent> {
  return { url: request.url, body: await request.text() };
}

/** A server without relay answers 404 or a page: both mean that there is no endpoint. */
async function findModels(baseUrl: string): Promise<EndpointState> {
  try {
    const response = await fetch(`${baseUrl}/models`, { signal: AbortSignal.timeout(5000) });
    if (!response.ok) return { status: 'none' };
    const models = readModels(await response.json());
    return models.length === 0 ? { status: 'none' } : { status: 'present', models };
  } catch {
    return { status: 'none' };
  }
}

function readModels(value: unknown): EndpointModel[] {
  const list = readField(value, 'data');
  if (!Array.isArray(list)) return [];
  return list.flatMap((row: unknown) => {
    const id = readField(row, 'id');
    const kind = readField(readField(row, 'edgewise'), 'kind');
    return typeof id === 'string' ? [{ id, kind: typeof kind === 'string' ? kind : '' }] : [];
  });
}

function readField(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return (value as Record<string, unknown>)[name];
}
