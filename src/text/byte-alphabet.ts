/**
 * Byte-level BPE writes each byte as one printable character: printable Latin-1 characters stand for
 * themselves, the other bytes for U+0100 onwards. Gives the byte of each stand-in.
 */
export function createByteAlphabet(): ReadonlyMap<string, number> {
  const bytes = new Map<string, number>();
  let next = 0x100;
  for (let byte = 0; byte < 256; byte += 1) {
    bytes.set(String.fromCharCode(isPrintable(byte) ? byte : next++), byte);
  }
  return bytes;
}

function isPrintable(byte: number): boolean {
  return (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
}
