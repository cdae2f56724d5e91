/**
 * The page's side of `edgewise label`, served as it is: it imports nothing but types. Every action has
 * a key; every key has a button.
 */
import type { LabelState } from './label-task.ts';

/** Options that have a digit as their key. */
const MOST_DIGITS = 9;

let state: LabelState | null = null;
let isBusy = false;
let activeIndex = 0;

const filter = element('filter', HTMLInputElement);
const list = element('options', HTMLOListElement);

document.addEventListener('keydown', onKey);
filter.addEventListener('input', () => {
  activeIndex = 0;
  showOptions();
});
element('skip', HTMLButtonElement).addEventListener('click', () => void skip());
element('undo', HTMLButtonElement).addEventListener('click', () => void call('undo', {}));
element('done', HTMLButtonElement).addEventListener('click', () => void finish());
void load();

async function load(): Promise<void> {
  await exchange(() => fetch('state'));
}

async function call(action: string, body: object): Promise<boolean> {
  return exchange(() => fetch(action, { method: 'POST', body: JSON.stringify(body) }));
}

/** One call at a time: a second key press must not label the next row unseen. */
async function exchange(send: () => Promise<Response>): Promise<boolean> {
  if (isBusy) return false;
  isBusy = true;
  try {
    const response = await send();
    if (!response.ok) throw new Error(await response.text());
    state = (await response.json()) as LabelState;
    showProblem('');
    show(state);
    return true;
  } catch (error) {
    const isGone = error instanceof TypeError;
    showProblem(
      isGone
        ? 'The command has ended. All labels so far are kept; start it again to go on.'
        : String(error instanceof Error ? error.message : error),
    );
    return false;
  } finally {
    isBusy = false;
  }
}

function choose(option: string): void {
  const id = state?.row?.id;
  if (id !== undefined) void call('choose', { id, option });
}

async function skip(): Promise<void> {
  const id = state?.row?.id;
  if (id !== undefined) await call('skip', { id });
}

async function finish(): Promise<void> {
  if (!(await call('done', {}))) return;
  document.body.dataset['state'] = 'ended';
  element('question', HTMLElement).textContent = 'Done. All labels are kept; close this tab.';
  for (const name of ['text', 'answers', 'filter', 'options', 'keys']) {
    element(name, HTMLElement).hidden = true;
  }
  for (const button of document.querySelectorAll('button')) button.disabled = true;
  state = null;
}

function onKey(event: KeyboardEvent): void {
  const isCommand = event.ctrlKey || event.metaKey;
  const isTyping = filter.value !== '';
  // While an input method composes, its keys are its own.
  if (state === null || event.isComposing || event.altKey) return;
  if (isCommand && event.key === 'Enter') return take(event, () => void finish());
  if (isCommand && event.key === 'z' && !isTyping) return take(event, () => void call('undo', {}));
  if (isCommand) return;
  if (event.key === 'Escape') return take(event, isTyping ? clearFilter : () => void skip());
  if (event.key === 'ArrowDown') return take(event, () => moveActive(1));
  if (event.key === 'ArrowUp') return take(event, () => moveActive(-1));
  if (event.key === 'Enter' && document.activeElement === filter && isTyping) {
    return take(event, () => choose(visibleOptions()[activeIndex] ?? ''));
  }
  const digit = /^[1-9]$/.test(event.key) ? Number(event.key) : 0;
  const option = state.row?.options[digit - 1];
  if (hasDigits() && option !== undefined) take(event, () => choose(option));
}

function take(event: KeyboardEvent, action: () => void): void {
  event.preventDefault();
  if (!event.repeat || event.key.startsWith('Arrow')) action();
}

function clearFilter(): void {
  filter.value = '';
  activeIndex = 0;
  showOptions();
}

function moveActive(step: number): void {
  const count = visibleOptions().length;
  if (count > 0) activeIndex = (activeIndex + step + count) % count;
  showOptions();
  if (hasDigits()) list.querySelectorAll('button')[activeIndex]?.focus();
}

function hasDigits(): boolean {
  return (state?.row?.options.length ?? 0) <= MOST_DIGITS;
}

function visibleOptions(): readonly string[] {
  const wanted = plain(filter.value);
  const options = state?.row?.options ?? [];
  const found = options.filter((option) => plain(option).includes(wanted));
  const starting = found.filter((option) => plain(option).startsWith(wanted));
  return [...starting, ...found.filter((option) => !starting.includes(option))];
}

/** "top up" finds top_up. */
function plain(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[_\-\s]+/gu, ' ')
    .trim();
}

function show({ done, total, skipped, canUndo, row, kind }: LabelState): void {
  const left = skipped === 0 ? '' : `, ${skipped} skipped`;
  element('count', HTMLElement).textContent = `${done} of ${total}${left}`;
  const bar = element('bar', HTMLProgressElement);
  bar.max = Math.max(1, total);
  bar.value = done;
  element('question', HTMLElement).textContent = titleOf(row === null, kind);
  element('text', HTMLElement).textContent = row?.text ?? '';
  element('text', HTMLElement).dataset['id'] = row?.id ?? '';
  showAnswers(row?.answers ?? []);
  element('undo', HTMLButtonElement).disabled = !canUndo;
  element('skip', HTMLButtonElement).disabled = row === null;
  filter.hidden = row === null || hasDigits();
  clearFilter();
  if (!filter.hidden) filter.focus();
}

function titleOf(isEmpty: boolean, kind: LabelState['kind']): string {
  if (isEmpty) return 'Nothing is left to label.';
  return kind === 'choose' ? 'Which label is right?' : 'Which answer will do?';
}

function showAnswers(answers: NonNullable<LabelState['row']>['answers']): void {
  const items = answers.flatMap(({ source, text }) => {
    const [term, description] = [document.createElement('dt'), document.createElement('dd')];
    term.textContent = source;
    description.textContent = text;
    description.dir = 'auto';
    return [term, description];
  });
  const target = element('answers', HTMLElement);
  target.replaceChildren(...items);
  target.hidden = items.length === 0;
}

/** Said aloud as well: the mark itself is only to be seen. */
function showKeys(): void {
  const marked = visibleOptions()[activeIndex];
  const typed = marked === undefined ? 'No label has that.' : `Enter takes ${marked}.`;
  const idle = 'Type, Enter takes the marked label, the arrows move the mark.';
  const text = hasDigits() ? 'The digits choose.' : filter.value === '' ? idle : typed;
  element('keys', HTMLElement).textContent = text;
}

function showOptions(): void {
  showKeys();
  const buttons = visibleOptions().map((option, index) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = option;
    if (hasDigits()) {
      const key = document.createElement('kbd');
      key.textContent = String(index + 1);
      button.prepend(key, ' ');
    }
    if (index === activeIndex && filter.value !== '') button.dataset['active'] = '';
    button.addEventListener('click', () => choose(option));
    const item = document.createElement('li');
    item.append(button);
    return item;
  });
  list.replaceChildren(...buttons);
}

function showProblem(text: string): void {
  const problem = element('problem', HTMLElement);
  problem.textContent = text;
  problem.hidden = text === '';
}

function element<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (found instanceof kind) return found;
  throw new Error(`The page has no #${id}.`);
}
