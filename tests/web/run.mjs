// node run.mjs X.test.mjs [program...]: exits 77, with the reason, where something it needs is missing.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from './gateway.mjs';

const [file, ...programs] = process.argv.slice(2);
const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;
const missing = programs.filter((name) => !findProgram(name));
if (!existsSync(join(here, 'node_modules', 'ws'))) missing.push('node_modules (npm ci in tests/web, or ./fog test)');
for (const name of ['foglined', 'fogctl'])
  if (!existsSync(join(process.env.FOG_BIN || '/nowhere', name))) missing.push(`${name} in FOG_BIN`);
if (file === 'load.test.mjs' && process.env.FOG_HEAVY !== '1') missing.push('FOG_HEAVY=1 in the environment (./fog check --full sets it)');
if (missing.length > 0) {
  console.log(`skipped, missing: ${missing.join(', ')}`);
  process.exit(77);
}
await import(join(here, file));
