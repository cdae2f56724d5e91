/** The command was typed wrongly: it is answered with help and exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
