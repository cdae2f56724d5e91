import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja';

/** A Jinja template out of an untrusted file. */
export interface BoundedTemplate {
  /** Throws an `Error` of the template's own or when it asks for too much. */
  render(variables: Readonly<Record<string, unknown>>): string;
}

/** UTF-16 units. The longest published chat templates have about 20,000. */
const MAX_SOURCE_LENGTH = 65_536;
/** UTF-16 units of any text a template makes; far above every context window. */
const MAX_TEXT_LENGTH = 4 * 1024 * 1024;
/** Most numbers of one `range`. */
const MAX_RANGE = 10_000;
/**
 * Work one rendering may do: about half a second, measured on one core of a small server. One unit
 * is one value looked at (40 ns); a step of the interpreter costs about 80 units (up to 6 µs in
 * loops), 64 characters about one.
 */
const MAX_WORK = 8_000_000;
const WORK_PER_STEP = 80;
const CHARACTERS_PER_WORK = 64;

/**
 * Parses a template whose rendering always ends: loops, texts and lists that a hostile file could
 * blow up are counted and cut off. Throws an `Error` when the source is too long or malformed.
 */
export function createBoundedTemplate(source: string): BoundedTemplate {
  if (source.length > MAX_SOURCE_LENGTH) {
    throw new RangeError(`The template has more than ${MAX_SOURCE_LENGTH} characters.`);
  }
  const program = parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }));
  return {
    render(variables) {
      const environment = new Environment();
      const names = { ...GLOBALS, ...variables };
      for (const [name, value] of Object.entries(names)) environment.set(name, value);
      return String(boundedInterpreter(environment).run(program).value);
    },
  };
}

/** What templates expect to exist. No clock: a prompt must not change from day to day. */
const GLOBALS: Readonly<Record<string, unknown>> = {
  true: true,
  false: false,
  none: null,
  True: true,
  False: false,
  None: null,
  range: boundedRange,
  raise_exception: (reason: unknown) => {
    throw new Error(String(reason));
  },
};

function boundedRange(first: number, last?: number, step = 1): number[] {
  const [start, stop] = last === undefined ? [0, first] : [first, last];
  const length = Math.max(0, Math.ceil((stop - start) / step));
  if (!(length <= MAX_RANGE)) throw new RangeError('The template asks for too long a range.');
  return Array.from({ length }, (_, index) => start + index * step);
}

/** The part of the library's interpreter used here; its own types do not resolve under nodenext. */
interface JinjaInterpreter {
  run(program: unknown): JinjaValue;
  evaluate(statement: unknown, environment: unknown): JinjaValue;
}

interface JinjaValue {
  readonly value: unknown;
}

/** Every step and every value of the interpreter passes through `evaluate`. */
function boundedInterpreter(environment: unknown): JinjaInterpreter {
  const interpreter = new Interpreter(environment) as JinjaInterpreter;
  const evaluate = interpreter.evaluate.bind(interpreter);
  const budget = createBudget();
  interpreter.evaluate = (statement, scope) => {
    budget.spend(WORK_PER_STEP);
    const result = evaluate(statement, scope);
    budget.weigh(result.value);
    return result;
  };
  return interpreter;
}

interface Budget {
  spend(work: number): void;
  /** Counts everything inside a value, so that lists of lists of lists cannot grow unseen. */
  weigh(value: unknown): void;
}

function createBudget(): Budget {
  let left = MAX_WORK;
  const spend = (work: number): void => {
    left -= work;
    if (left < 0) throw new RangeError('The template does not come to an end.');
  };
  const weighText = (text: string): void => {
    if (text.length > MAX_TEXT_LENGTH) throw new RangeError('The template makes too long a text.');
    spend(text.length / CHARACTERS_PER_WORK);
  };
  return {
    spend,
    weigh(value) {
      const open: unknown[] = [value];
      while (open.length > 0) {
        const next = open.pop();
        spend(1);
        if (typeof next === 'string') weighText(next);
        if (Array.isArray(next)) next.forEach((item) => open.push(contentOf(item)));
        if (next instanceof Map) next.forEach((item) => open.push(contentOf(item)));
      }
    },
  };
}

function contentOf(item: unknown): unknown {
  return typeof item === 'object' && item !== null && 'value' in item ? item.value : item;
}
