/** Arrow keys, Home and End move between tabs; a click or the move itself opens one. */
export function wireTabs(list: HTMLElement): void {
  const tabs = [...list.querySelectorAll<HTMLButtonElement>('[role="tab"]')];
  const open = (tab: HTMLButtonElement): void => {
    for (const each of tabs) select(each, each === tab);
  };
  for (const tab of tabs) tab.addEventListener('click', () => open(tab));
  list.addEventListener('keydown', (event) => {
    const current = tabs.findIndex((tab) => tab === document.activeElement);
    const next = tabs[target(event.key, current, tabs.length)];
    if (next === undefined) return;
    event.preventDefault();
    next.focus();
    open(next);
  });
}

/** Index of the tab a key leads to; -1 for keys that lead nowhere. */
function target(key: string, current: number, count: number): number {
  if (key === 'ArrowRight') return (current + 1) % count;
  if (key === 'ArrowLeft') return (current + count - 1) % count;
  if (key === 'Home') return 0;
  return key === 'End' ? count - 1 : -1;
}

function select(tab: HTMLButtonElement, isSelected: boolean): void {
  tab.setAttribute('aria-selected', String(isSelected));
  tab.tabIndex = isSelected ? 0 : -1;
  const panel = document.getElementById(tab.getAttribute('aria-controls') ?? '');
  if (panel !== null) panel.hidden = !isSelected;
}
