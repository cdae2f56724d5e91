import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LearningStore } from '../../src/storage/learning-store.ts';

/** What every learning store does. `open` gives an empty store of its own to each case. */
export function describeLearningStore(name: string, open: () => Promise<LearningStore>): void {
  describe(`${name} learning store`, () => {
    let store: LearningStore;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(() => store.close());

    it('has nothing at first', async () => {
      expect(await store.load('a')).toBeNull();
      expect(await store.keys()).toEqual([]);
    });

    it('gives back what was saved, with its revision', async () => {
      expect(await store.save('a', { state: { rung: 3, notes: [null, 'x'] }, revision: 0 })).toBe(
        1,
      );
      expect(await store.load('a')).toEqual({
        state: { rung: 3, notes: [null, 'x'] },
        revision: 1,
      });
      expect(await store.save('a', { state: { rung: 4 }, revision: 1 })).toBe(2);
      expect(await store.load('a')).toEqual({ state: { rung: 4 }, revision: 2 });
    });

    it('refuses to overwrite what another tab has saved in between', async () => {
      await store.save('a', { state: 'mine', revision: 0 });
      await store.save('a', { state: 'theirs', revision: 1 });
      await expect(store.save('a', { state: 'stale', revision: 1 })).rejects.toMatchObject({
        name: 'StorageError',
        code: 'conflict',
        isRetryable: true,
      });
      expect(await store.load('a')).toEqual({ state: 'theirs', revision: 2 });
    });

    it('refuses a new state where one is already', async () => {
      await store.save('a', { state: 1, revision: 0 });
      await expect(store.save('a', { state: 2, revision: 0 })).rejects.toMatchObject({
        code: 'conflict',
      });
    });

    it('keeps models and tasks apart, and deletes one alone', async () => {
      await store.save('b', { state: 2, revision: 0 });
      await store.save('a', { state: 1, revision: 0 });
      expect(await store.keys()).toEqual(['a', 'b']);
      await store.delete('a');
      expect(await store.load('a')).toBeNull();
      expect(await store.load('b')).toEqual({ state: 2, revision: 1 });
    });

    it('keeps what was saved apart from the caller’s object', async () => {
      const state = { rung: 1 };
      await store.save('a', { state, revision: 0 });
      state.rung = 9;
      expect(await store.load('a')).toMatchObject({ state: { rung: 1 } });
    });

    it('rejects calls after it was closed', async () => {
      store.close();
      await expect(store.load('a')).rejects.toMatchObject({ code: 'connection-lost' });
    });
  });
}
