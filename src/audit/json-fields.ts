import type { Fields } from './logged-call.ts';

/** Below this a number of a time is in seconds: as milliseconds it would lie in early 1973. */
const SMALLEST_MS = 1e11;
const MS_PER_SECOND = 1000;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object of the first name that has one; a string that holds an object counts. */
export function findObject(fields: Fields, names: readonly string[]): Fields | null {
  for (const name of names) {
    const value = unpack(fields[name]);
    if (isFields(value)) return value;
  }
  return null;
}

/** The first amount that is 0 or more. */
export function findAmount(fields: Fields | null, names: readonly string[]): number | null {
  for (const name of fields === null ? [] : names) {
    const value = fields?.[name];
    const amount = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
    if (typeof amount === 'number' && amount >= 0 && Number.isFinite(amount)) return amount;
  }
  return null;
}

/** The first time, in milliseconds: an ISO date, milliseconds or seconds since the epoch. */
export function findTime(fields: Fields | null, names: readonly string[]): number | null {
  for (const name of fields === null ? [] : names) {
    const time = readTime(fields?.[name]);
    if (time !== null) return time;
  }
  return null;
}

/** The first text, number or verdict, as text. */
export function findText(fields: Fields, names: readonly string[]): string | null {
  for (const name of names) {
    const value = fields[name];
    if (typeof value === 'string') return value;
    if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  }
  return null;
}

/** Objects are often logged as the text they were sent as. */
export function unpack(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*[[{]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value; // A text that only begins like JSON.
  }
}

function readTime(value: unknown): number | null {
  if (typeof value === 'string') {
    const text = value.trim();
    if (text === '') return null;
    const time = /^\d+(\.\d+)?$/.test(text) ? readTime(Number(text)) : Date.parse(text);
    return time === null || Number.isNaN(time) ? null : time;
  }
  if (typeof value !== 'number' || !(value > 0) || !Number.isFinite(value)) return null;
  return value < SMALLEST_MS ? value * MS_PER_SECOND : value;
}
