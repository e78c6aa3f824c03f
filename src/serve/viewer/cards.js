// The cards of the list of slides, and headings of folders between them. Names come from files, so they enter the page only as text and as
// encoded URLs. Pictures are loaded for the cards in view alone.
'use strict';
// `toggled(name, is)` is told that a slide is chosen, or no longer; `isChosen(name)` says it.
const cards = (toggled, isChosen) => {
  const byId = id => document.getElementById(id);
  // Builds every URL that this page requests or links to.
  const at = (place, name, query = {}) => {
    const text = new URLSearchParams(query).toString();
    return signed(`/${place}${name === undefined ? '' : `/${encodeURIComponent(name)}`}${text && `?${text}`}`);
  };
  // Elements by key, each with the description that it shows.
  const all = new Map();
  // Pictures begin a little before they come into view.
  const NEAR = '150px';
  const eye = new IntersectionObserver(seen => {
    for (const { target, isIntersecting } of seen) {
      if (!isIntersecting) continue;
      eye.unobserve(target);
      draw(target);
    }
  }, { rootMargin: NEAR });

  function facts(slide) {
    if (slide.pending) return '';
    const parts = [`${slide.width} × ${slide.height}`];
    const { channels = [], focal_planes: layers = 1, times = 1 } = slide.planes ?? {};
    if (channels.length) parts.push(phrase`${channels.length} channels`);
    if (layers > 1) parts.push(phrase`${layers} focal planes`);
    if (times > 1) parts.push(phrase`${times} points in time`);
    if (slide.objective_power) parts.push(`${phrase.figure(+slide.objective_power.toFixed(1))}×`);
    if (slide.stored_bytes) parts.push(phrase.bytes(slide.stored_bytes, 2));
    if (slide.modified) parts.push(phrase.day(new Date(slide.modified * 1000)));
    return parts.join(' · ');
  }

  function note(slide) {
    if (slide.pending) return phrase`opening …`;
    if (!slide.encoded) return phrase`original, not encoded`;
    if (slide.lossless) return phrase`lossless`;
    if (!slide.lossy) return phrase`original tiles`;
    return slide.has_original ? phrase`reconstructed, lossy; original to compare` : phrase`reconstructed, lossy`;
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

  // The picture of a card that has been in view.
  function draw(item) {
    const [src, srcset] = picture(all.get(item.dataset.key).slide);
    const image = item.querySelector('img');
    attribute(image, 'srcset', srcset);
    attribute(image, 'src', src);
    put(image, 'hidden', !src);
    item.dataset.seen = 'yes';
  }

  function fill(item, slide) {
    const part = name => item.querySelector(name);
    // Below the heading of its folder a name is read without it.
    const folder = slide.name.slice(0, slide.name.lastIndexOf('/') + 1);
    put(part('.name>.within'), 'textContent', folder);
    put(part('.name>b'), 'textContent', slide.name.slice(folder.length));
    put(part('.facts'), 'textContent', facts(slide));
    put(part('.note'), 'textContent', note(slide));
    attribute(part('a'), 'href', at('viewer', slide.name));
    part('input').setAttribute('aria-label', phrase`Choose ${slide.name} to compare`);
    if (item.dataset.seen) draw(item);
  }

  function remove(item) {
    // Keyboard focus moves to a neighbour, not to the top of the page.
    if (item.contains(document.activeElement)) {
      const beside = way => { let next = item[way]; while (next && !next.querySelector('a')) next = next[way]; return next; };
      (beside('nextElementSibling') ?? beside('previousElementSibling'))?.querySelector('a').focus({ preventScroll: true });
    }
    eye.unobserve(item);
    item.remove();
  }

  function made(key, slide) {
    const item = byId(slide ? 'card' : 'folder').content.firstElementChild.cloneNode(true);
    item.dataset.key = key;
    if (!slide) {
      item.querySelector('h2').textContent = key.slice(0, -1);
      return item;
    }
    item.querySelector('img').hidden = true;
    item.querySelector('input').addEventListener('change', event => toggled(slide.name, event.target.checked));
    eye.observe(item);
    return item;
  }

  // What is shown, in its order: slides, and with `folders` a heading before each folder. A key of a folder ends in a slash, as no name does.
  function rows(slides, folders) {
    const found = [];
    let last = '';
    for (const slide of slides) {
      const folder = slide.name.slice(0, slide.name.lastIndexOf('/') + 1);
      if (folders && folder !== last) found.push([folder, null]);
      last = folder;
      found.push([slide.name, slide]);
    }
    return found;
  }

  // Existing cards are moved only if the order changes, because a moved element loses the focus.
  function show(slides, folders) {
    const wanted = new Map(rows(slides, folders));
    byId('slides').classList.toggle('by-folder', folders);
    for (const [key, { item }] of all) {
      if (wanted.has(key)) continue;
      remove(item);
      all.delete(key);
    }
    let next = byId('slides').firstElementChild;
    for (const [key, slide] of wanted) {
      const described = JSON.stringify(slide);
      const known = all.get(key);
      const card = known ?? { item: made(key, slide) };
      const isNew = card.described !== described;
      Object.assign(card, { slide, described });
      all.set(key, card);
      if (slide && isNew) fill(card.item, slide);
      if (card.item === next) next = next.nextElementSibling;
      else byId('slides').insertBefore(card.item, next);
    }
    choose();
  }

  // Shows which slides are chosen. `full` says that no more can be.
  function choose(full = false) {
    for (const [key, { item, slide }] of all) {
      if (!slide) continue;
      const box = item.querySelector('input');
      put(box, 'checked', isChosen(key));
      put(box, 'disabled', full && !box.checked);
    }
  }

  return { show, choose, at, put };
};
