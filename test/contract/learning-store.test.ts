import { createMemoryLearningStore } from '../../src/storage/learning-store.ts';
import { describeLearningStore } from './learning-store.contract.ts';

describeLearningStore('memory', async () => createMemoryLearningStore());
