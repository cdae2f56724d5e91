import { UnsupportedError } from '../errors.ts';
import type { Manifest } from '../types.ts';
import { shardSize } from './manifest.ts';

/** Whether these are exactly the bytes the manifest promises for this shard. */
export async function isShardIntact(
  manifest: Manifest,
  index: number,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  if (bytes.length !== shardSize(manifest, index)) return false;
  return (await sha256Hex(bytes)) === manifest.shards[index];
}

/** SHA-256 as lower-case hex. Throws `UnsupportedError` on a page that is not a secure context. */
export async function sha256Hex(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  // Browsers hide WebCrypto from pages served by plain http other than localhost.
  const subtle = (globalThis.crypto as Crypto | undefined)?.subtle;
  if (subtle === undefined) {
    throw new UnsupportedError(
      'feature-missing',
      'Model weights cannot be verified here: serve the page over https or from localhost.',
    );
  }
  const digest = new Uint8Array(await subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
