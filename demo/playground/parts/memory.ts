import type { Runtime } from 'edgewise';

import { element } from './page.ts';

/** Learning takes a moment after the field was left: the code comes on demand, the disk answers later. */
const COUNT_AFTER_MS = 300;

/** What the page remembers of the person's own words, with the switch and the way to forget. */
export function wireMemory(runtime: Runtime): void {
  const isOn = element('memory-on', HTMLInputElement);
  const count = element('memory-count', HTMLElement);
  const forget = element('memory-forget', HTMLButtonElement);
  const compose = element('compose', HTMLTextAreaElement);

  const show = async (): Promise<void> => {
    const messages = await runtime.memory.count();
    count.textContent = messages === 1 ? '1 line remembered.' : `${messages} lines remembered.`;
    forget.disabled = messages === 0;
  };
  const update = (): void => {
    show().catch((error: unknown) => {
      count.textContent = error instanceof Error ? error.message : String(error);
    });
  };
  isOn.checked = runtime.memory.isOn;
  isOn.addEventListener('change', () => {
    runtime.memory.isOn = isOn.checked;
    update();
  });
  forget.addEventListener('click', () => {
    runtime.memory.forget().then(update, update);
  });
  compose.addEventListener('blur', () => setTimeout(update, COUNT_AFTER_MS));
  update();
}
