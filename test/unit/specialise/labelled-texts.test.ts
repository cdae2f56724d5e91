import { describe, expect, it } from 'vitest';

import { DataError } from '../../../src/errors.ts';
import { readLabelledTexts } from '../../../src/specialise/labelled-texts.ts';

function read(text: string) {
  return readLabelledTexts(new TextEncoder().encode(text), 'train.csv');
}

function refusalOf(text: string): DataError {
  try {
    read(text);
  } catch (error) {
    if (error instanceof DataError) return error;
    throw error;
  }
  throw new Error('The text was read.');
}

describe('rows from CSV', () => {
  it.each([
    ['LF', 'text,label\nwhere is it,late\nhow much,price\n'],
    ['CRLF', 'text,label\r\nwhere is it,late\r\nhow much,price\r\n'],
    ['CR', 'text,label\rwhere is it,late\rhow much,price'],
    ['no last line end', 'text,label\nwhere is it,late\nhow much,price'],
    ['a byte order mark', '\uFEFFtext,label\nwhere is it,late\nhow much,price\n'],
    ['empty lines', 'text,label\n\nwhere is it,late\n\n\nhow much,price\n\n'],
    ['quotes', '"text","label"\n"where is it","late"\n"how much","price"\n'],
    ['further columns', 'text,label,date\nwhere is it,late,1\nhow much,price,\n'],
    ['spaces around labels', 'text,label\nwhere is it, late\nhow much,price \n'],
  ])('are the same with %s', (_, text) => {
    expect(read(text)).toEqual([
      { text: 'where is it', label: 'late' },
      { text: 'how much', label: 'price' },
    ]);
  });

  it('hold commas, quotes and line ends of quoted fields', () => {
    expect(read('text,label\n"a, ""b""\r\nc",x\n"",y\n')).toEqual([
      { text: 'a, "b"\r\nc', label: 'x' },
      { text: '', label: 'y' },
    ]);
  });

  it('may have texts of 100 kB and quotes inside plain text', () => {
    const long = 'lorem "ipsum" '.repeat(8_000);
    expect(read(`text,label\n${long},x\n"${long.replaceAll('"', '""')}",y\n`)).toEqual([
      { text: long, label: 'x' },
      { text: long, label: 'y' },
    ]);
  });

  it('read 100,000 lines in a few seconds', () => {
    const rows = read(`text,label\n${'"where is my card, please",late\n'.repeat(100_000)}`);
    expect(rows).toHaveLength(100_000);
  });

  it.each([
    ['an unclosed quote', 'text,label\nfine,x\n"open,x\nnext,y\n', 3],
    ['text behind a closing quote', 'text,label\n"a"b,x\n', 2],
    ['a missing column', 'text,label\nfine,x\nonly a text\n', 3],
    ['a comma outside quotes', 'text,label\nhello, world,x\n', 2],
    ['a header of one column', 'text\nfine\n', 1],
    ['an empty label', 'text,label\n"two\nlines",x\nfine,\n', 4],
  ])('refuse %s and name its line', (_, text, line) => {
    const error = refusalOf(text);
    expect(error.code).toBe('bad-row');
    expect(error.details['line']).toBe(line);
    expect(error.message).toContain(`Line ${line} of train.csv`);
  });

  it('never repeat the text in an error', () => {
    expect(refusalOf('text,label\nsecret text, more,x\n').message).not.toContain('secret');
    expect(refusalOf('{"text": "secret"').message).not.toContain('secret');
  });
});

describe('rows from JSON lines', () => {
  it('are read, further fields ignored', () => {
    const lines = ['{"text":"where","label":"late","id":1}', '', ' {"label":7,"text":""} '];
    expect(read(lines.join('\r\n'))).toEqual([
      { text: 'where', label: 'late' },
      { text: '', label: '7' },
    ]);
  });

  it.each([
    ['{"text":"a","label":"x"}\n{"text":"a"}', 2],
    ['{"text":"a","label":"x"}\n{"label":"a"}', 2],
    ['{"text":"a","label":null}', 1],
    ['{"text":"a","label":"x"}\nnot json', 2],
    ['{"text":"a","label":"x"}\n7', 2],
    ['{"text":"a","label":" "}', 1],
  ])('refuse %j and name the line', (text, line) => {
    const error = refusalOf(text);
    expect(error.code).toBe('bad-row');
    expect(error.details['line']).toBe(line);
  });
});

describe('a file', () => {
  it.each([[''], ['\n\n'], ['text,label\n'], ['\uFEFF']])('without rows is refused: %j', (text) => {
    expect(refusalOf(text).code).toBe('too-few-rows');
  });

  it('that is no UTF-8 is refused', () => {
    const latin = Uint8Array.from([0x74, 0x2c, 0x6c, 0x0a, 0xe4, 0x2c, 0x78]);
    expect(() => readLabelledTexts(latin, 'latin.csv')).toThrow(/latin\.csv is not UTF-8/);
  });
});
