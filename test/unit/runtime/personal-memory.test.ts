import { describe, expect, it } from 'vitest';
import { StorageError } from '../../../src/errors.ts';
import { openPersonalMemory } from '../../../src/runtime/personal-memory.ts';
import {
  createMemoryLearningStore,
  type LearningStore,
} from '../../../src/storage/learning-store.ts';

const note = (text: string, previous = '') => ({ text, previous, field: 'note' });

async function open(store: LearningStore, errors: unknown[] = []) {
  return openPersonalMemory({ store, onError: (error) => errors.push(error) });
}

/** Another tab's view of the same store: closing it must not close ours. */
function shared(store: LearningStore): LearningStore {
  return { ...store, isPersistent: store.isPersistent, close: () => undefined };
}

describe('a personal memory', () => {
  it('remembers each line that was written, and not single words', async () => {
    const memory = await open(createMemoryLearningStore());
    memory.learn(note('Hi\nsee you tomorrow\n\nthanks a lot'));
    expect(memory.size).toBe(2);
    expect(memory.predict('see you tom').pieces[0]?.text).toBe('orrow');
  });

  it('replaces a line that was written on', async () => {
    const memory = await open(createMemoryLearningStore());
    memory.learn(note('see you'));
    memory.learn(note('see you soon', 'see you'));
    expect(memory.size).toBe(1);
    memory.refresh();
    expect(memory.recent()).toEqual(['see you soon']);
  });

  it('does not learn the lines that stood there before', async () => {
    const memory = await open(createMemoryLearningStore());
    memory.learn(note('a quoted mail\nmy own answer', 'a quoted mail'));
    memory.refresh();
    expect(memory.recent()).toEqual(['my own answer']);
  });

  it('is there again after the next visit', async () => {
    const store = createMemoryLearningStore();
    const memory = await open(shared(store));
    memory.learn(note('see you tomorrow'));
    await memory.flush();
    memory.close();
    const again = await open(shared(store));
    expect(again.recent()).toEqual(['see you tomorrow']);
  });

  it('keeps its recent messages while a text is written', async () => {
    const memory = await open(createMemoryLearningStore());
    memory.learn(note('first message'));
    expect(memory.recent()).toEqual([]);
    memory.refresh();
    expect(memory.recent()).toEqual(['first message']);
  });

  it('gives the model no more than fits beside the text', async () => {
    const memory = await open(createMemoryLearningStore());
    for (let index = 0; index < 30; index++) memory.learn(note(`${index} ${'word '.repeat(60)}`));
    memory.refresh();
    expect(memory.recent().join('').length).toBeLessThanOrEqual(900);
    expect(memory.recent().at(-1)).toMatch(/^29 /);
  });

  it('takes in what another tab learnt, and loses nothing of its own', async () => {
    const store = createMemoryLearningStore();
    const one = await open(shared(store));
    const two = await open(shared(store));
    one.learn(note('from tab one'));
    await one.flush();
    two.learn(note('from tab two'));
    await two.flush();
    const again = await open(shared(store));
    expect(again.recent().toSorted()).toEqual(['from tab one', 'from tab two']);
  });

  it('goes on without the disk when it is full, says so, and stores all later', async () => {
    const store = createMemoryLearningStore();
    let isFull = true;
    const full: LearningStore = {
      ...shared(store),
      save: (key, stored) =>
        isFull
          ? Promise.reject(new StorageError('quota-exceeded', 'The disk is full.'))
          : store.save(key, stored),
    };
    const errors: unknown[] = [];
    const memory = await open(full, errors);
    memory.learn(note('see you tomorrow'));
    await memory.flush();
    expect(errors).toHaveLength(1);
    expect(memory.size).toBe(1);
    isFull = false;
    memory.learn(note('see you then'));
    await memory.flush();
    expect((await open(shared(store))).size).toBe(2);
  });

  it('forgets everything, on the disk too, and a later save brings nothing back', async () => {
    const store = createMemoryLearningStore();
    const memory = await open(shared(store));
    memory.learn(note('my secret plan'));
    await memory.flush();
    await memory.forget();
    expect(memory.size).toBe(0);
    expect(JSON.stringify(await store.load('words'))).not.toContain('secret');
    memory.learn(note('a new start'));
    await memory.flush();
    expect((await open(shared(store))).recent()).toEqual(['a new start']);
  });

  it('does not get back from another tab what was forgotten', async () => {
    const store = createMemoryLearningStore();
    const one = await open(shared(store));
    one.learn(note('my secret plan'));
    await one.flush();
    const two = await open(shared(store));
    await one.forget();
    one.learn(note('a new start'));
    await one.flush();
    two.learn(note('good morning everyone'));
    await two.flush();
    const again = await open(shared(store));
    expect(again.recent().toSorted()).toEqual(['a new start', 'good morning everyone']);
  });

  it('stays forgotten when a save was under way', async () => {
    const store = createMemoryLearningStore();
    const one = await open(shared(store));
    const two = await open(shared(store));
    one.learn(note('my secret plan'));
    await one.flush();
    two.learn(note('good morning everyone'));
    const saving = two.flush();
    await two.forget();
    await saving;
    expect(two.size).toBe(0);
    expect(JSON.stringify(await store.load('words'))).not.toContain('secret');
  });

  it('is forgotten in the other tabs too', async () => {
    const channel = new EventTarget();
    const reach = {
      addEventListener: channel.addEventListener.bind(channel),
      postMessage: (data: unknown) =>
        void channel.dispatchEvent(new MessageEvent('message', { data })),
      close: () => undefined,
    };
    const store = createMemoryLearningStore();
    const options = { store: shared(store), onError: () => undefined, channel: reach };
    const one = await openPersonalMemory(options);
    const two = await openPersonalMemory(options);
    two.learn(note('see you tomorrow'));
    await one.forget();
    expect(two.size).toBe(0);
    expect(two.predict('see you tom').pieces).toEqual([]);
  });

  it.each([null, 1, 'x', { version: 2, messages: [] }, { version: 1, messages: 'no' }])(
    'counts foreign state as none: %j',
    async (state) => {
      const store = createMemoryLearningStore();
      await store.save('words', { state, revision: 0 });
      expect((await open(store)).size).toBe(0);
    },
  );
});
