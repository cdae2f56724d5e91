/** Holds text back while it may still become a stop string. */
export interface StopFilter {
  /** Adds text; gives what is decided. `isStopped`: a stop string came, and what follows it is gone. */
  push(text: string): { readonly text: string; readonly isStopped: boolean };
  /** What was held back, once no more text comes. */
  flush(): string;
}

/** Throws `TypeError` when `stops` has anything but texts of at least one character. */
export function createStopFilter(stops: readonly string[]): StopFilter {
  if (!stops.every((stop) => typeof stop === 'string' && stop !== '')) {
    throw new TypeError(
      "stop must hold texts that are not empty, as in { stop: ['\\n\\n', 'END'] }.",
    );
  }
  let held = '';
  return {
    push(text) {
      const all = held + text;
      const found = firstStop(all, stops);
      const end = found ?? all.length - undecidedLength(all, stops);
      held = found === null ? all.slice(end) : '';
      return { text: all.slice(0, end), isStopped: found !== null };
    },
    flush() {
      const rest = held;
      held = '';
      return rest;
    },
  };
}

function firstStop(text: string, stops: readonly string[]): number | null {
  const positions = stops.map((stop) => text.indexOf(stop)).filter((position) => position >= 0);
  return positions.length === 0 ? null : Math.min(...positions);
}

/** Length of the longest end of `text` that a stop string starts with. */
function undecidedLength(text: string, stops: readonly string[]): number {
  const longest = stops.reduce((length, stop) => Math.max(length, stop.length - 1), 0);
  for (let length = Math.min(longest, text.length); length > 0; length--) {
    const end = text.slice(text.length - length);
    if (stops.some((stop) => stop.startsWith(end))) return length;
  }
  return 0;
}
