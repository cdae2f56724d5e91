export { attach, type AttachOptions, type Attachment } from './attach.ts';
export type { TextField } from './field.ts';
export type { GhostEvent } from './view.ts';
export type { Suggestion, SuggestionRequest, SuggestionSource } from '../types.ts';
