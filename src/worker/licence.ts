import { EdgewiseError, ModelError } from '../errors.ts';
import type { Manifest } from '../types.ts';

/** Throws `ModelError` `licence-not-accepted` where the terms have to be accepted and were not. */
export function assertLicence({ id, licence }: Manifest, isAccepted: boolean): void {
  if (licence.requiresAcceptance !== true || isAccepted) return;
  throw new ModelError(
    'licence-not-accepted',
    `The model "${id}" comes with terms of its own (${licence.id}, ${licence.url}). Show them, let the person accept them, then call models.download('${id}', { acceptLicence: true }).`,
    {
      details: {
        modelId: id,
        licence: licence.id,
        licenceUrl: licence.url,
        notice: licence.notice ?? null,
      },
    },
  );
}

/** Nothing is wrong with the model: the person has not been asked yet. */
export function isLicenceNotAccepted(error: unknown): boolean {
  return EdgewiseError.is(error) && error.code === 'licence-not-accepted';
}
