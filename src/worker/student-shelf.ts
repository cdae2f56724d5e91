import { EdgewiseError } from '../errors.ts';
import { readStudent, type Student } from '../students/ngram-student.ts';
import { parseStudentCard, STUDENT_CARD_FILE, type StudentCard } from '../students/student-card.ts';
import {
  CERTIFICATES_FILE,
  parseCertificates,
  type CertificatesFile,
} from '../students/student-certificates.ts';
import type { ShardStore, StudentInfo } from '../types.ts';
import { fetchCheckedFile, isIntact } from '../weights/fetch-checked-file.ts';
import { fetchJson } from '../weights/fetch-json.ts';
import { createNotes } from './notes.ts';
import { createSharedTask, type SharedTask } from './shared-task.ts';

/** A student in memory, with what is known of it. */
export interface OpenStudent {
  readonly info: StudentInfo;
  readonly student: Student;
}

/** The students of this origin: fetched once, checked, kept in the browser. */
export interface StudentShelf {
  /**
   * The student in this folder. What is stored answers at once and without network; a newer one of
   * the server is kept meanwhile, for the next visit. Throws `NetworkError` or `ModelError`.
   */
  open(folderUrl: string, signal?: AbortSignal): Promise<OpenStudent>;
  /** The student when it is open already: then nothing has to be waited for. */
  peek(folderUrl: string): OpenStudent | null;
}

export interface StudentShelfOptions {
  readonly fetch: typeof fetch;
  openStore(): Promise<ShardStore>;
}

export function createStudentShelf(options: StudentShelfOptions): StudentShelf {
  const opened = new Map<string, OpenStudent>();
  const tasks = new Map<string, SharedTask<OpenStudent, never>>();

  function start(folderUrl: string): SharedTask<OpenStudent, never> {
    const task = createSharedTask<OpenStudent>(async (signal) => {
      const student = await openStudent(options, folderUrl, signal);
      opened.set(folderUrl, student);
      return student;
    });
    tasks.set(folderUrl, task);
    return task;
  }

  return {
    peek: (folderUrl) => opened.get(folderUrl) ?? null,
    async open(folderUrl, signal) {
      signal?.throwIfAborted();
      const known = opened.get(folderUrl);
      if (known !== undefined) return known;
      const running = tasks.get(folderUrl);
      return (running?.isOpen() === true ? running : start(folderUrl)).join({ signal });
    },
  };
}

/** Everything of one student: what `student.json` says, what is promised, and the bytes. */
interface Parcel {
  readonly card: StudentCard;
  readonly certificates: CertificatesFile | null;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

async function openStudent(
  options: StudentShelfOptions,
  folderUrl: string,
  signal: AbortSignal,
): Promise<OpenStudent> {
  const stored = await recallParcel(options, folderUrl);
  if (stored !== null) {
    // For the next visit; offline, or with a server in trouble, what is here goes on.
    void fetchParcel(options, folderUrl, { sha256: stored.card.sha256 }).catch(() => undefined);
    return unpack(stored);
  }
  return unpack(await fetchParcel(options, folderUrl, { signal }));
}

async function recallParcel(
  { openStore }: StudentShelfOptions,
  folderUrl: string,
): Promise<Parcel | null> {
  const notes = createNotes(openStore);
  const card = await notes.recall(new URL(STUDENT_CARD_FILE, folderUrl), parseStudentCard);
  if (card === null) return null;
  const store = await openStore();
  const blob = await store.get({ sha256: card.sha256, index: 0 });
  if (blob === null) return null;
  const bytes = new Uint8Array(await blob.arrayBuffer());
  // Disks forget and flip: a damaged file is as good as none.
  if (!(await isIntact(bytes, card))) return null;
  const certificatesUrl = new URL(CERTIFICATES_FILE, folderUrl);
  return { card, bytes, certificates: await notes.recall(certificatesUrl, parseCertificates) };
}

interface FetchParcelOptions {
  readonly signal?: AbortSignal;
  /** File that is here already and need not be fetched. */
  readonly sha256?: string;
}

async function fetchParcel(
  { fetch, openStore }: StudentShelfOptions,
  folderUrl: string,
  { signal, sha256 }: FetchParcelOptions,
): Promise<Parcel> {
  const get = { fetch, signal };
  const cardUrl = new URL(STUDENT_CARD_FILE, folderUrl);
  const certificatesUrl = new URL(CERTIFICATES_FILE, folderUrl);
  const card = parseStudentCard(await fetchJson(cardUrl, get));
  const certificates = await fetchCertificates(certificatesUrl, get);
  const notes = createNotes(openStore);
  const store = await openStore();
  let bytes = new Uint8Array();
  if (card.sha256 !== sha256) {
    bytes = await fetchCheckedFile(new URL(card.file, folderUrl), card, get);
    await store.put({ sha256: card.sha256, index: 0 }, new Blob([bytes]));
  }
  if (certificates === null) await notes.forget(certificatesUrl);
  else await notes.keep(certificatesUrl, certificates);
  // Last: whoever finds the card finds the rest.
  await notes.keep(cardUrl, { version: 1, ...card });
  if (sha256 !== undefined && sha256 !== card.sha256) await store.deleteModel(sha256);
  return { card, certificates, bytes };
}

/** Certificates are optional: a server without them answers 404, or a page. */
async function fetchCertificates(
  url: URL,
  get: { readonly fetch: typeof fetch; readonly signal: AbortSignal | undefined },
): Promise<CertificatesFile | null> {
  try {
    return parseCertificates(await fetchJson(url, get));
  } catch (error) {
    const isAbsent = EdgewiseError.is(error) && !error.isRetryable && !get.signal?.aborted;
    if (isAbsent) return null;
    throw error;
  }
}

function unpack({ card, certificates, bytes }: Parcel): OpenStudent {
  const student = readStudent(bytes);
  const { id, name, licence, sha256, sizeBytes } = card;
  // A promise holds for the very file it was made for.
  const isForThis = certificates?.studentSha256 === sha256;
  const info: StudentInfo = {
    id,
    name,
    licence,
    sha256,
    sizeBytes,
    labels: student.labels,
    certified: isForThis ? withoutFileFields(certificates) : null,
  };
  return { info, student };
}

function withoutFileFields(file: CertificatesFile): StudentInfo['certified'] {
  const { score, dataName, dataSha256, date, certificates } = file;
  return { score, dataName, dataSha256, date, certificates };
}
