// Panels over the slide. One that is opened by keyboard takes the focus, and when it closes the focus goes back to where it was. On narrow
// screens a panel lies at the lower edge, and folds to its title.
'use strict';
// `home()` has the focus where nothing else can take it.
origami.panels = (ids, home) => {
  const byId = id => document.getElementById(id);
  let before = null;

  function opened(panel) {
    panel.classList.remove('folded');
    panel.querySelector('.fold')?.setAttribute('aria-expanded', 'true');
    if (!origami.byKey() || panel.contains(document.activeElement)) return;
    before = document.activeElement;
    panel.focus({ preventScroll: true });
  }

  // Who closes a panel may have moved the focus already.
  function closed(panel) {
    const now = document.activeElement;
    if (now !== document.body && !panel.contains(now)) return;
    const to = before?.isConnected && before !== document.body && before.checkVisibility() ? before : home();
    to.focus({ preventScroll: true });
    before = null;
  }

  function fold(panel) {
    const button = Object.assign(document.createElement('button'), { textContent: '▾', title: phrase`Fold or unfold` });
    button.classList.add('small', 'fold');
    button.setAttribute('aria-label', button.title);
    button.setAttribute('aria-expanded', 'true');
    button.addEventListener('click', () => button.setAttribute('aria-expanded', String(!panel.classList.toggle('folded'))));
    panel.querySelector('h2').after(button);
  }

  for (const panel of ids.map(byId)) {
    // Within reach of `focus`, and of no tab.
    panel.tabIndex = -1;
    if (panel.classList.contains('sheet')) fold(panel);
    new MutationObserver(() => (panel.hidden ? closed(panel) : opened(panel))).observe(panel, { attributeFilter: ['hidden'] });
  }
};
