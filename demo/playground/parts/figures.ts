const BYTES_PER_MB = 1_000_000;

/** `98.4 MB`; decimal megabytes, as shops and network tools count. */
export function megabytes(bytes: number): string {
  const value = bytes / BYTES_PER_MB;
  return `${value < 100 ? value.toFixed(1) : Math.round(value)} MB`;
}

export function duration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

export function timeLeft(seconds: number): string {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s left`;
  const minutes = Math.floor(seconds / 60);
  return `${minutes} min ${Math.round(seconds % 60)} s left`;
}

/** Two decimals for people, and never a certainty that rounding made. */
export function sureness(value: number): string {
  return value < 1 && value >= 0.995 ? 'over 0.99' : value.toFixed(2);
}

/** Three decimals, or an empty text where nothing is known. */
export function confidenceText(value: number | null): string {
  return value === null ? '' : value.toFixed(3);
}
