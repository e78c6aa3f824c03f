// Headless Firefox with one page, through puppeteer-core, and a user of it: what is done, and what must be there. Keeps every error on the
// console and every request that fails.
import { mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';

const PATIENCE_MS = 60_000;
const SETTLES_MS = 15_000;
const pause = ms => new Promise(done => setTimeout(done, ms));

// `packages` is the folder that has node_modules.
export async function launch(packages, program, out) {
  const { default: puppeteer } = createRequire(`${packages}/`)('puppeteer-core');
  const browser = await puppeteer.launch({
    browser: 'firefox', executablePath: program, headless: true, protocolTimeout: PATIENCE_MS, defaultViewport: { width: 1280, height: 800 },
    // The texts that are looked for are English.
    extraPrefsFirefox: { 'intl.accept_languages': 'en-US, en', 'intl.locale.requested': 'en-US' },
  });
  await mkdir(out, { recursive: true });
  const page = await browser.newPage();
  return new User(browser, page, out);
}

class User {
  constructor(browser, page, out) {
    Object.assign(this, { browser, page, out, checks: 0, pictures: 0, faults: [] });
    page.on('console', said => { if (['error', 'warn', 'assert'].includes(said.type())) this.faults.push(`console: ${said.text()}`); });
    page.on('pageerror', error => this.faults.push(error.stack ?? String(error)));
    page.on('response', answer => { if (answer.status() >= 400) this.faults.push(`${answer.status()} for ${answer.url()}`); });
    page.on('requestfailed', request => {
      const reason = request.failure()?.errorText ?? '';
      // Who leaves a page cancels what it was loading.
      if (!/ABORT/.test(reason)) this.faults.push(`${reason} for ${request.url()}`);
    });
  }

  // The value of a script in the page.
  eval(code) { return this.page.evaluate(code); }

  async wait(condition, what, patience = PATIENCE_MS) {
    for (const until = Date.now() + patience; !(await this.eval(condition)); await pause(50)) {
      if (Date.now() < until) continue;
      await this.picture('failed');
      throw new Error(`${what}: not so after ${patience / 1000} s: ${condition}`);
    }
  }

  async check(condition, what) {
    this.checks += 1;
    await this.wait(condition, what, SETTLES_MS);
  }

  async open(address) {
    // A change of the part after # alone would load nothing.
    await this.page.goto('about:blank');
    await this.page.goto(address);
    await this.wait("document.documentElement?.dataset.ready === 'yes'", address);
    await this.eval('origami.settled()');
  }

  async picture(name) {
    this.pictures += 1;
    await this.page.screenshot({ path: `${this.out}/${name}.png` });
  }

  key(key) { return this.page.keyboard.press(key); }

  async click(selector) { await this.page.locator(selector).click(); }

  async drag(from, to) {
    const { mouse } = this.page;
    await mouse.move(...from);
    await mouse.down();
    await mouse.move(...to, { steps: 8 });
    // Still for a moment: no flick.
    await pause(200);
    await mouse.up();
  }
}
