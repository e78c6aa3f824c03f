// The list of slides, refreshed while the page is visible. Names come from files, so they enter the page only as text and as
// encoded URLs.
'use strict';
(() => {
  const EVERY_MS = 10_000;
  // While the server opens slides.
  const SOON_MS = 1_000;
  const byId = id => document.getElementById(id);
  // Builds every URL that this page requests or links to.
  const at = (place, name, query = {}) => {
    const text = new URLSearchParams(query).toString();
    return signed(`/${place}${name === undefined ? '' : `/${encodeURIComponent(name)}`}${text && `?${text}`}`);
  };
  // Elements by name, with the description that each shows.
  const cards = new Map();
  let [asking, timer, shown, opening] = [false, 0, null, false];

  const bytes = n => {
    const units = ['B', 'kB', 'MB', 'GB', 'TB'];
    let i = 0;
    for (; n >= 1000 && i < units.length - 1; i++) n /= 1000;
    return `${i && n < 100 ? n.toPrecision(2) : Math.round(n)} ${units[i]}`;
  };

  function facts(slide) {
    if (slide.pending) return '';
    const parts = [`${slide.width} × ${slide.height}`];
    const { channels = [], focal_planes: layers = 1, times = 1 } = slide.planes ?? {};
    if (channels.length) parts.push(`${channels.length} channels`);
    if (layers > 1) parts.push(`${layers} focal planes`);
    if (times > 1) parts.push(`${times} points in time`);
    if (slide.objective_power) parts.push(`${+slide.objective_power.toFixed(1)}×`);
    if (slide.stored_bytes) parts.push(bytes(slide.stored_bytes));
    return parts.join(' · ');
  }

  function note(slide) {
    if (slide.pending) return 'opening …';
    if (!slide.encoded) return 'not encoded';
    if (slide.lossless) return 'lossless';
    if (!slide.lossy) return 'original tiles';
    return slide.has_original ? 'reconstructed, lossy; original to compare' : 'reconstructed, lossy';
  }

  // Sets only values that differ: nothing flickers, is announced twice or loads a picture again.
  const put = (element, key, value) => { if (element[key] !== value) element[key] = value; };
  const attribute = (element, key, value) => {
    if (!value) element.removeAttribute(key);
    else if (element.getAttribute(key) !== value) element.setAttribute(key, value);
  };

  // Cards show pictures 180 CSS pixels high and up to 460 wide, on screens of up to three pixels for each. `v` changes with
  // the slide, so that a browser does not show a cached picture of an older one.
  function picture(slide) {
    if (slide.pending) return [null, null];
    // The server makes thumbnails of a given size from JPEG tiles only.
    if (slide.format !== 'jpg') return [at('thumbnails', slide.name, { v: slide.version }), null];
    const sized = (width, height) => at('thumbnails', slide.name, { width, height, v: slide.version });
    const dense = `${sized(480, 180)}, ${sized(960, 360)} 2x, ${sized(1024, 540)} 3x`;
    // For a slide that is smaller than its card, all sizes would be the same picture.
    return [sized(480, 180), slide.width > 480 || slide.height > 180 ? dense : null];
  }

  function fill(item, slide) {
    const part = name => item.querySelector(name);
    put(part('.name'), 'textContent', slide.name);
    put(part('.facts'), 'textContent', facts(slide));
    put(part('.note'), 'textContent', note(slide));
    part('.note').classList.toggle('raw', slide.encoded === false);
    attribute(part('a'), 'href', at('viewer', slide.name));
    const [src, srcset] = picture(slide);
    attribute(part('img'), 'srcset', srcset);
    attribute(part('img'), 'src', src);
    put(part('img'), 'hidden', !src);
  }

  function remove(item) {
    // Keyboard focus moves to a neighbour, not to the top of the page.
    if (item.contains(document.activeElement)) {
      const next = item.nextElementSibling || item.previousElementSibling;
      next?.querySelector('a').focus({ preventScroll: true });
    }
    item.remove();
  }

  // Existing cards are not moved, because a moved element loses the focus. Both lists are sorted by name, so new cards only
  // have to be inserted.
  function show(slides) {
    const names = new Set(slides.map(slide => slide.name));
    for (const [name, { item }] of cards) {
      if (names.has(name)) continue;
      remove(item);
      cards.delete(name);
    }
    let next = byId('slides').firstElementChild;
    for (const slide of slides) {
      const described = JSON.stringify(slide);
      const card = cards.get(slide.name)
        ?? { item: byId('card').content.firstElementChild.cloneNode(true), described: null };
      if (card.described !== described) fill(card.item, slide);
      card.described = described;
      cards.set(slide.name, card);
      if (card.item === next) next = next.nextElementSibling;
      else byId('slides').insertBefore(card.item, next);
    }
    put(byId('count'), 'textContent', slides.length === 1 ? '1 slide' : `${slides.length} slides`);
    // A short list needs no search field, unless it is in use.
    byId('search').hidden = slides.length < 7 && !byId('filter').value && document.activeElement !== byId('filter');
    filter();
  }

  // What lies there and is not served, with the reasons.
  function tell(skipped) {
    put(byId('skipped'), 'hidden', !skipped.length);
    put(byId('how-many'), 'textContent', `Not served: ${skipped.length}`);
    byId('reasons').replaceChildren(...skipped.map(({ path, reason }) => {
      const line = document.createElement('li');
      const name = document.createElement('b');
      name.textContent = path;
      line.append(name, ` ${reason}`);
      return line;
    }));
  }

  function filter() {
    const wanted = byId('filter').value.trim().toLowerCase();
    for (const [name, { item }] of cards) put(item, 'hidden', !name.toLowerCase().includes(wanted));
  }

  async function list() {
    const answer = await fetch(at('api/slides'));
    if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
    const text = await answer.text();
    if (text !== shown) {
      const { slides, skipped } = JSON.parse(text);
      show(slides);
      tell(skipped);
      opening = slides.some(slide => slide.pending);
    }
    shown = text;
    put(byId('message'), 'textContent', cards.size ? ''
      : 'No slides here yet. They appear once they lie in the directory that the server was started with.');
    document.documentElement.dataset.ready = 'yes';
  }

  async function refresh() {
    clearTimeout(timer);
    if (asking) return;
    asking = true;
    await list().catch(error => {
      const old = shown === null ? 'The list cannot be loaded' : 'The list may be out of date';
      put(byId('message'), 'textContent', `${old}: ${error.message}. Asking again every ${EVERY_MS / 1000} seconds.`);
    });
    asking = false;
    if (!document.hidden) timer = setTimeout(refresh, opening ? SOON_MS : EVERY_MS);
  }

  byId('to-jobs').href = at('jobs');
  byId('filter').addEventListener('input', filter);
  document.addEventListener('visibilitychange', () => (document.hidden ? clearTimeout(timer) : refresh()));
  refresh();
})();
