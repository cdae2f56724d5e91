import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { describe, expect, onTestFinished, test } from 'vitest';

import schema from '../../../models/schemas/relay-config.schema.json' with { type: 'json' };
import { loadRelayConfig, parseRelayConfig, withLocalUpstream } from '../../../src/relay/config.ts';

const UPSTREAM = {
  id: 'a',
  kind: 'openai',
  baseUrl: 'https://api.example/v1',
  model: 'm',
} as const;

async function writeConfig(text: string): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'edgewise-relay-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = path.join(folder, 'relay.json');
  await writeFile(file, text);
  return file;
}

describe('loadRelayConfig from a file', () => {
  test('gives what the file says', async () => {
    const config = {
      $schema: './relay-config.schema.json',
      basePath: '/ai',
      bodyLimitBytes: 65_536,
      allowedOrigins: ['https://app.example'],
      allowedHosts: ['relay.example'],
      upstreams: [
        { ...UPSTREAM, alias: ['slm', 'cheap'], keyEnv: 'A_KEY', timeouts: { idleMs: 5000 } },
        { id: 'l', kind: 'local', alias: 'frontier', modelsDir: 'public/models' },
      ],
    };
    const file = await writeConfig(JSON.stringify(config));
    expect(await loadRelayConfig({ file })).toEqual(config);
  });

  test('names the file that cannot be read', async () => {
    await expect(loadRelayConfig({ file: '/nowhere/relay.json' })).rejects.toThrow(
      /\/nowhere\/relay\.json cannot be read/,
    );
  });

  test('does not quote a file that is not JSON', async () => {
    const file = await writeConfig('{ "upstreams": sk-CANARY }');
    const error = await loadRelayConfig({ file }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TypeError);
    expect(String((error as Error).stack)).not.toContain('CANARY');
    expect(error).not.toHaveProperty('cause');
  });
});

describe('loadRelayConfig from the environment', () => {
  test('has no upstream when nothing is set', async () => {
    expect(await loadRelayConfig({ env: {} })).toEqual({ upstreams: [] });
  });

  test('makes one upstream per tier', async () => {
    const env = {
      EDGEWISE_SLM_BASE_URL: 'http://127.0.0.1:8080/v1',
      EDGEWISE_SLM_MODEL: 'small',
      EDGEWISE_FRONTIER_BASE_URL: 'https://api.example/v1',
      EDGEWISE_FRONTIER_MODEL: 'big',
      EDGEWISE_FRONTIER_KEY: 'sk-CANARY',
    };
    expect(await loadRelayConfig({ env })).toEqual({
      upstreams: [
        { id: 'slm', kind: 'openai', baseUrl: 'http://127.0.0.1:8080/v1', model: 'small' },
        {
          id: 'frontier',
          kind: 'openai',
          baseUrl: 'https://api.example/v1',
          model: 'big',
          keyEnv: 'EDGEWISE_FRONTIER_KEY',
        },
      ],
    });
  });

  test('takes the key from the variable that is named', async () => {
    const env = {
      EDGEWISE_SLM_BASE_URL: 'https://api.example/v1',
      EDGEWISE_SLM_MODEL: 'small',
      EDGEWISE_SLM_KEY_ENV: 'OTHER_KEY',
    };
    const { upstreams } = await loadRelayConfig({ env });
    expect(upstreams).toMatchObject([{ keyEnv: 'OTHER_KEY' }]);
  });

  test.each([
    [{ EDGEWISE_SLM_BASE_URL: 'https://api.example/v1' }, /EDGEWISE_SLM_MODEL is missing/],
    [{ EDGEWISE_FRONTIER_MODEL: 'big' }, /EDGEWISE_FRONTIER_BASE_URL is missing/],
    [
      { EDGEWISE_SLM_BASE_URL: 'api.example', EDGEWISE_SLM_MODEL: 'm' },
      /baseUrl: expected an http/,
    ],
    [
      {
        EDGEWISE_SLM_BASE_URL: 'https://api.example/v1',
        EDGEWISE_SLM_MODEL: 'm',
        EDGEWISE_SLM_KEY_ENV: 'sk-CANARY',
      },
      /keyEnv: expected the NAME of an environment variable/,
    ],
    ...['gsk_Zq8vCANARY', 'hf_CANARYabc', 'AKIACANARY12345678'].map(
      (key): [NodeJS.ProcessEnv, RegExp] => [
        {
          EDGEWISE_SLM_BASE_URL: 'https://api.example/v1',
          EDGEWISE_SLM_MODEL: 'm',
          EDGEWISE_SLM_KEY_ENV: key,
        },
        /keyEnv: expected the NAME of an environment variable/,
      ],
    ),
  ])('explains %j', async (env, message) => {
    const error = await loadRelayConfig({ env }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).not.toContain('CANARY');
  });
});

