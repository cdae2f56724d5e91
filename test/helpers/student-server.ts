import { readFile } from 'node:fs/promises';
import path from 'node:path';

const STUDENTS = path.resolve(import.meta.dirname, '../../models/students');

/** Address of the student that ships with Edgewise, behind `createStudentServer`. */
export const STUDENT_URL = 'http://students.test/banking77/';

export interface StudentServer {
  readonly fetch: typeof fetch;
  /** Paths asked for, in order. */
  readonly requests: readonly string[];
  /** Answers this path with something else; `null`: as before. */
  replace(name: string, make: (() => Response | Promise<Response>) | null): void;
}

/** Answers as a web server with the shipped students would. */
export function createStudentServer(): StudentServer {
  const requests: string[] = [];
  const replaced = new Map<string, () => Response | Promise<Response>>();
  return {
    requests,
    replace(name, make) {
      if (make === null) replaced.delete(name);
      else replaced.set(name, make);
    },
    async fetch(input) {
      const url = new URL(input instanceof Request ? input.url : String(input));
      const name = url.pathname.slice(1);
      requests.push(name);
      const other = replaced.get(name.split('/').at(-1) ?? '');
      if (other !== undefined) return other();
      try {
        return new Response(new Uint8Array(await readFile(path.join(STUDENTS, name))));
      } catch {
        return new Response('Not found', { status: 404 });
      }
    },
  };
}
