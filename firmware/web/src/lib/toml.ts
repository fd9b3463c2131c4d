// TOML as rule files use it: strings, numbers, booleans, arrays, inline tables, tables, arrays of tables, dotted keys.
export type Toml = string | number | boolean | Toml[] | { [key: string]: Toml };
export type TomlTable = { [key: string]: Toml };

export class TomlError extends Error {
  constructor(message: string, readonly line: number, readonly column: number) {
    super(message);
  }
}

const isTable = (v: Toml | undefined): v is TomlTable => typeof v === 'object' && v !== null && !Array.isArray(v);
const MOST_DEPTH = 32;

export function parseToml(text: string): TomlTable {
  return new Parser(text).file();
}

class Parser {
  private at = 0;
  private readonly closed = new Set<Toml>(); // inline tables cannot grow
  private readonly defined = new Set<Toml>();
  private depth = 0;
  constructor(private readonly text: string) {}

  file(): TomlTable {
    const root = table();
    let here = root;
    for (;;) {
      this.blank();
      if (this.at >= this.text.length) return root;
      if (this.peek() === '[') here = this.header(root);
      else this.pair(here);
      this.space();
      if (this.peek() === '#') this.comment();
      if (this.at < this.text.length && !this.newline()) this.fail('expected the end of the line');
    }
  }

  private header(root: TomlTable): TomlTable {
    const start = this.at;
    const many = this.text.startsWith('[[', this.at);
    this.at += many ? 2 : 1;
    this.space();
    const keys = this.keys();
    this.space();
    if (!this.text.startsWith(many ? ']]' : ']', this.at)) this.fail(`expected '${many ? ']]' : ']'}'`);
    this.at += many ? 2 : 1;
    const last = keys.pop()!;
    const parent = this.walk(root, keys, start);
    const existing = own(parent, last);
    if (many) {
      if (existing !== undefined && (!Array.isArray(existing) || this.closed.has(existing))) this.fail(`'${last}' is something else already`, start);
      const list = (existing as Toml[] | undefined) ?? [];
      const one = table();
      list.push(one);
      put(parent, last, list);
      return one;
    }
    if (existing !== undefined && (!isTable(existing) || this.closed.has(existing) || this.defined.has(existing))) this.fail(`'${last}' is given twice`, start);
    const one = (existing as TomlTable | undefined) ?? table();
    this.defined.add(one);
    put(parent, last, one);
    return one;
  }

  private walk(from: TomlTable, keys: string[], start: number): TomlTable {
    let here = from;
    for (const key of keys) {
      let next = own(here, key);
      if (next === undefined) put(here, key, (next = table()));
      if (Array.isArray(next) && !this.closed.has(next)) next = next[next.length - 1];
      if (!isTable(next) || this.closed.has(next)) this.fail(`'${key}' is not a table`, start);
      here = next as TomlTable;
    }
    return here;
  }

  private pair(into: TomlTable): void {
    const start = this.at;
    const keys = this.keys();
    this.space();
    if (this.peek() !== '=') this.fail("expected '='");
    ++this.at;
    this.space();
    const last = keys.pop()!;
    const parent = this.walk(into, keys, start);
    if (own(parent, last) !== undefined) this.fail(`'${last}' is given twice`, start);
    put(parent, last, this.value());
  }

  private keys(): string[] {
    const out = [this.key()];
    for (;;) {
      const back = this.at;
      this.space();
      if (this.peek() !== '.') {
        this.at = back;
        return out;
      }
      ++this.at;
      this.space();
      out.push(this.key());
    }
  }

  private key(): string {
    if (this.peek() === '"' || this.peek() === "'") return this.string(false);
    const found = /^[A-Za-z0-9_-]+/.exec(this.text.slice(this.at, this.at + 256));
    if (!found) this.fail('expected a key');
    this.at += found![0].length;
    return found![0];
  }

