/// <reference lib="webworker" />
import { answerCalls } from '../worker-client.ts';
import { measures } from './measures.ts';

answerCalls(measures);
