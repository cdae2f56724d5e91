import { crc32 } from 'node:zlib';

/** Builds an uncompressed zip archive, as a wheel is one. */
export function createZip(files: Readonly<Record<string, Uint8Array>>): Uint8Array {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, bytes] of Object.entries(files)) {
    const facts = factsOf(name, bytes);
    const local = Buffer.concat([words([0x04034b50]), facts, Buffer.from(name), bytes]);
    const start = Buffer.alloc(4);
    start.writeUInt32LE(offset);
    const rest = Buffer.concat([Buffer.alloc(10), start]);
    directory.push(
      Buffer.concat([words([0x02014b50]), halves([20]), facts, rest, Buffer.from(name)]),
    );
    parts.push(local);
    offset += local.length;
  }
  const entries = Buffer.concat(directory);
  const count = directory.length;
  const end = Buffer.concat([
    words([0x06054b50]),
    halves([0, 0, count, count]),
    words([entries.length, offset]),
    halves([0]),
  ]);
  return Buffer.concat([...parts, entries, end]);
}

/** Version, flags, method, time, date, checksum, sizes, lengths: alike in both headers. */
function factsOf(name: string, bytes: Uint8Array): Buffer {
  return Buffer.concat([
    halves([20, 0, 0, 0, 0x21]),
    words([crc32(bytes), bytes.length, bytes.length]),
    halves([Buffer.byteLength(name), 0]),
  ]);
}

function halves(values: readonly number[]): Buffer {
  const buffer = Buffer.alloc(values.length * 2);
  values.forEach((value, index) => buffer.writeUInt16LE(value, index * 2));
  return buffer;
}

function words(values: readonly number[]): Buffer {
  const buffer = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => buffer.writeUInt32LE(value, index * 4));
  return buffer;
}
