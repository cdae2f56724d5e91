import { classificationFeatures } from '../cascade/classification-evidence.ts';
import type { Outcome } from '../cascade/outcome.ts';
import type { Student } from '../students/ngram-student.ts';
import type { LabelledText } from '../students/train-ngram.ts';

/**
 * How a student did on labelled texts, the margin as its score. The tier above is taken to be right
 * wherever the label is: nothing else is known of it.
 */
export function outcomesOfStudent(student: Student, rows: readonly LabelledText[]): Outcome[] {
  return rows.map(({ text, label }, index) => {
    const { label: answer, evidence } = student.predict(text);
    return {
      id: `row-${index + 1}`,
      features: classificationFeatures(evidence),
      score: evidence.margin,
      deviceCorrect: answer === label,
    };
  });
}
