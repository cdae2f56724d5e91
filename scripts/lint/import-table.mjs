// Lint rule `edgewise/import-table`: which folder may import which, and which packages. The table is
// import-table.json. Static imports, re-exports, import() and new URL(..., import.meta.url) count,
// types too. Of Node's modules the bare name counts, however it is used.
import { readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import path from 'node:path';

const table = JSON.parse(readFileSync(new URL('./import-table.json', import.meta.url), 'utf8'));
const OPEN_TO_ALL = ['src/types.ts', 'src/errors.ts'];
const builtins = new Set(builtinModules);

const covers = (prefix, file) =>
  file === prefix ||
  file.startsWith(`${prefix}/`) ||
  file.startsWith(`${prefix}-`) ||
  file === `${prefix}.ts`;

/** The longest row that covers a file (path from the root, with slashes). */
function rowOf(file) {
  const rows = table.rows.filter((row) => file === row.path || file.startsWith(`${row.path}/`));
  return rows.toSorted((a, b) => b.path.length - a.path.length)[0];
}

/** `import './worker.js'` in a source means worker.ts. */
function targetFile(file, specifier) {
  const target = path.posix.join(path.posix.dirname(file), specifier.split('?')[0]);
  return target.replace(/\.js$/, '.ts');
}

function packageName(specifier) {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function isBuiltin(specifier) {
  return specifier.startsWith('node:') || builtins.has(specifier);
}

/** Why `file` may not import `specifier`, or `null` when it may. */
export function importProblem(file, specifier, isOnDemand) {
  const row = rowOf(file);
  if (row === undefined) {
    return file.startsWith('src/')
      ? `${file} is in no row of scripts/lint/import-table.json`
      : null;
  }
  if (isBuiltin(specifier)) {
    return row.node === true
      ? null
      : `${row.path} runs in the browser: no Node module '${specifier}'`;
  }
  if (!specifier.startsWith('.')) {
    const name = packageName(specifier);
    return row.packages.includes(name) ? null : `${row.path} may not use the package '${name}'`;
  }
  const target = targetFile(file, specifier);
  if (OPEN_TO_ALL.includes(target) || rowOf(target) === row) return null;
  const allowed = isOnDemand ? [...row.imports, ...(row.loads ?? [])] : row.imports;
  if (allowed.some((prefix) => covers(prefix, target)) && !isLoadedOnly(row, target, isOnDemand)) {
    return null;
  }
  return `${row.path} may not import ${target}${isOnDemand ? '' : ' (statically)'}`;
}

/** A file named under `loads` stays on demand although its folder may be imported. */
function isLoadedOnly(row, target, isOnDemand) {
  return !isOnDemand && (row.loads ?? []).some((prefix) => covers(prefix, target));
}

function isImportMetaUrl(node) {
  return (
    node?.type === 'MemberExpression' &&
    node.object.type === 'MetaProperty' &&
    node.property.name === 'url'
  );
}

const importTable = {
  meta: { type: 'problem', docs: { description: 'Keeps the import table of docs/development.md' } },
  create(context) {
    const file = path.relative(context.cwd, context.filename).split(path.sep).join('/');
    const check = (source, isOnDemand) => {
      if (source?.type !== 'Literal' || typeof source.value !== 'string') return;
      const problem = importProblem(file, source.value, isOnDemand);
      if (problem !== null) context.report({ node: source, message: problem });
    };
    return {
      ImportDeclaration: (node) => check(node.source, false),
      ExportNamedDeclaration: (node) => check(node.source, false),
      ExportAllDeclaration: (node) => check(node.source, false),
      ImportExpression: (node) => check(node.source, true),
      // Such a name can reach import() in a variable, or process.getBuiltinModule().
      Literal(node) {
        if (typeof node.value === 'string' && node.value.startsWith('node:')) check(node, true);
      },
      NewExpression(node) {
        const [target, base] = node.arguments;
        if (node.callee.name === 'URL' && isImportMetaUrl(base)) check(target, true);
      },
    };
  },
};

export default { meta: { name: 'edgewise' }, rules: { 'import-table': importTable } };
