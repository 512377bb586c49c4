// validate.mjs FILE: what the official parser has to say of an AsyncAPI document, a line each; 1 when it said anything.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const { Parser } = createRequire(`${process.cwd()}/`)('@asyncapi/parser');
const file = process.argv[2];
const { document, diagnostics } = await new Parser().parse(readFileSync(file, 'utf8'), { source: file });
for (const { code, path, message } of diagnostics) console.log(`${path.join('.')}: ${code}: ${message}`);
process.exit(document && diagnostics.length === 0 ? 0 : 1);
