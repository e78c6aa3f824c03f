// Light or dark: as was chosen here, else as the system has it. Comes before anything is drawn, so that no page flashes.
'use strict';
(() => {
  const KEY = 'origami-theme';
  const root = document.documentElement;

  // A browser may refuse to keep anything: then a choice is that of one page.
  function kept() {
    try {
      return localStorage.getItem(KEY) ?? '';
    } catch {
      return '';
    }
  }

  function keep(theme) {
    try {
      localStorage.setItem(KEY, theme);
    } catch { /* Of this page alone. */ }
  }

  const show = theme => { root.dataset.theme = theme; };
  const menus = () => document.querySelectorAll('select.themes');

  show(kept());
  document.addEventListener('DOMContentLoaded', () => {
    for (const menu of menus()) {
      menu.value = root.dataset.theme;
      menu.addEventListener('change', () => { keep(menu.value); show(menu.value); });
    }
  });
  // Other pages of the server follow.
  addEventListener('storage', event => {
    if (event.key !== KEY) return;
    show(kept());
    for (const menu of menus()) menu.value = root.dataset.theme;
  });
})();
