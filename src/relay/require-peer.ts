import { UnsupportedError } from '../errors.ts';

/** What the relay needs beside the package itself. */
const RELAY_PEERS: readonly string[] = ['hono', '@hono/node-server', 'valibot'];

/**
 * Loads modules that need the relay's optional peers.
 * @throws UnsupportedError `feature-missing` with the line to install them
 */
export async function importPeers<Modules>(
  load: () => Promise<Modules>,
  feature: string,
): Promise<Modules> {
  try {
    return await load();
  } catch (cause) {
    const peer = missingPeer(cause);
    if (peer === null) throw cause;
    const message = `${feature} needs the package "${peer}", which is not installed. Run: npm install ${RELAY_PEERS.join(' ')}`;
    throw new UnsupportedError('feature-missing', message, { cause, details: { peer } });
  }
}

function missingPeer(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error)) return null;
  if (error.code !== 'ERR_MODULE_NOT_FOUND') return null;
  // Node names the package, or the path inside it, in quotes.
  return RELAY_PEERS.find((peer) => error.message.includes(`'${peer}'`)) ?? null;
}
