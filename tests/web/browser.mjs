// A browser that reports what a person would not see: errors, CSP violations, requests to other hosts, axe's findings.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';
import { findProgram, PASSPHRASE } from './gateway.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const explained = JSON.parse(readFileSync(new URL('./axe-explained.json', import.meta.url), 'utf8'));
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

export const launch = () => chromium.launch({
  executablePath: findProgram('chromium'),
  timeout: 60e3,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});

export class Watched {
  constructor(browser, box) {
    this.browser = browser;
    this.box = box;
    this.faults = []; // console errors, exceptions
    this.strangers = []; // requests to other hosts: refused, and a fault
    this.contexts = [];
  }

  // options of the context; insecure: what a page over plain HTTP does not have
  async page(options = {}) {
    const context = await this.browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    this.contexts.push(context);
    context.setDefaultTimeout(60e3);
    await context.route((url) => url.host !== `127.0.0.1:${this.box.port}`, (route) => {
      this.strangers.push(route.request().url());
      return route.abort();
    });
    context.on('page', (tab) => {
      tab.on('pageerror', (error) => this.faults.push(`exception: ${error.stack}`));
      // The browser itself reports refused answers as errors; these are meant: no session yet, a wrong code, no such thing, no simulator, gateway away.
      tab.on('console', (m) => {
        const meant = /Failed to load resource: .* (401|403|404|412|422|429|502)|ERR_FAILED|ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_INCOMPLETE_CHUNKED|ERR_EMPTY_RESPONSE/.test(m.text());
        if (m.type() === 'error' && !meant) this.faults.push(`console: ${m.text()}`);
      });
    });
    await context.addInitScript(() => {
      window.cspFaults = [];
      document.addEventListener('securitypolicyviolation', (e) => window.cspFaults.push(`${e.violatedDirective} ${e.blockedURI}`));
      // 127.0.0.1 is a secure context, http://gateway.local is not.
      for (const name of ['clipboard', 'serviceWorker', 'locks', 'wakeLock', 'serial', 'credentials']) {
        try {
          Object.defineProperty(Navigator.prototype, name, { value: undefined, configurable: true });
        } catch { /* not there */ }
      }
      try {
        Object.defineProperty(Crypto.prototype, 'subtle', { value: undefined, configurable: true });
      } catch { /* not there */ }
    });
    return context.newPage();
  }

  async signedIn(options) {
    const tab = await this.page(options);
    await tab.goto(this.box.url);
    await signIn(tab);
    return tab;
  }

  async settle() {
    for (const context of this.contexts)
      for (const tab of context.pages()) assert.deepEqual(await tab.evaluate(() => window.cspFaults), [], 'CSP violations');
    assert.deepEqual(this.faults, []);
    assert.deepEqual(this.strangers, []);
  }
}

export async function signIn(tab, passphrase = PASSPHRASE) {
  await tab.getByLabel('Passphrase').fill(passphrase);
  await tab.getByRole('button', { name: 'Sign in' }).click();
  await tab.getByRole('navigation', { name: 'Main menu' }).waitFor();
}

const told = (list) => list.flatMap((one) => one.nodes.map((node) => ({ rule: one.id, target: node.target.join(' '), why: node.any.concat(node.all, node.none).map((c) => c.message).join('; ') })));

// What axe finds, and whether elements came, went or moved while it looked: axe looks in several turns and can't compare then.
async function audit(tab) {
  const [got, torn] = await tab.evaluate(async (tags) => {
    let moved = 0;
    const watch = new MutationObserver((changes) => { moved += changes.length; });
    watch.observe(document, { childList: true, subtree: true });
    const found = await window.axe.run(document, { runOnly: tags, resultTypes: ['violations', 'incomplete'] });
    moved += watch.takeRecords().length;
    watch.disconnect();
    return [found, moved > 0];
  }, TAGS);
  assert.ok(got.passes.length > 0, 'axe looked at something');
  const open = told(got.incomplete).filter((one) => !explained.some((known) => known.rule === one.rule && one.target.includes(known.selector)));
  return [[...told(got.violations), ...open.map((one) => ({ ...one, incomplete: true }))], torn];
}

// axe over what is shown now: violations, and what axe could not decide and nobody has explained.
export async function axeFindings(tab) {
  if (!(await tab.evaluate(() => 'axe' in window))) await tab.evaluate(axe);
  for (let left = 10; ; left -= 1) {
    const [found, torn] = await audit(tab);
    if (found.length === 0 || !torn || left === 0) return found;
  }
}

export async function overflow(tab) {
  return tab.evaluate(() => {
    const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
    if (wide <= 0) return '';
    const guilty = [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1).slice(0, 3);
    return `${wide} px too wide: ${guilty.map((e) => e.outerHTML.slice(0, 120)).join(' | ')}`;
  });
}
