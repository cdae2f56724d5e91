import { describe, expect, it } from 'vitest';
import { fetchFile } from '../../../src/worker/file-fetch.ts';

const url = new URL('../../../models/fixture/tiny.gguf', import.meta.url);
const range = (header: string): RequestInit => ({ headers: { range: header } });

describe('fetchFile', () => {
  it('reads a whole file', async () => {
    const response = await fetchFile(url);
    const bytes = new Uint8Array(await response.arrayBuffer());
    expect(response.status).toBe(200);
    expect(String(bytes.length)).toBe(response.headers.get('content-length'));
    expect(new TextDecoder().decode(bytes.subarray(0, 4))).toBe('GGUF');
  });

  it('reads the range asked for and says which it was', async () => {
    const whole = new Uint8Array(await (await fetchFile(url)).arrayBuffer());
    const response = await fetchFile(url, range('bytes=2-9'));
    expect(response.status).toBe(206);
    expect(response.headers.get('content-range')).toBe(`bytes 2-9/${whole.length}`);
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(whole.slice(2, 10));
    const tail = await fetchFile(url, range(`bytes=${whole.length - 3}-`));
    expect(new Uint8Array(await tail.arrayBuffer())).toEqual(whole.slice(-3));
  });

  it('answers as a server would where there is nothing', async () => {
    expect((await fetchFile(url, range('bytes=999999999-'))).status).toBe(416);
    expect((await fetchFile(new URL('no-such-file', url))).status).toBe(404);
  });

  it('fails as the network does when the file cannot be read', async () => {
    const folder = new URL('./', url);
    await expect(fetchFile(folder).then((response) => response.arrayBuffer())).rejects.toThrow();
  });

  it("throws the signal's reason", async () => {
    const reason = new Error('enough');
    await expect(fetchFile(url, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});
