import type { StudentInfo } from 'edgewise';

import { element } from './page.ts';

/** What the slider offers, as shares of all messages. */
const BUDGETS = [0.01, 0.02, 0.05] as const;

type Certified = NonNullable<StudentInfo['certified']>;
type Certificate = Certified['certificates'][number];

/** How much loss is accepted, and what is promised for it. */
export interface Budget {
  readonly value: number;
  /** Draws what is promised of the student, and who is to be credited for what it learnt from. */
  show(student: StudentInfo): void;
  onChange(listener: () => void): void;
}

export function createBudget(): Budget {
  const slider = element('loss-budget', HTMLInputElement);
  let certified: StudentInfo['certified'] = null;
  const value = (): number => BUDGETS[Number(slider.value)] ?? BUDGETS[1];
  const draw = (): void => {
    const shown = percent(value());
    slider.setAttribute('aria-valuetext', shown);
    element('loss-budget-value', HTMLElement).textContent = shown;
    if (certified !== null) drawCertificate(certified, value());
  };
  slider.addEventListener('input', draw);
  return {
    get value() {
      return value();
    },
    show(student) {
      certified = student.certified;
      element('student-credit', HTMLElement).textContent = student.licence?.notice ?? '';
      element('budget', HTMLElement).hidden = certified === null;
      draw();
    },
    onChange: (listener) => slider.addEventListener('input', listener),
  };
}

function drawCertificate(certified: Certified, alpha: number): void {
  const certificate = certified.certificates.find((each) => each.alpha === alpha) ?? null;
  const kept = certificate?.keptShare ?? 0;
  const box = element('certificate', HTMLElement);
  box.dataset['threshold'] = certificate?.threshold?.toFixed(4) ?? '';
  box.dataset['kept'] = certificate?.keptShare?.toFixed(4) ?? '';
  element('kept-bar', HTMLProgressElement).value = kept;
  element('kept-text', HTMLElement).textContent = keptText(certificate);
  element('certificate-text', HTMLElement).textContent = certificateText(certified, certificate);
}

function keptText(certificate: Certificate | null): string {
  if (certificate === null || certificate.keptShare === null) {
    return 'Not certifiable: everything goes to the server.';
  }
  return `${percent(certificate.keptShare)} of these messages stay on this device.`;
}

function certificateText(certified: Certified, certificate: Certificate | null): string {
  const { dataName, dataSha256, date } = certified;
  const source = `${dataName} (SHA-256 ${dataSha256.slice(0, 8)}…), ${date}`;
  if (certificate === null) return `No certificate for this budget. Data: ${source}.`;
  const { lossBound, delta, labels, labelsNeeded } = certificate;
  const rows = labels.toLocaleString('en');
  if (lossBound === null) {
    const needed =
      labelsNeeded === null ? '' : `; about ${labelsNeeded.toLocaleString('en')} needed`;
    return `${rows} labelled messages are not enough${needed}. Data: ${source}.`;
  }
  return `Certificate: with ${percent(1 - delta)} confidence at most ${percent(lossBound, 2)} of all messages like these are kept and wrong. It rests on ${rows} labelled messages the student never saw: ${source}.`;
}

/** Decimals only where they say something. */
function percent(share: number, decimals = 1): string {
  return `${Number((share * 100).toFixed(decimals))} %`;
}
