import http from 'node:http';
import { Transform } from 'node:stream';

/** One request as it went over the wire. */
export interface Recorded {
  readonly method: string;
  readonly path: string;
  readonly range: string | null;
  readonly requestBody: string;
  /** Body bytes that went to the browser so far. */
  sentBytes: number;
}

/** Stands between browser and server: sees every byte, also those of workers. */
export interface RecordingProxy {
  readonly url: string;
  readonly requests: readonly Recorded[];
  /** Lets this many bytes of the weights through from now on; the rest only trickles. */
  holdWeightsAfter(bytes: number): void;
  /** Lets everything through again. */
  release(): void;
  close(): Promise<void>;
}

const WEIGHTS = /\.gguf$/;

export async function startRecordingProxy(targetUrl: string): Promise<RecordingProxy> {
  const requests: Recorded[] = [];
  const gate = createGate();
  const server = http.createServer((incoming, outgoing) => {
    const recorded = {
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      range: incoming.headers.range ?? null,
      requestBody: '',
      sentBytes: 0,
    };
    requests.push(recorded);
    incoming.on('data', (chunk: Buffer) => (recorded.requestBody += chunk.toString()));
    const target = new URL(incoming.url ?? '/', targetUrl);
    const { method, headers } = incoming;
    const onward = http.request(target, { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      const isHeld = WEIGHTS.test(target.pathname);
      answer.pipe(passing(recorded, isHeld ? gate : null)).pipe(outgoing);
    });
    // Either side may leave early: the other one is let go as well.
    onward.on('error', () => outgoing.destroy());
    outgoing.on('close', () => onward.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The proxy has no port.');
  return {
    url: `http://127.0.0.1:${address.port}/`,
    requests,
    holdWeightsAfter: (bytes) => gate.hold(bytes),
    release: () => gate.release(),
    close() {
      gate.release();
      return new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

interface Gate {
  hold(bytes: number): void;
  release(): void;
  /** Calls back once these bytes may go on. */
  pass(bytes: number, onward: () => void): void;
}

/** One piece (at most 64 kB) each time: progress is reported when bytes arrive, never without. */
const TRICKLE_MS = 150;

function createGate(): Gate {
  let room = Number.POSITIVE_INFINITY;
  let trickle: NodeJS.Timeout | undefined;
  const waiting: (() => void)[] = [];
  return {
    hold(bytes) {
      room = bytes;
      trickle ??= setInterval(() => waiting.shift()?.(), TRICKLE_MS);
    },
    release() {
      room = Number.POSITIVE_INFINITY;
      clearInterval(trickle);
      trickle = undefined;
      for (const onward of waiting.splice(0)) onward();
    },
    pass(bytes, onward) {
      if (room <= 0) {
        waiting.push(onward);
        return;
      }
      room -= bytes;
      onward();
    },
  };
}

function passing(recorded: Recorded, gate: Gate | null): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, onward) {
      const pass = (): void => {
        recorded.sentBytes += chunk.length;
        onward(null, chunk);
      };
      if (gate === null) pass();
      else gate.pass(chunk.length, pass);
    },
  });
}
