import type { EngineRequest, EngineStep, Precision } from '../../src/types.ts';

export type PageMessage =
  | { readonly type: 'load'; readonly url: string; readonly precision: Precision }
  | { readonly type: 'submit'; readonly key: string; readonly request: EngineRequest }
  | { readonly type: 'abort'; readonly key: string };

export type WorkerMessage =
  | { readonly type: 'loaded' }
  | { readonly type: 'step'; readonly key: string; readonly step: EngineStep }
  | { readonly type: 'error'; readonly text: string };
