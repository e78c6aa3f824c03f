// The list of slides in pages, refreshed while the page is visible. Search, order and page are in the fragment of the address.
'use strict';
(() => {
  const EVERY_MS = 10_000;
  // While the server opens slides.
  const SOON_MS = 1_000;
  // After a letter of what is searched for.
  const TYPING_MS = 150;
  const PAGE = 60;
  // Slides side by side.
  const MOST = 4;
  const byId = id => document.getElementById(id);
  const chosen = new Set();
  const { show, choose, at, put } = cards(toggled, name => chosen.has(name));
  const wanted = { search: '', sort: 'folder', page: 0 };
  let [asking, timer, shown, opening, total] = [0, 0, null, false, 0];

  // --- The address --------------------------------------------------------------------------------------------------

  function recall() {
    const given = new URLSearchParams(location.hash.slice(1));
    const page = Number(given.get('page'));
    const orders = [...byId('sort').options].map(option => option.value);
    Object.assign(wanted, {
      search: given.get('search') ?? '', sort: orders.includes(given.get('sort')) ? given.get('sort') : 'folder',
      page: Number.isInteger(page) && page > 1 ? page - 1 : 0,
    });
    byId('filter').value = wanted.search;
    byId('sort').value = wanted.sort;
  }

  function remember(step = false) {
    const parts = {};
    if (wanted.search) parts.search = wanted.search;
    if (wanted.sort !== 'folder') parts.sort = wanted.sort;
    if (wanted.page) parts.page = wanted.page + 1;
    const hash = new URLSearchParams(parts).toString();
    const address = `${location.pathname}${location.search}${hash && `#${hash}`}`;
    if (step) history.pushState(null, '', address);
    else history.replaceState(null, '', address);
  }

  // --- What is shown ------------------------------------------------------------------------------------------------

  // What lies there and is not served, with the reasons.
  function tell(skipped, count) {
    put(byId('skipped'), 'hidden', !count);
    put(byId('how-many'), 'textContent', skipped.length < count ? phrase`Not served: ${count}, of which the first ${skipped.length}` : phrase`Not served: ${count}`);
    byId('reasons').replaceChildren(...skipped.map(({ path, reason }) => {
      const line = document.createElement('li');
      const name = document.createElement('b');
      name.textContent = path;
      line.append(name, ` ${reason}`);
      return line;
    }));
  }

  const number = count => phrase.number(count);
  const slidesOf = count => (count === 1 ? phrase`1 slide` : phrase`${number(count)} slides`);

  function draw({ slides, skipped, skipped_total: count, total: all, next }) {
    total = all;
    show(slides, wanted.sort === 'folder');
    offer();
    tell(skipped, count);
    opening = slides.some(slide => slide.pending);
    put(byId('count'), 'textContent', wanted.search ? phrase`${slidesOf(total)} found` : slidesOf(total));
    // One slide needs no search field, unless it is in use.
    byId('search').hidden = total < 2 && !wanted.search && !byId('search').contains(document.activeElement);
    put(byId('message'), 'textContent', !total && wanted.search ? phrase`No slide has “${wanted.search}” in its name.` : '');
    put(byId('empty'), 'hidden', total > 0 || Boolean(wanted.search));
    put(byId('all'), 'hidden', total > 0 || !wanted.search);
    const first = wanted.page * PAGE + 1;
    put(byId('pages'), 'hidden', total <= PAGE);
    put(byId('place'), 'textContent', phrase`${number(first)} to ${number(Math.min(total, first + PAGE - 1))} of ${number(total)}`);
    put(byId('previous'), 'disabled', wanted.page === 0);
    put(byId('next'), 'disabled', next === null);
  }

  async function list(turn) {
    const query = { limit: PAGE, offset: wanted.page * PAGE, sort: wanted.sort };
    const answer = await fetch(at('api/slides', undefined, wanted.search ? { ...query, search: wanted.search } : query));
    if (answer.status === 401) signed.logIn();
    if (!answer.ok) throw new Error(phrase`the server answers ${answer.status}`);
    const text = await answer.text();
    if (turn !== asking) return;
    const found = JSON.parse(text);
    // Slides have gone, and with them the page.
    if (wanted.page && found.total <= wanted.page * PAGE) {
      wanted.page = Math.max(0, Math.ceil(found.total / PAGE) - 1);
      remember();
      await list(turn);
      return;
    }
    // The same slides in the same order may stand below folders or not.
    const now = `${wanted.sort} ${text}`;
    if (now !== shown) draw(found);
    shown = now;
    document.documentElement.dataset.ready = 'yes';
  }

  // The last one who asks is shown.
  async function refresh() {
    clearTimeout(timer);
    const turn = ++asking;
    await list(turn).catch(error => {
      if (turn !== asking) return;
      const every = EVERY_MS / 1000;
      put(byId('message'), 'textContent', shown === null ? phrase`The list cannot be loaded: ${error.message}. Asking again every ${every} seconds.`
        : phrase`The list may be out of date: ${error.message}. Asking again every ${every} seconds.`);
      shown = shown === null ? null : '';
    });
    if (turn === asking && !document.hidden) timer = setTimeout(refresh, opening ? SOON_MS : EVERY_MS);
  }

  // --- Choices ------------------------------------------------------------------------------------------------------

  // No address holds them: they are there again after a step back and in another language.
  const CHOSEN = 'origami-chosen';

  function chosenBefore() {
    try {
      const again = ['back_forward', 'reload'].includes(performance.getEntriesByType('navigation')[0]?.type);
      return again ? JSON.parse(sessionStorage.getItem(CHOSEN) ?? '[]') : [];
    } catch {
      return [];
    }
  }

  function keepChosen() {
    try {
      sessionStorage.setItem(CHOSEN, JSON.stringify([...chosen]));
    } catch { /* A browser that keeps nothing. */ }
  }

  function toggled(name, is) {
    if (is) chosen.add(name);
    else chosen.delete(name);
    offer();
  }

  function offer() {
    choose(chosen.size >= MOST);
    keepChosen();
    put(byId('chosen'), 'hidden', !chosen.size);
    put(byId('chosen-said'), 'textContent', chosen.size < 2 ? phrase`Choose two to four slides to compare.` : phrase`${slidesOf(chosen.size)} to compare`);
    put(byId('to-compare'), 'hidden', chosen.size < 2);
    byId('to-compare').href = signed(`/compare?slides=${[...chosen].map(encodeURIComponent).join(',')}`);
  }

  async function turnTo(page) {
    wanted.page = page;
    remember(true);
    await refresh();
    scrollTo(0, 0);
    // A button that does nothing any more loses the focus.
    if (document.activeElement === document.body || document.activeElement.disabled) byId('slides').querySelector('a')?.focus({ preventScroll: true });
  }

  function search() {
    Object.assign(wanted, { search: byId('filter').value.trim(), sort: byId('sort').value, page: 0 });
    remember();
    refresh();
  }

  byId('to-jobs').href = at('jobs');
  byId('filter').addEventListener('input', () => { clearTimeout(search.timer); search.timer = setTimeout(search, TYPING_MS); });
  byId('sort').addEventListener('change', search);
  byId('all').addEventListener('click', () => { byId('filter').value = ''; search(); byId('filter').focus(); });
  byId('previous').addEventListener('click', () => turnTo(wanted.page - 1));
  byId('next').addEventListener('click', () => turnTo(wanted.page + 1));
  byId('clear').addEventListener('click', () => { chosen.clear(); offer(); byId('slides').querySelector('input')?.focus(); });
  for (const event of ['popstate', 'hashchange']) addEventListener(event, () => { recall(); refresh(); });
  document.addEventListener('visibilitychange', () => (document.hidden ? clearTimeout(timer) : refresh()));
  document.addEventListener('keydown', event => {
    if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || event.target.closest('input:not([type=checkbox]),select') || byId('search').hidden) return;
    event.preventDefault();
    byId('filter').select();
  });
  for (const name of chosenBefore()) chosen.add(name);
  recall();
  refresh();
})();
