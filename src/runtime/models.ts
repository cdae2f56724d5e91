import type {
  CallOptions,
  CatalogueEntry,
  DownloadProgress,
  ModelAvailability,
  ModelInfo,
} from '../types.ts';
import type { HostConnection } from '../worker/connect.ts';

export interface ModelDownloadOptions extends CallOptions {
  /**
   * The person has seen and accepted the model's terms (`licence.url`, `licence.notice`). Needed where
   * `licence.requiresAcceptance` says so. Default `false`.
   */
  readonly acceptLicence?: boolean;
  readonly onProgress?: (progress: DownloadProgress) => void;
}

/** The models of the folder. Where no id is given the runtime's own model is meant. */
export interface RuntimeModels {
  catalogue(options?: CallOptions): Promise<readonly CatalogueEntry[]>;
  availability(id?: string, options?: CallOptions): Promise<ModelAvailability>;
  /**
   * Goes on where an earlier download stopped. Throws `ModelError` `licence-not-accepted` before the
   * first byte of a model whose terms have to be accepted and were not.
   */
  download(id?: string, options?: ModelDownloadOptions): Promise<void>;
  /** Makes a stored model ready to answer. */
  load(id?: string, options?: CallOptions): Promise<ModelInfo>;
  unload(options?: CallOptions): Promise<void>;
  /** Deletes a model from this device. */
  remove(id?: string, options?: CallOptions): Promise<void>;
}

/** The connection's models, with `own` where no id is given. */
export function createModels(
  { models }: Pick<HostConnection, 'models'>,
  own: string,
): RuntimeModels {
  return {
    catalogue: (options) => models.catalogue(options),
    availability: (id = own, options) => models.availability(id, options),
    download: (id = own, options) => models.download(id, options),
    load: (id = own, options) => models.load(id, options),
    unload: (options) => models.unload(options),
    remove: (id = own, options) => models.remove(id, options),
  };
}
