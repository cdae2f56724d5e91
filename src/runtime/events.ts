import type { FallbackNotice } from '../cascade/turn.ts';
import type { Decision, DownloadProgress, ModelState } from '../types.ts';
import type { HostWarning } from '../worker/connect.ts';

/** What listeners get as `event.detail`. */
export interface RuntimeEvents {
  readonly decision: {
    readonly decision: Decision;
    readonly task: string;
    readonly field: string | null;
    readonly sessionId: string | null;
  };
  readonly progress: { readonly modelId: string; readonly progress: DownloadProgress };
  readonly model: { readonly modelId: string; readonly state: ModelState };
  /** A tier stood in for another one, or storage failed and memory is used. */
  readonly fallback:
    | ({ readonly kind: 'tier' } & FallbackNotice)
    | ({ readonly kind: 'storage' } & HostWarning);
}

export type RuntimeListener<Type extends keyof RuntimeEvents> = (
  event: CustomEvent<RuntimeEvents[Type]>,
) => void;

/** Who listens to a runtime, and how they are told. */
export interface EventBus {
  add<Type extends keyof RuntimeEvents>(
    type: Type,
    listener: RuntimeListener<Type>,
    options?: AddEventListenerOptions,
  ): void;
  remove<Type extends keyof RuntimeEvents>(type: Type, listener: RuntimeListener<Type>): void;
  send<Type extends keyof RuntimeEvents>(type: Type, detail: RuntimeEvents[Type]): void;
}

/** Events on a target of their own. */
export function createEventBus(): EventBus {
  const target = new EventTarget();
  return {
    add: (type, listener, options) =>
      target.addEventListener(type, listener as EventListener, options),
    remove: (type, listener) => target.removeEventListener(type, listener as EventListener),
    send: (type, detail) => void target.dispatchEvent(new CustomEvent(type, { detail })),
  };
}