  private value(): Toml {
    const c = this.peek();
    if (c === '"' || c === "'") return this.string(true);
    if (c === '[' || c === '{') {
      if (++this.depth > MOST_DEPTH) this.fail('nested too deeply');
      const got = c === '[' ? this.array() : this.inline();
      --this.depth;
      return got;
    }
    const word = /^[^\s,\]}#]+/.exec(this.text.slice(this.at, this.at + 128))?.[0] ?? '';
    const got = scalar(word);
    if (got === undefined) this.fail(word ? `'${word}' is no value; text needs quotes` : 'expected a value');
    this.at += word.length;
    return got!;
  }

  private array(): Toml[] {
    const out: Toml[] = [];
    ++this.at;
    for (;;) {
      this.blank();
      if (this.peek() === ']') break;
      out.push(this.value());
      this.blank();
      if (this.peek() === ',') ++this.at;
      else if (this.peek() !== ']') this.fail("expected ',' or ']'");
    }
    ++this.at;
    this.closed.add(out);
    return out;
  }

  private inline(): TomlTable {
    const out = table();
    ++this.at;
    this.space();
    if (this.peek() !== '}')
      for (;;) {
        this.space();
        this.pair(out);
        this.space();
        if (this.peek() === '}') break;
        if (this.peek() !== ',') this.fail("expected ',' or '}'");
        ++this.at;
      }
    ++this.at;
    this.closed.add(out);
    return out;
  }

  private string(multi: boolean): string {
    const quote = this.peek();
    const start = this.at;
    const long = quote.repeat(3);
    if (multi && this.text.startsWith(long, this.at)) {
      this.at += 3;
      this.newline();
      return this.until(long, quote === '"', true, start);
    }
    ++this.at;
    return this.until(quote, quote === '"', false, start);
  }

  private until(end: string, escapes: boolean, lines: boolean, start: number): string {
    let out = '';
    for (;;) {
      if (this.at >= this.text.length || (!lines && this.peek() === '\n')) this.fail('the text does not end', start);
      if (this.text.startsWith(end, this.at)) {
        this.at += end.length;
        return out;
      }
      const c = this.text[this.at++]!;
      out += c === '\\' && escapes ? this.escape() : c;
    }
  }

  private escape(): string {
    const c = this.text[this.at++] ?? '';
    const plain: Record<string, string> = { b: '\b', t: '\t', n: '\n', f: '\f', r: '\r', e: '\x1b', '"': '"', '\\': '\\' };
    if (plain[c] !== undefined) return plain[c]!;
    if (c === 'u' || c === 'U') {
      const hex = this.text.slice(this.at, this.at + (c === 'u' ? 4 : 8));
      const code = /^[0-9a-fA-F]+$/.test(hex) ? Number.parseInt(hex, 16) : -1;
      if (code < 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) this.fail('not a character');
      this.at += hex.length;
      return String.fromCodePoint(code);
    }
    if (c === '\n') {
      while (/\s/.test(this.peek())) ++this.at;
      return '';
    }
    return this.fail(`unknown escape '\\${c}'`, this.at - 2);
  }

  private peek(): string { return this.text[this.at] ?? ''; }
  private space(): void { while (this.peek() === ' ' || this.peek() === '\t') ++this.at; }
  private comment(): void { while (this.at < this.text.length && this.peek() !== '\n') ++this.at; }
  private newline(): boolean {
    if (this.peek() === '\r' && this.text[this.at + 1] === '\n') ++this.at;
    if (this.peek() !== '\n') return false;
    ++this.at;
    return true;
  }
  private blank(): void {
    for (;;) {
      this.space();
      if (this.peek() === '#') this.comment();
      if (!this.newline()) return;
    }
  }
  private fail(what: string, at = this.at): never {
    const before = this.text.slice(0, at).split('\n');
    throw new TomlError(what, before.length, before[before.length - 1]!.length + 1);
  }
}

const table = (): TomlTable => ({});
const own = (from: TomlTable, key: string): Toml | undefined => (Object.hasOwn(from, key) ? from[key] : undefined);
function put(into: TomlTable, key: string, value: Toml): void {
  Object.defineProperty(into, key, { value, writable: true, enumerable: true, configurable: true }); // also "__proto__"
}

function scalar(word: string): Toml | undefined {
  if (word === 'true') return true;
  if (word === 'false') return false;
  if (/^[+-]?(0|[1-9](_?\d)*)(\.\d(_?\d)*)?([eE][+-]?\d+)?$/.test(word)) return Number(word.replaceAll('_', ''));
  if (/^0x[0-9a-fA-F]+$/.test(word)) return Number(word);
  return undefined;
}

// ---- writing: the way rule files are written by hand ----
export function writeToml(value: TomlTable): string {
  const head: string[] = [];
  const tail: string[] = [];
  for (const [key, one] of Object.entries(value)) {
    if (key === 'inputs' && isTable(one) && Object.values(one).every(isTable))
      for (const [name, input] of Object.entries(one)) head.push(`inputs.${keyText(name)} = ${valueToml(input)}`);
    else if (isTable(one) && key !== 'bind') tail.push(`\n[${keyText(key)}]`, ...body(one));
    else if (Array.isArray(one) && one.length > 0 && one.every(isTable))
      for (const item of one as TomlTable[]) tail.push(`\n[[${keyText(key)}]]`, ...body(item));
    else head.push(`${keyText(key)} = ${valueToml(one)}`);
  }
  return `${[...head, ...tail].join('\n')}\n`;
}

const body = (one: TomlTable): string[] => Object.entries(one).map(([key, v]) => `${keyText(key)} = ${valueToml(v)}`);
const keyText = (key: string): string => (/^[A-Za-z0-9_-]+$/.test(key) ? key : textToml(key));
const textToml = (v: string): string => `"${v.replace(/[\\"\u0000-\u001f\u007f]/g, (c) => (c === '\\' || c === '"' ? `\\${c}` : c === '\n' ? '\\n' : c === '\t' ? '\\t' : `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`))}"`;

function valueToml(v: Toml): string {
  if (typeof v === 'string') return textToml(v);
  if (Array.isArray(v)) return v.length === 0 ? '[]' : `[${v.map(valueToml).join(', ')}]`;
  if (isTable(v)) return Object.keys(v).length === 0 ? '{}' : `{ ${body(v).join(', ')} }`;
  return String(v);
}