describe('parseRelayConfig', () => {
  test.each<[string, unknown, RegExp]>([
    ['no upstreams', {}, /upstreams: missing/],
    ['an unknown field', { upstreams: [], port: 1 }, /port: unknown field/],
    [
      'a key in the file',
      { upstreams: [{ ...UPSTREAM, apiKey: 'sk-CANARY' }] },
      /upstreams\.0\.apiKey: keys do not belong here/,
    ],
    [
      'an unknown kind',
      { upstreams: [{ ...UPSTREAM, kind: 'CANARY' }] },
      /upstreams\.0\.kind: expected/,
    ],
    [
      'a URL with a password',
      { upstreams: [{ ...UPSTREAM, baseUrl: 'https://me:CANARY@x.test' }] },
      /upstreams\.0\.baseUrl: expected an http/,
    ],
    [
      'another protocol',
      { upstreams: [{ ...UPSTREAM, baseUrl: 'file:///CANARY' }] },
      /upstreams\.0\.baseUrl/,
    ],
    [
      'an origin with a path',
      { upstreams: [], allowedOrigins: ['https://x.test/CANARY'] },
      /allowedOrigins\.0: expected an origin/,
    ],
    ['a star as origin', { upstreams: [], allowedOrigins: ['*'] }, /allowedOrigins\.0/],
    [
      'a base path without slash',
      { upstreams: [], basePath: 'CANARY' },
      /basePath: expected a path/,
    ],
    [
      'a tiny body limit',
      { upstreams: [], bodyLimitBytes: 3 },
      /bodyLimitBytes: expected at least 1024/,
    ],
    [
      'a timeout of nothing',
      { upstreams: [{ ...UPSTREAM, timeouts: { idleMs: 0 } }] },
      /timeouts\.idleMs/,
    ],
    ['two upstreams of one id', { upstreams: [UPSTREAM, { ...UPSTREAM, alias: 'b' }] }, /id "a"/],
    [
      'two upstreams of one alias',
      { upstreams: [UPSTREAM, { ...UPSTREAM, id: 'b', alias: 'a' }] },
      /alias "a"/,
    ],
  ])('explains %s without its value', (_name, value, message) => {
    const parse = (): unknown => parseRelayConfig(value, 'relay.json');
    expect(parse).toThrow(TypeError);
    expect(parse).toThrow(message);
    expect(parse).not.toThrow(/CANARY/);
  });
});

describe('what is written about the configuration', () => {
  const TIMEOUTS = { firstByteMs: 1, idleMs: 1, answerMs: 1, totalMs: 1 };
  const FULL = {
    $schema: 'relay-config.schema.json',
    basePath: '/edge',
    bodyLimitBytes: 2048,
    allowedOrigins: ['https://app.example'],
    allowedHosts: ['app.example'],
    upstreams: [
      {
        ...UPSTREAM,
        alias: 'slm',
        keyEnv: 'A_KEY',
        maxTokensField: 'max_tokens',
        timeouts: TIMEOUTS,
      },
      { id: 'l', alias: 'frontier', kind: 'local', model: 'tiny', modelsDir: 'models' },
    ],
  };

  test('the JSON schema knows exactly the fields that are taken', () => {
    expect(parseRelayConfig(FULL)).toEqual(FULL);
    const { openai, local } = schema.$defs;
    const keys = (value: object | undefined): string[] => Object.keys(value ?? {}).toSorted();
    expect(keys(schema.properties)).toEqual(keys(FULL));
    expect(keys(openai.properties)).toEqual(keys(FULL.upstreams[0]));
    expect(keys(openai.properties.timeouts.properties)).toEqual(keys(TIMEOUTS));
    expect(keys(local.properties)).toEqual(keys(FULL.upstreams[1]));
  });

  test('the example of the guide is valid', async () => {
    const guide = await readFile(new URL('../../../docs/relay.md', import.meta.url), 'utf8');
    const example = /```json\n([\s\S]*?)```/.exec(guide)?.[1] ?? '';
    expect(parseRelayConfig(JSON.parse(example)).upstreams).toHaveLength(2);
  });
});

describe('withLocalUpstream', () => {
  test('answers for the tiers that have no upstream', () => {
    const config = withLocalUpstream({ upstreams: [{ ...UPSTREAM, alias: 'slm' }] }, 'models');
    expect(config.upstreams[1]).toEqual({
      id: 'local',
      kind: 'local',
      alias: ['frontier'],
      modelsDir: 'models',
    });
  });

  test('changes nothing when every tier has one', () => {
    const config = { upstreams: [{ ...UPSTREAM, alias: ['slm', 'frontier'] }] };
    expect(withLocalUpstream(config, 'models')).toBe(config);
  });
});
