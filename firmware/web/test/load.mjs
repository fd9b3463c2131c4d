// The TypeScript of the page as modules for node:test: vite takes the types off, nothing is written.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

export async function load(path) {
  const { module } = await runnerImport(join(root, 'src', path), { root, configFile: false, logLevel: 'error' });
  return module;
}
