import { deleteDB, openDB } from 'idb';
import { afterEach, describe, expect, it } from 'vitest';
import { createLearningLoop } from '../../src/cascade/learning/learning-loop.ts';
import { parseLearningState } from '../../src/cascade/learning/parse-state.ts';
import { startLearning } from '../../src/cascade/learning/state.ts';
import { openLearningStore } from '../../src/storage/learning-store.ts';
import { describeLearningStore } from '../contract/learning-store.contract.ts';

const names: string[] = [];

function newName(): string {
  const name = `edgewise-test-${crypto.randomUUID()}`;
  names.push(name);
  return name;
}

afterEach(async () => {
  for (const name of names.splice(0)) await deleteDB(name);
});

describeLearningStore('IndexedDB', () => openLearningStore({ databaseName: newName() }));

describe('IndexedDB learning store', () => {
  it('brings a loop back on the next visit', async () => {
    const name = newName();
    const state = startLearning({ key: 'k', source: 's', nowMs: 5 });
    const loop = createLearningLoop({ state, now: () => 5, random: () => 0.5 });
    loop.freeze();
    const store = await openLearningStore({ databaseName: name });
    await store.save('k', { state: loop.snapshot(), revision: 0 });
    store.close();
    const again = await openLearningStore({ databaseName: name });
    const stored = await again.load('k');
    expect(parseLearningState(stored?.state)).toEqual(loop.snapshot());
    again.close();
  });

  it('keeps the older state when the disk is full, and says so', async () => {
    const store = await openLearningStore({ databaseName: newName() });
    await store.save('k', { state: 'old', revision: 0 });
    const original = IDBObjectStore.prototype.put;
    // As the browser does when the disk is full: the transaction ends with this error.
    IDBObjectStore.prototype.put = function full() {
      throw new DOMException('The disk is full.', 'QuotaExceededError');
    };
    try {
      await expect(store.save('k', { state: 'new', revision: 1 })).rejects.toMatchObject({
        name: 'StorageError',
        code: 'quota-exceeded',
      });
    } finally {
      IDBObjectStore.prototype.put = original;
    }
    expect(await store.load('k')).toEqual({ state: 'old', revision: 1 });
    expect(await store.save('k', { state: 'new', revision: 1 })).toBe(2);
    store.close();
  });

  it('counts a put that succeeds in a transaction that aborts as failed', async () => {
    const store = await openLearningStore({ databaseName: newName() });
    await store.save('k', { state: 'old', revision: 0 });
    const original = IDBObjectStore.prototype.put;
    IDBObjectStore.prototype.put = function aborting(...options) {
      const request = original.apply(this, options);
      request.addEventListener('success', () => this.transaction.abort());
      return request;
    };
    try {
      await expect(store.save('k', { state: 'new', revision: 1 })).rejects.toMatchObject({
        name: 'StorageError',
      });
    } finally {
      IDBObjectStore.prototype.put = original;
    }
    expect(await store.load('k')).toEqual({ state: 'old', revision: 1 });
    store.close();
  });

  it('hands a damaged state over to be refused with a typed error', async () => {
    const name = newName();
    const store = await openLearningStore({ databaseName: name });
    const state = startLearning({ key: 'k', source: 's', nowMs: 0 });
    await store.save('k', { state: { ...state, bets: [{}] }, revision: 0 });
    const stored = await store.load('k');
    expect(() => parseLearningState(stored?.state)).toThrow(
      expect.objectContaining({ name: 'DataError', code: 'bad-state' }),
    );
    store.close();
  });

  it('is unavailable to an old page when a newer one has changed the database', async () => {
    const name = newName();
    (await openDB(name, 99)).close();
    await expect(openLearningStore({ databaseName: name })).rejects.toMatchObject({
      code: 'unavailable',
    });
  });
});
