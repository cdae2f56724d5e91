import { TRUSTED_TYPES_POLICY } from './names.ts';

/**
 * Starts the worker that ships with the package. Under Trusted Types its URL passes through the
 * policy `edgewise`, which the page's `trusted-types` directive must list.
 */
export function startWorker(): Worker {
  const trustedTypes = findTrustedTypes();
  if (trustedTypes === undefined) {
    return new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
  }
  return startTrustedWorker(policyOf(trustedTypes));
}

/** The part of the Trusted Types API we use; TypeScript's `dom` does not declare it. */
interface TrustedTypesFactory {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): Policy;
}

interface Policy {
  /** In truth a `TrustedScriptURL`, which the `Worker` constructor takes for a URL. */
  createScriptURL(url: string): URL;
}

/**
 * A page may create a policy name once, however many runtimes and restarts it has; so the policy
 * is kept beside the factory it belongs to.
 */
const policies = new WeakMap<TrustedTypesFactory, Policy>();

function findTrustedTypes(): TrustedTypesFactory | undefined {
  return (globalThis as { trustedTypes?: TrustedTypesFactory }).trustedTypes;
}

function policyOf(trustedTypes: TrustedTypesFactory): Policy {
  const known = policies.get(trustedTypes);
  if (known !== undefined) return known;
  // Nothing but this file can reach the policy, and it passes the URL of our own worker only.
  const policy = trustedTypes.createPolicy(TRUSTED_TYPES_POLICY, { createScriptURL: (url) => url });
  policies.set(trustedTypes, policy);
  return policy;
}

function startTrustedWorker(policy: Policy): Worker {
  const NativeWorker = globalThis.Worker;
  // Bundlers find a worker by the words `new Worker(new URL('…', import.meta.url)` and by nothing
  // else. This class lets the words stand while the URL goes through the policy.
  const { Worker } = {
    Worker: class {
      readonly native: Worker;
      constructor(url: URL, options: WorkerOptions) {
        this.native = new NativeWorker(policy.createScriptURL(url.href), options);
      }
    },
  };
  return new Worker(new URL('./worker.js', import.meta.url), { type: 'module' }).native;
}
