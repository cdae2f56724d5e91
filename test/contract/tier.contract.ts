import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Request, Tier, TierEvent, TierFinish } from '../../src/types.ts';

/** What an implementation of `Tier` brings to be tested. */
export interface TierFixture {
  readonly tier: Tier;
  /** A request it answers with at least three pieces of text. */
  readonly request: Request;
  /** A request whose answer stays open after its first text until it is aborted. */
  readonly endlessRequest: Request;
  /** A request it cannot answer; it throws a typed error. */
  readonly failingRequest: Request;
  close?(): Promise<void> | void;
}

/** The cases every tier has to pass. */
export function describeTier(name: string, open: () => Promise<TierFixture>): void {
  describe(`${name} as a tier`, () => {
    let fixture: TierFixture;
    beforeAll(async () => {
      fixture = await open();
    });
    afterAll(async () => {
      await fixture.close?.();
    });

    it('gives text and exactly one finish, last', async () => {
      const events = await collect(fixture.tier, fixture.request);
      const finishes = events.filter((event) => event.type === 'finish');
      expect(finishes).toHaveLength(1);
      expect(events.at(-1)?.type).toBe('finish');
      expect(textOf(events).length).toBeGreaterThan(0);
      expect(events.filter((event) => event.type === 'text-delta').length).toBeGreaterThan(2);
    });

    it('accounts for the text in its evidence', async () => {
      const events = await collect(fixture.tier, fixture.request);
      const evidence = events.flatMap((event) =>
        event.type === 'text-delta' ? event.evidence : [],
      );
      const units = evidence.reduce((sum, token) => sum + token.textLength, 0);
      expect(units).toBe(textOf(events).length);
      for (const token of evidence) {
        expect(token.logProbability === null || token.logProbability <= 1e-3).toBe(true);
        expect(token.margin === null || token.margin >= 0).toBe(true);
      }
    });

    it('writes a receipt that admits what it does not know', async () => {
      const before = Date.now();
      const finish = finishOf(await collect(fixture.tier, fixture.request));
      const { receipt, confidence } = finish;
      expect(receipt.id).not.toBe('');
      expect(receipt.task).toBe(fixture.request.task);
      expect(receipt.startedAtMs).toBeGreaterThanOrEqual(before);
      expect(receipt.durationMs).toBeGreaterThanOrEqual(0);
      for (const count of [receipt.inputTokens, receipt.cachedTokens, receipt.outputTokens]) {
        expect(count === null || (Number.isSafeInteger(count) && count >= 0)).toBe(true);
      }
      expect(confidence.value === null || (confidence.value >= 0 && confidence.value <= 1)).toBe(
        true,
      );
      expect(['stop', 'length']).toContain(finish.reason);
    });

    it('gives each call a receipt of its own', async () => {
      const first = finishOf(await collect(fixture.tier, fixture.request));
      const second = finishOf(await collect(fixture.tier, fixture.request));
      expect(first.receipt.id).not.toBe(second.receipt.id);
    });

    it("throws the signal's own reason when it was aborted before the call", async () => {
      const reason = new Error('changed my mind');
      const signal = AbortSignal.abort(reason);
      await expect(collect(fixture.tier, fixture.request, signal)).rejects.toBe(reason);
    });

    it('finishes with abort when it is aborted after its first event', async () => {
      const controller = new AbortController();
      const events: TierEvent[] = [];
      const { tier, endlessRequest } = fixture;
      for await (const event of tier.generate(endlessRequest, { signal: controller.signal })) {
        events.push(event);
        if (event.type === 'text-delta') controller.abort(new Error('enough'));
      }
      expect(finishOf(events).reason).toBe('abort');
      expect(events.filter((event) => event.type === 'finish')).toHaveLength(1);
    });

    it('ends quietly when the reader leaves', async () => {
      const seen: string[] = [];
      for await (const event of fixture.tier.generate(fixture.endlessRequest)) {
        seen.push(event.type);
        if (event.type === 'text-delta') break;
      }
      expect(seen.at(-1)).toBe('text-delta');
      const events = await collect(fixture.tier, fixture.request);
      expect(events.at(-1)?.type).toBe('finish');
    });

    it('throws a typed error and never turns it into a finish', async () => {
      const { tier, failingRequest } = fixture;
      const events: TierEvent[] = [];
      const failure = await collectInto(events, { tier, request: failingRequest }).catch(
        (error: unknown) => error,
      );
      expect(failure).toMatchObject({ code: expect.any(String), isRetryable: expect.any(Boolean) });
      expect(events.some((event) => event.type === 'finish')).toBe(false);
    });
  });
}

export interface Call {
  readonly tier: Tier;
  readonly request: Request;
  readonly signal?: AbortSignal;
}

export async function collect(
  tier: Tier,
  request: Request,
  signal?: AbortSignal,
): Promise<readonly TierEvent[]> {
  const events: TierEvent[] = [];
  await collectInto(events, signal === undefined ? { tier, request } : { tier, request, signal });
  return events;
}

/** Keeps what came before a failure. */
export async function collectInto(events: TierEvent[], call: Call): Promise<void> {
  const options = call.signal === undefined ? {} : { signal: call.signal };
  for await (const event of call.tier.generate(call.request, options)) events.push(event);
}

/** The text a reader sees: a reset withdraws what came before it. */
export function textOf(events: readonly TierEvent[]): string {
  let text = '';
  for (const event of events) {
    if (event.type === 'text-reset') text = '';
    if (event.type === 'text-delta') text += event.text;
  }
  return text;
}

export function finishOf(events: readonly TierEvent[]): TierFinish {
  const last = events.at(-1);
  if (last?.type !== 'finish') throw new Error('The stream has no finish.');
  return last;
}
