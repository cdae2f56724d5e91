import type { Mode, Runtime } from 'edgewise';

import { askRoute } from './ask.ts';
import { type Endpoint, type EndpointModel, type EndpointState, isOnlyLocal } from './endpoint.ts';
import { modeText } from './explain.ts';
import { element } from './page.ts';

/** Who may answer, and the plug; every note on the page that depends on them is written here. */
export function wireControls(runtime: Runtime, endpoint: Endpoint): void {
  const mode = element('mode', HTMLSelectElement);
  const plug = element('plug', HTMLButtonElement);
  const update = (): void => {
    const chosen = mode.value as Mode;
    element('mode-note', HTMLElement).textContent = modeText(chosen);
    element('plug-note', HTMLElement).textContent = plugText(endpoint.state);
    element('ask-route', HTMLElement).textContent = askRoute(endpoint.state, chosen);
    element('endpoint-note', HTMLElement).textContent = endpointText(endpoint.state);
  };
  mode.addEventListener('change', () => {
    runtime.mode = mode.value as Mode;
    update();
  });
  plug.addEventListener('click', () => {
    const isPulled = plug.getAttribute('aria-checked') !== 'true';
    plug.setAttribute('aria-checked', String(isPulled));
    endpoint.pullPlug(isPulled);
  });
  mode.value = runtime.mode;
  endpoint.onChange(update);
}

function plugText(state: EndpointState): string {
  if (state.status !== 'cut') return 'Cuts this page off from the server, as a dead network would.';
  return 'Cut off. Words and rewriting go on here; open questions have to wait.';
}

function endpointText(state: EndpointState): string {
  switch (state.status) {
    case 'looking':
      return '';
    case 'none':
      return 'No server is set up. Whoever runs this page can add one.';
    case 'cut':
      return 'The server is cut off by the plug.';
    case 'present':
      if (isOnlyLocal(state)) {
        return 'The server runs this same small model: it shows how a server is used, not good answers.';
      }
      return `The server offers ${state.models.map(describe).join(', ')}.`;
  }
}

function describe({ id, kind }: EndpointModel): string {
  return kind === 'local' ? `${id} (this same small model)` : id;
}
