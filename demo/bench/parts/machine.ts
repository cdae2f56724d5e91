import { canCompute } from '../../../bench/peers/dot-rate.ts';

/** What a browser tells of the machine it runs on. `null`: it does not tell. */
export interface Machine {
  readonly browser: string;
  readonly system: string;
  readonly cores: number;
  readonly memoryGigabytes: number | null;
  readonly graphics: string | null;
  readonly isIsolated: boolean;
  readonly hasRelaxedSimd: boolean;
}

/** Only Chromium has it. */
interface UserAgentData {
  readonly brands: readonly { readonly brand: string; readonly version: string }[];
  readonly platform: string;
  getHighEntropyValues(names: readonly string[]): Promise<Readonly<Record<string, unknown>>>;
}

interface TellingNavigator extends Navigator {
  readonly userAgentData?: UserAgentData;
  readonly deviceMemory?: number;
}

/** Asks this browser; nothing leaves the page. */
export async function readMachine(): Promise<Machine> {
  const teller = navigator as TellingNavigator;
  return {
    browser: await browserOf(teller),
    system: await systemOf(teller),
    cores: teller.hardwareConcurrency,
    memoryGigabytes: teller.deviceMemory ?? null,
    graphics: graphicsChip(),
    isIsolated: globalThis.crossOriginIsolated,
    hasRelaxedSimd: await canCompute('fast'),
  };
}

/** For people and for the copied result: name and value. */
export function machineRows(machine: Machine): [string, string][] {
  const { memoryGigabytes, graphics } = machine;
  return [
    ['Browser', machine.browser],
    ['System', machine.system],
    ['Cores', `${machine.cores}; one is used`],
    // Browsers cap it, so as not to tell too much.
    ['Memory', memoryGigabytes === null ? 'not told' : `${memoryGigabytes} GB or more`],
    ['Graphics', graphics ?? 'not told'],
    ['Relaxed SIMD', machine.hasRelaxedSimd ? 'yes' : 'no: only exact arithmetic'],
    ['Cross-origin isolated', machine.isIsolated ? 'yes' : 'no, as most pages'],
  ];
}

/** The last brand that is not there to confuse lists of brands is the browser's own. */
async function browserOf({ userAgentData, userAgent }: TellingNavigator): Promise<string> {
  if (userAgentData === undefined) return browserOfUserAgent(userAgent);
  const brands = userAgentData.brands.filter(({ brand }) => !/not.{0,2}a.{0,2}brand/i.test(brand));
  const names = brands.map(({ brand, version }) => `${brand} ${version}`);
  return names.length === 0 ? browserOfUserAgent(userAgent) : names.join(', ');
}

function browserOfUserAgent(userAgent: string): string {
  const firefox = /Firefox\/[\d.]+/.exec(userAgent);
  const safari = /Version\/([\d.]+).*Safari/.exec(userAgent);
  if (firefox !== null) return firefox[0].replace('/', ' ');
  return safari === null ? userAgent : `Safari ${safari[1]}`;
}

async function systemOf({ userAgentData, userAgent }: TellingNavigator): Promise<string> {
  if (userAgentData === undefined) return /\(([^)]*)\)/.exec(userAgent)?.[1] ?? 'not told';
  const wanted = ['architecture', 'bitness', 'model', 'platformVersion'];
  const { architecture, bitness, model, platformVersion } =
    await userAgentData.getHighEntropyValues(wanted);
  const processor = [architecture, bitness].filter(isTold).join(' ');
  return [userAgentData.platform, platformVersion, model, processor].filter(isTold).join(', ');
}

function isTold(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function graphicsChip(): string | null {
  const context = document.createElement('canvas').getContext('webgl');
  if (context === null) return null;
  const names = context.getExtension('WEBGL_debug_renderer_info');
  const asked = names === null ? context.RENDERER : names.UNMASKED_RENDERER_WEBGL;
  const name: unknown = context.getParameter(asked);
  return isTold(name) ? name : null;
}
