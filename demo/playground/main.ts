import { createRuntime, type Runtime } from 'edgewise';

import { wireAsk } from './parts/ask.ts';
import { wireControls } from './parts/controls.ts';
import { createEndpoint } from './parts/endpoint.ts';
import { wireMemory } from './parts/memory.ts';
import { wireModelPanel } from './parts/model-panel.ts';
import { element } from './parts/page.ts';
import { wireRewrite } from './parts/rewrite.ts';
import { wireTabs } from './parts/tabs.ts';
import { wireTriage } from './parts/triage.ts';
import { wireWrite } from './parts/write.ts';

declare global {
  /** For automated use of the page. */
  var edgewiseDemo: Runtime | undefined;
}

const DEFAULT_MODEL = 'smollm2-135m-instruct-q4_1';
const MODELS_URL = '/models/';
const RELAY_URL = '/edge/v1';
/** Beside the models: `scripts/demo-server.mjs` serves it out of the package. */
const STUDENT_URL = '/models/students/banking77/';

const endpoint = createEndpoint(RELAY_URL);
/** `?model=ID` tries another model that `edgewise pull` put beside the default one. */
const model = new URLSearchParams(location.search).get('model') ?? DEFAULT_MODEL;
const runtime = createRuntime({
  model,
  models: { baseUrl: MODELS_URL },
  students: [{ url: STUDENT_URL }],
  remote: { baseUrl: RELAY_URL, fetch: endpoint.fetch },
});
globalThis.edgewiseDemo = runtime;

wireTabs(element('tabs', HTMLElement));
wireControls(runtime, endpoint);
wireTriage(runtime, endpoint);
wireModelPanel(runtime, model);
wireWrite(runtime);
wireMemory(runtime);
wireAsk(runtime, endpoint);
wireRewrite(runtime, endpoint);
void endpoint.look();
