import type { EngineRequest, EngineStep } from '../../types.ts';
import type { RelayErrorType } from '../relay-error.ts';

/*
 *  relay                                     thread with the engine
 *   │ generate { id, request } ───────────────► │
 *   │ ◄──────── step* (the last is `end`) or error │   same id
 *   │ abort { id } ───────────────────────────► │   nothing comes back
 *
 * The thread loads the model by itself; what cannot be loaded fails every call.
 */

/** What the thread needs to find its model. */
export interface LocalThreadOptions {
  /** Folder that `edgewise pull` filled. */
  readonly modelsDir: string;
  /** `null` = the first model of the folder. */
  readonly modelId: string | null;
}

/** The host gives the request its session. */
export type LocalRequest = Omit<EngineRequest, 'sessionId'>;

export type LocalCommand =
  | { readonly type: 'generate'; readonly id: number; readonly request: LocalRequest }
  | { readonly type: 'abort'; readonly id: number };

/** A `RelayError` as plain data. */
export interface PlainRelayError {
  readonly status: number;
  readonly type: RelayErrorType;
  readonly code: string;
  readonly message: string;
  readonly isRetryable: boolean;
  /** See `faultPlace`. */
  readonly place: string | null;
}

export type LocalReport =
  /** The model that answers; right before the first step. */
  | { readonly type: 'start'; readonly id: number; readonly modelId: string }
  | { readonly type: 'step'; readonly id: number; readonly step: EngineStep }
  | { readonly type: 'error'; readonly id: number; readonly error: PlainRelayError };
