import { afterAll, beforeAll, expect, test } from 'vitest';

import { type Playground, startPlayground } from './open-playground.ts';

/** The page needs no model to be looked at. */
const ARGUMENTS = ['--no-pull'];

let playground: Playground;

beforeAll(async () => {
  playground = await startPlayground(ARGUMENTS);
});

afterAll(() => playground.close());

test.each([320, 360, 390, 768])('nothing scrolls sideways at %i pixels', async (width) => {
  const visitor = await playground.newVisitor({ viewport: { width, height: 800 } });
  const page = await playground.open(visitor);
  for (const name of ['Write', 'Ask', 'Rewrite']) {
    await page.getByRole('tab', { name, exact: true }).click();
    const overflow = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    expect(overflow, `${name} at ${width}`).toBe(0);
  }
  await visitor.close();
});

test('every control can be reached and used by keyboard alone', async () => {
  const visitor = await playground.newVisitor();
  const page = await playground.open(visitor);
  await page.locator('#tab-write').focus();
  await page.keyboard.press('ArrowRight');
  expect(await page.locator('#panel-ask').isVisible()).toBe(true);
  expect(await page.locator('#panel-write').isVisible()).toBe(false);
  await page.keyboard.press('Tab');
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('ask');
  await page.locator('#plug').focus();
  await page.keyboard.press('Space');
  expect(await page.locator('#plug').getAttribute('aria-checked')).toBe('true');
  await visitor.close();
});

test.each(['light', 'dark'] as const)('text is readable in %s', async (colorScheme) => {
  const visitor = await playground.newVisitor({ colorScheme });
  const page = await playground.open(visitor);
  const ratios = await page.evaluate(() => {
    const channel = (value: number): number => {
      const share = value / 255;
      return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    };
    const luminance = (color: string): number => {
      const [red = 0, green = 0, blue = 0] = color.match(/\d+/g)?.map(Number) ?? [];
      return 0.2126 * channel(red) + 0.7152 * channel(green) + 0.0722 * channel(blue);
    };
    const contrast = (one: string, other: string): number => {
      const [low, high] = [luminance(one), luminance(other)].toSorted((a, b) => a - b);
      return ((high ?? 0) + 0.05) / ((low ?? 0) + 0.05);
    };
    const body = getComputedStyle(document.body);
    const primary = getComputedStyle(document.querySelector('#ask-submit')!);
    const soft = getComputedStyle(document.querySelector('.lead p')!);
    return {
      text: contrast(body.color, body.backgroundColor),
      soft: contrast(soft.color, body.backgroundColor),
      button: contrast(primary.color, primary.backgroundColor),
      accent: contrast(primary.backgroundColor, body.backgroundColor),
    };
  });
  for (const [name, ratio] of Object.entries(ratios)) {
    expect(ratio, name).toBeGreaterThanOrEqual(4.5);
  }
  await visitor.close();
});

test('the page is served with a strict policy and breaks no rule of it', async () => {
  const visitor = await playground.newVisitor();
  const page = await playground.open(visitor);
  const response = await page.request.get(playground.demo.url);
  const policy = response.headers()['content-security-policy'] ?? '';
  expect(policy).toContain("script-src 'self' 'wasm-unsafe-eval'");
  expect(policy).toContain("style-src 'self'");
  expect(policy).not.toContain('unsafe-inline');
  expect(playground.problems).toEqual([]);
  await visitor.close();
});

test('no string of the page makes a claim about nature', async () => {
  const visitor = await playground.newVisitor();
  const page = await playground.open(visitor);
  const html = await page.content();
  expect(html).not.toMatch(/\b(green|eco|carbon-free|neutral|sustainable)\b|🌱|🍃|🌿/i);
  await visitor.close();
});
