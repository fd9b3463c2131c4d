// Types of the API from firmware/api/openapi.yaml: writes src/api/types.d.ts; with --check it only compares.
// Needs `npm ci --ignore-scripts` in this folder.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import openapi, { astToString } from 'openapi-typescript';

const here = dirname(fileURLToPath(import.meta.url));
const source = pathToFileURL(join(here, '..', '..', 'api', 'openapi.yaml'));
const target = join(here, '..', 'src', 'api', 'types.d.ts');
const text = `// Generated from firmware/api/openapi.yaml by tools/api-types.mjs.\n${astToString(await openapi(source, { alphabetize: true }))}`;
if (process.argv.includes('--check')) {
  if (readFileSync(target, 'utf8') === text) process.exit(0);
  console.error('src/api/types.d.ts is not what openapi.yaml says: run npm run types in firmware/web');
  process.exit(1);
}
writeFileSync(target, text);
