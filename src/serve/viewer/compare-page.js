// Two to four slides side by side: /compare?slides=a,b. What they show is in the fragment of the address, and which channels in its query. For
// scripts that drive the page: `origami.ready`, `origami.settled()`, `origami.viewers` and `origami.together`.
'use strict';
(() => {
  const byId = id => document.getElementById(id);
  const [LEAST, MOST] = [2, 4];
  const NUMBERS = [phrase`no slide`, phrase`one slide`, phrase`two slides`, phrase`three slides`, phrase`four slides`, phrase`five slides`, phrase`six slides`];
  let [names, views, slides, viewers, together, scale, adjusting] = [[], [], [], [], null, null, null];

  const say = text => { byId('message').textContent = text; };
  const round = (value, digits) => Number(value.toFixed(digits));

  // --- The address --------------------------------------------------------------------------------------------------

  // What stands between the commas of a part of the address: each is percent-encoded by itself, so that it may have a comma.
  function listed(key) {
    const pair = location.search.slice(1).split('&').find(part => part.startsWith(`${key}=`));
    return (pair ?? '').slice(key.length + 1).split(',');
  }

  const asked = () => listed('slides').filter(Boolean).map(decoded);

  // The view of each slide, as a query: which channels and planes. Empty is the one that the server shows without a choice.
  function viewed() {
    const given = listed('views').map(text => new URLSearchParams(`view=${text}`).get('view'));
    return names.map((_, i) => planes.only(new URLSearchParams(given[i] ?? '')));
  }

  // This page with another view of a slide, at the same place.
  function viewing(i, view) {
    const parts = location.search.slice(1).split('&').filter(part => !part.startsWith('views='));
    const all = views.map((before, at) => encodeURIComponent(at === i ? view : before)).join(',');
    return `${location.pathname}?${parts.map(part => (part.startsWith('slides=') ? `${part}&views=${all}` : part)).join('&')}${location.hash}`;
  }

  function decoded(name) {
    try {
      return decodeURIComponent(name);
    } catch {
      throw new Error(phrase`${name} is no name: a percent sign in a name is written %25.`);
    }
  }

  // Why this address compares nothing; null if it does.
  function problem() {
    const how = phrase`Choose two to four slides in the list, or name them with commas between them: /compare?slides=a,b`;
    if (names.length < LEAST || names.length > MOST) return phrase`${how}. This address names ${NUMBERS[names.length] ?? phrase`${names.length} slides`}.`;
    if (signed.count > 1 && signed.count !== names.length) {
      return phrase`This address has ${signed.count} signatures for ${NUMBERS[names.length]}. Give one for each slide, in the order of the slides, or one for all.`;
    }
    return null;
  }

  const digits = () => (together.physical ? 2 : 5);

  // Centre from that of the first slide and offsets in units, CSS pixels a unit, and degrees: the same view on every screen.
  function note() {
    const { x, y, zoom, turn, flip } = together.view;
    const parts = { x: round(x, digits()), y: round(y, digits()), z: Number(zoom.toPrecision(6)) };
    if (origami.turn(turn)) parts.r = round(origami.turn(turn), 2);
    if (flip) parts.f = 1;
    const moved = together.offsets.slice(1).map(each => [round(each.x, digits()), round(each.y, digits()), round(each.turn, 2)].join(','));
    if (moved.some(each => each !== '0,0,0')) parts.o = moved.join(';');
    Object.assign(parts, adjusting.parts());
    history.replaceState(null, '', `${location.search}#${new URLSearchParams(parts)}`);
    slides.forEach((_, i) => { pane(i).querySelector('a').href = alone(i, flip); });
  }

  function remember() {
    clearTimeout(remember.timer);
    remember.timer = setTimeout(note, 200);
  }

  // The address of one slide in its own page, in the same view at the same place.
  function alone(i, flip) {
    const [x, y] = together.centre(i);
    const parts = { x: round(x, 1), y: round(y, 1), z: Number(together.zoomOf(i).toPrecision(5)) };
    if (together.turnOf(i)) parts.r = round(together.turnOf(i), 2);
    if (flip) parts.f = 1;
    Object.assign(parts, adjusting.parts());
    return `${signed.by(i)(`/viewer/${encodeURIComponent(names[i])}${views[i] && `?${views[i]}`}`)}#${new URLSearchParams(parts)}`;
  }

  function recall() {
    const given = new URLSearchParams(location.hash.slice(1));
    const number = text => (text !== null && text !== '' && Number.isFinite(Number(text)) ? Number(text) : null);
    const moved = (given.get('o') ?? '').split(';').map(each => each.split(',').map(number));
    slides.forEach((_, i) => {
      const [x, y, turn] = moved[i - 1] ?? [];
      if (i) together.setOffset(i, { x: x ?? 0, y: y ?? 0, turn: turn ?? 0 });
    });
    adjusting.take(Object.fromEntries(given));
    together.home();
    const [x, y, zoom, turn] = ['x', 'y', 'z', 'r'].map(key => number(given.get(key)));
    const wanted = { x, y, zoom: zoom > 0 ? zoom : null, turn, flip: Boolean(number(given.get('f'))) };
    together.take(Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== null)));
  }

  // --- What is shown ------------------------------------------------------------------------------------------------

  const pane = i => byId('panes').children[i];

  function build() {
    byId('panes').dataset.count = names.length;
    names.forEach((name, i) => {
      const element = byId('pane').content.firstElementChild.cloneNode(true);
      element.setAttribute('aria-label', name);
      element.querySelector('a').textContent = name;
      element.querySelector('a').title = phrase`${name}: open alone`;
      element.querySelector('.shown').textContent = slides[i].planes ? planes.summary(slides[i].planes) : '';
      byId('panes').append(element);
      if (!i) return;
      const row = byId('offset').content.firstElementChild.cloneNode(true);
      row.querySelector('legend').textContent = name;
      row.addEventListener('change', () => set(i));
      row.querySelector('button').addEventListener('click', () => together.setOffset(i, { x: 0, y: 0, turn: 0 }));
      byId('rows').append(row);
    });
    document.title = `${names.join(' · ')} · ORIGAMI`;
  }

  // The choice among its channels, of each slide that has several. Another one is another page, as in the viewer.
  function choices() {
    slides.forEach(({ planes: of }, i) => {
      if (!of) return;
      const element = byId('view').content.firstElementChild.cloneNode(true);
      planes.offer(element, of, views[i], view => { note(); location.assign(viewing(i, view)); });
      element.querySelector('summary').textContent = `${names[i]} · ${planes.summary(of)}`;
      element.querySelector('form').setAttribute('aria-label', names[i]);
      byId('views').append(element);
    });
  }

  // How the slides are linked, in a sentence.
  function describe() {
    const without = names.filter((_, i) => !slides[i].microns_per_pixel);
    byId('linked').textContent = !byId('offsets').hidden ? phrase`Not linked while the offsets are open: each slide moves by itself.`
      : together.physical ? phrase`Linked by scale: all slides show the same micrometres a pixel of the screen.`
      : without.length > 1 ? phrase`Linked by parts of the slides' widths: ${phrase.list(without)} do not say how large the pixels are.`
        : phrase`Linked by parts of the slides' widths: ${phrase.list(without)} does not say how large the pixels are.`;
    byId('corner').hidden = !together.physical;
    byId('offset-unit').textContent = together.physical ? phrase`How far a slide is moved to the right (x) and down (y) of the first one, in micrometres, and turned against it, in degrees.`
      : phrase`How far a slide is moved to the right (x) and down (y) of the first one, in widths of the slide, and turned against it, in degrees.`;
  }

  // Magnification of a slide, or percent where that is unknown.
  function power(i) {
    const { microns_per_pixel: microns, objective_power: objective } = slides[i];
    const full = microns ? 20 / (microns[0] + microns[1]) : objective;
    return origami.magnification(together.zoomOf(i), full);
  }

  // What the tiles of a slide are.
  function kind(slide) {
    if (!slide.encoded) return phrase`original, not encoded`;
    if (slide.lossless) return phrase`lossless`;
    return slide.lossy ? phrase`reconstructed, lossy` : phrase`original tiles`;
  }

  function changed() {
    if (!together) return;
    slides.forEach((slide, i) => { pane(i).querySelector('.power').textContent = `${power(i)} · ${kind(slide)}`; });
    byId('flip').setAttribute('aria-pressed', String(together.view.flip));
    byId('mirror').checked = together.view.flip;
    fill();
    offer();
    remember();
  }

  // --- Offsets ------------------------------------------------------------------------------------------------------

  const fields = i => [...byId('rows').children[i - 1].querySelectorAll('input')];

  function fill() {
    if (byId('offsets').hidden) return;
    for (let i = 1; i < names.length; i++) {
      const { x, y, turn } = together.offsets[i];
      const values = [round(x, digits()), round(y, digits()), round(turn, 2)];
      fields(i).forEach((field, at) => { if (field !== document.activeElement) field.value = values[at]; });
    }
  }

  function set(i) {
    const most = round(together.most, digits());
    const given = fields(i).map(field => (field.validity.valid && field.value !== '' ? Number(field.value) : 0));
    const far = given.slice(0, 2).some(value => Math.abs(value) > most);
    byId('offset-far').textContent = far ? phrase`No farther than ${phrase.number(most)}, or the slides would not be in one view.` : '';
    const [x, y] = given.map(value => Math.min(most, Math.max(-most, value)));
    if (far && document.activeElement?.closest('#rows')) document.activeElement.blur();
    together.setOffset(i, { x, y, turn: given[2] });
  }

  function align() {
    const open = byId('offsets').hidden;
    if (open && !byId('picturing').hidden) picture();
    byId('offsets').hidden = !open;
    byId('align').setAttribute('aria-pressed', String(open));
    together.apart = open;
    describe();
    fill();
  }

  // --- The picture --------------------------------------------------------------------------------------------------

  // Slides as they are need no way back.
  function offer() {
    byId('picture-reset').disabled = !adjusting.changed && !together.view.flip;
  }

  function reset() {
    adjusting.take({});
    together.take({ flip: false });
  }

  // One panel at a time.
  function picture() {
    const open = byId('picturing').hidden;
    if (open && !byId('offsets').hidden) align();
    byId('picturing').hidden = !open;
    byId('picture').setAttribute('aria-pressed', String(open));
  }

  // --- Actions ------------------------------------------------------------------------------------------------------

  const zoomBy = factor => { together.lead.viewport.zoomBy(factor); together.lead.viewport.applyConstraints(); };
  const move = (right, down) => origami.move(together.lead, right / 5, down / 5);
  const actions = {
    in: () => zoomBy(1.6), out: () => zoomBy(1 / 1.6), home: () => together.home(),
    power: () => together.physical && scale.zoomTo(1),
    turn: () => origami.turnBy(together.lead, 90), back: () => origami.turnBy(together.lead, -90),
    flip: () => together.take({ flip: !together.view.flip }),
    align, picture, help: () => byId('keys').showModal(),
    left: () => move(-1, 0), right: () => move(1, 0), up: () => move(0, -1), down: () => move(0, 1),
  };
  const keys = {
    '+': 'in', '=': 'in', '-': 'out', _: 'out', 0: 'home', 1: 'power', r: 'turn', R: 'back', h: 'flip', o: 'align', p: 'picture', '?': 'help',
    ArrowLeft: 'left', ArrowRight: 'right', ArrowUp: 'up', ArrowDown: 'down',
  };

  // Closes the panel that is open.
  function leave() {
    if (!byId('offsets').hidden) align();
    else if (!byId('picturing').hidden) picture();
  }

  function listen() {
    for (const id of ['in', 'out', 'home', 'turn', 'flip', 'align', 'picture', 'help']) byId(id).addEventListener('click', actions[id]);
    byId('power').addEventListener('click', actions.power);
    byId('offsets-close').addEventListener('click', () => { align(); byId('align').focus(); });
    byId('picture-close').addEventListener('click', () => { picture(); byId('picture').focus(); });
    byId('picture-reset').addEventListener('click', reset);
    byId('mirror').addEventListener('change', actions.flip);
    origami.panels(['offsets', 'picturing'], () => together.lead.canvas);
    document.addEventListener('keydown', event => {
      const typing = event.target.closest('input:not([type="checkbox"]), select, textarea, dialog');
      const step = origami.step(event);
      if (!typing && step) {
        event.preventDefault();
        origami.nudge(together.lead, ...step);
        return;
      }
      if (event.key === 'Escape' && !event.target.closest('dialog')) {
        // Out of a field first, and then out of its panel.
        if (typing) (typing.closest('[tabindex="-1"]') ?? together.lead.canvas).focus({ preventScroll: true });
        else leave();
        return;
      }
      if (typing || event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
      event.preventDefault();
      actions[keys[event.key]]();
    });
    addEventListener('hashchange', recall);
  }

  // --- Begin --------------------------------------------------------------------------------------------------------

  // Descriptions of the slides; all that cannot be shown are named at once.
  async function described() {
    const found = await Promise.allSettled(names.map((name, i) => origami.describe(name, views[i], signed.by(i))));
    const missing = found.flatMap(({ reason }, i) => (reason ? [phrase`${names[i]} cannot be shown: ${reason.message}.`] : []));
    if (missing.length) throw new Error(missing.join(' '));
    return found.map(({ value }) => value);
  }

  async function begin() {
    document.querySelector('a.back').href = signed('/');
    const before = phrase.keep(() => { note(); return { offsets: !byId('offsets').hidden, picture: !byId('picturing').hidden }; });
    names = asked();
    views = viewed();
    const wrong = problem();
    if (wrong) throw new Error(wrong);
    origami.trouble(() => viewers);
    slides = await described();
    build();
    choices();
    viewers = slides.map((slide, i) => origami.open(pane(i).querySelector('.image'), 'dzi', slide, {
      // Each follows the others everywhere; linked.js has the limits.
      visibilityRatio: -1e6, gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
    }, signed.by(i)));
    await Promise.all(viewers.map(origami.opens));
    adjusting = origami.adjusting(() => { offer(); remember(); });
    together = origami.linked(viewers, slides, changed);
    scale = origami.scale(viewers[0], slides[0]);
    describe();
    byId('tools').hidden = false;
    listen();
    recall();
    scale.show();
    say('');
    if (before?.offsets) align();
    if (before?.picture) picture();
    Object.assign(origami, { viewers, together, settled: () => origami.still(() => viewers.every(origami.isWhole)) });
    await origami.settled();
  }

  origami.ready = begin().catch(error => { say(error.message); byId('message').append(' ', origami.toList()); }).finally(() => { document.documentElement.dataset.ready = 'yes'; });
})();
