/** The element with this id; the page is broken without it, so its absence is an error. */
export function element<Type extends HTMLElement>(id: string, type: new () => Type): Type {
  const found = document.getElementById(id);
  if (found instanceof type) return found;
  throw new TypeError(`index.html has no ${type.name} with the id "${id}".`);
}

/** The element marked `data-part="name"` inside another. */
export function part<Type extends HTMLElement>(
  inside: ParentNode,
  name: string,
  type: new () => Type,
): Type {
  const found = inside.querySelector(`[data-part="${name}"]`);
  if (found instanceof type) return found;
  throw new TypeError(`index.html has no ${type.name} with data-part="${name}".`);
}

/** A new element holding this text; markup in it stays text. */
export function make(tag: string, text: string, className = ''): HTMLElement {
  const made = document.createElement(tag);
  made.textContent = text;
  if (className !== '') made.className = className;
  return made;
}
