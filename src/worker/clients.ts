import type { Envelope, HostMessage } from './protocol.ts';

/** A message before its envelope is added. */
export type Unaddressed<Message> = Message extends Envelope ? Omit<Message, keyof Envelope> : never;

/** The pages a host serves, each on a port of its own. */
export interface Clients {
  add(from: string, port: MessagePort): void;
  /** Answers the call to the page it came from. */
  reply(call: Pick<Envelope, 'from' | 'id'>, message: Unaddressed<HostMessage>): void;
  /** Tells every page. */
  broadcast(message: Unaddressed<HostMessage>): void;
  close(): void;
}

export function createClients(epoch: string): Clients {
  const ports = new Map<string, MessagePort>();

  const send = (port: MessagePort, id: number, message: Unaddressed<HostMessage>): void =>
    port.postMessage({ epoch, from: 'host', id, ...message } satisfies HostMessage);

  return {
    add: (from, port) => void ports.set(from, port),
    reply({ from, id }, message) {
      const port = ports.get(from);
      if (port !== undefined) send(port, id, message);
    },
    broadcast(message) {
      for (const port of ports.values()) send(port, 0, message);
    },
    close() {
      for (const port of ports.values()) port.close();
      ports.clear();
    },
  };
}
