// What the pages say, in the language of the page, which the server has chosen. Pages and scripts hold the English texts; a file of
// languages/ has the same in another language and comes before this one. Texts of a page are replaced here; a script says phrase`...`.
'use strict';
const phrase = (() => {
  // By their own names, which no other language changes.
  const LANGUAGES = { en: 'English', de: 'Deutsch', fr: 'Français', es: 'Español', ja: '日本語', zh: '中文' };
  const ATTRIBUTES = ['title', 'aria-label', 'placeholder', 'alt', 'data-label'];
  const BYTES = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];
  const language = document.documentElement.lang;
  const known = globalThis.phrases ?? {};

  // The parts of a text stand around its values; in a file of a language these are {0}, {1}, in any order.
  const say = (parts, ...values) => {
    const key = parts.reduce((before, part, at) => `${before}{${at - 1}}${part}`);
    return (known[key] ?? key).replace(/\{(\d)\}/g, (_, at) => values[at]);
  };

  function replace(root) {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode;
      if (node.nodeType === Node.TEXT_NODE) {
        const text = known[node.data.trim().replace(/\s+/g, ' ')];
        if (text) node.data = node.data.replace(/\S(.*\S)?/s, () => text);
        continue;
      }
      for (const name of ATTRIBUTES) {
        const text = known[node.getAttribute(name)];
        if (text) node.setAttribute(name, text);
      }
      if (node instanceof HTMLTemplateElement) replace(node.content);
    }
  }

  // --- Figures ------------------------------------------------------------------------------------------------------

  const number = (value, options) => value.toLocaleString(language, options);
  // All digits that it has, without marks between thousands.
  const figure = value => number(value, { maximumFractionDigits: 12, useGrouping: false });
  const fixed = (value, digits) => number(value, { minimumFractionDigits: digits, maximumFractionDigits: digits });

  // As 12 MB, of so many digits.
  function bytes(count, digits) {
    const power = Math.min(BYTES.length - 1, Math.max(0, Math.floor(Math.log10(count || 1) / 3)));
    const value = Number((count / 1000 ** power).toPrecision(digits));
    return number(value, { style: 'unit', unit: BYTES[power], maximumFractionDigits: 12, useGrouping: false });
  }

  // On one line. In English as 2026-01-31, which is the same everywhere.
  const day = date => date.toLocaleDateString(language === 'en' ? 'en-CA' : language).replaceAll('-', '\u2011');
  const moment = date => date.toLocaleString(language === 'en' ? undefined : language);
  const list = names => new Intl.ListFormat(language).format(names);

  // --- The choice ---------------------------------------------------------------------------------------------------

  // A page in another language is loaded anew: `keep(read)` says what is open on it, and returns what was open before that.
  const KEPT = 'origami-open';
  let read = () => null;

  function keep(reader) {
    read = reader;
    try {
      const { at, what } = JSON.parse(sessionStorage.getItem(KEPT) ?? '{}');
      sessionStorage.removeItem(KEPT);
      return at === location.pathname ? what : null;
    } catch {
      return null;
    }
  }

  function choose(code) {
    try {
      sessionStorage.setItem(KEPT, JSON.stringify({ at: location.pathname, what: read() }));
    } catch { /* The browser keeps nothing: the address has most of it. */ }
    const secure = location.protocol === 'https:' ? '; Secure' : '';
    document.cookie = `origami-language=${code}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
    location.reload();
  }

  replace(document);
  for (const menu of document.querySelectorAll('select.languages')) {
    for (const [code, name] of Object.entries(LANGUAGES)) {
      const option = new Option(name, code, code === language, code === language);
      option.lang = code;
      menu.append(option);
    }
    menu.addEventListener('change', () => choose(menu.value));
  }
  return Object.assign(say, { language, number, figure, fixed, bytes, day, moment, list, keep });
})();
