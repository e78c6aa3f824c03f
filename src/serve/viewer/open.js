// What all pages that show slides share: a slide's description from the server, its tiles in OpenSeadragon, and what is wrong with them.
'use strict';
var origami = {};
(() => {
  const byId = id => document.getElementById(id);
  const calm = matchMedia('(prefers-reduced-motion: reduce)');

  // Whether a key was used last, and not a pointer.
  let keyed = false;
  addEventListener('keydown', () => { keyed = true; }, true);
  addEventListener('pointerdown', () => { keyed = false; }, true);
  const byKey = () => keyed;

  // The name of a slide in an address: the last part of a page's path.
  const named = () => decodeURIComponent(location.pathname.split('/').pop());

  // Where the tiles of a slide are below `place`, and the query of each.
  const tilesOf = (place, slide, sign = signed) => ({
    url: `/${place}/${encodeURIComponent(slide.name)}_files/`, query: sign(`?v=${slide.version}${slide.view && `&${slide.view}`}`),
  });

  // A viewer of the tiles below `place`, `dzi` or `original`. The same options for all viewers, so that what is compared is drawn alike.
  // Canvases need no graphics hardware and their pixels can be read. `sign` adds the signature of the slide to an address.
  function open(element, place, slide, more, sign = signed) {
    const { url: tilesUrl, query: queryParams } = tilesOf(place, slide, sign);
    const opened = OpenSeadragon({
      element,
      drawer: origami.SharpDrawer,
      tileSources: new origami.tiles.Source({
        width: slide.width, height: slide.height, tileSize: slide.tile_size, tileOverlap: 0,
        tilesUrl, fileFormat: slide.format, queryParams,
      }),
      showNavigationControl: false,
      keyboardNavEnabled: false,
      animationTime: calm.matches ? 0 : 0.5,
      visibilityRatio: 0.4,
      minZoomImageRatio: 0.6,
      maxZoomPixelRatio: 8,
      smoothTileEdgesMinZoom: Infinity,
      // All that is wanted goes to the queue of tiles.js at once, which has the limits.
      maxTilesPerFrame: 200,
      imageLoaderLimit: 0,
      timeout: 2 ** 31 - 1,
      clickTimeThreshold: 1500,
      ...more,
    });
    origami.tiles.follow(opened);
    mirror(opened);
    // The page has the keys.
    opened.canvas.setAttribute('role', 'application');
    opened.canvas.setAttribute('aria-label', phrase`${slide.name}: arrows move, + and - zoom`);
    if (opened.navigator) for (const part of [opened.navigator.element, opened.navigator.canvas]) part.tabIndex = -1;
    return opened;
  }

  // In a mirrored view OpenSeadragon mirrors the places of clicks, of drags and of the wheel. It forgets those of double clicks and of two
  // fingers, and a flick would go the wrong way.
  function mirror(opened) {
    const turn = point => { point.x = opened.viewport.getContainerSize().x - point.x; };
    const whenFlipped = (name, handle) => opened.addHandler(name, event => { if (opened.viewport.getFlip()) handle(event); });
    whenFlipped('canvas-double-click', event => turn(event.position));
    whenFlipped('canvas-pinch', event => [event.center, event.lastCenter].forEach(turn));
    whenFlipped('canvas-drag-end', event => {
      event.preventDefaultAction = true;
      opened.viewport.applyConstraints();
    });
  }

  // Resolves when the viewer has its slide.
  const opens = opened => new Promise((done, fail) => {
    opened.addHandler('open', done);
    opened.addHandler('open-failed', event => fail(new Error(event.message)));
  });

  // Asks until the server answers.
  async function ask(address, sign = signed) {
    for (;;) {
      const answer = await fetch(sign(address)).catch(() => null);
      if (answer && ![502, 503, 504].includes(answer.status)) return answer;
      await Promise.all([origami.tiles?.back(), new Promise(done => setTimeout(done, 1000))]);
    }
  }

  // A slide as the server describes it, in the view that `query` asks for.
  async function describe(name, query = '', sign = signed) {
    const answer = await ask(`/api/slides/${encodeURIComponent(name)}${query && `?${query}`}`, sign);
    if (answer.status === 401) signed.logIn();
    if (answer.status === 404) throw new Error(phrase`there is no such slide`);
    if (!answer.ok) throw new Error((await answer.json()).error);
    return answer.json();
  }

  // What is wrong with the tiles at present, in a line above them. `viewers()` are those that load again on request.
  function trouble(viewers) {
    function tell() {
      const { state, damaged } = origami.tiles;
      const reasons = [...new Set(damaged.values())].join('; ');
      const text = state.gone ? phrase`The server does not answer. The page goes on as soon as it does.`
        : state.refused ? phrase`The server shows no more of this slide: ${state.refused}.`
          : damaged.size ? (damaged.size === 1 ? phrase`A tile is damaged: ${reasons}.` : phrase`${damaged.size} tiles are damaged: ${reasons}.`)
            : state.busy ? phrase`Still loading: ${state.busy}.` : '';
      byId('trouble').hidden = !text;
      if (byId('trouble-said').textContent !== text) byId('trouble-said').textContent = text;
      byId('retry').hidden = state.gone || !(state.refused || damaged.size);
      // A frame has no such link.
      if (byId('log-in')) byId('log-in').hidden = state.gone || !state.ended;
    }
    origami.tiles.tell = tell;
    byId('retry').addEventListener('click', () => origami.tiles.again(...viewers()));
  }

  // A way to the list of slides, for who can see nothing here.
  const toList = () => Object.assign(document.createElement('a'), { href: signed('/'), textContent: phrase`All slides` });

  // Resolves once `is()` is so, twice in a row, because a change begins with the next frame.
  async function still(is) {
    for (let calmFor = 0; calmFor < 2;) {
      await new Promise(done => setTimeout(done, 60));
      calmFor = is() ? calmFor + 1 : 0;
    }
  }

  // Everything that a viewer shows is loaded at full quality, and it does not move.
  const isWhole = opened => opened.world.getItemCount() > 0 && opened.world.getItemAt(0).getFullyLoaded() && !opened.isAnimating();

  // Degrees from 0 to 360.
  const turn = degrees => ((degrees % 360) + 360) % 360;

  // Pans by parts of the view, in the direction of the arrow on the screen however it is turned and mirrored.
  function move({ viewport }, right, down) {
    const size = viewport.getContainerSize();
    const across = viewport.getFlip() ? -right : right;
    viewport.panBy(viewport.deltaPointsFromPixels(new OpenSeadragon.Point(across * size.x, down * size.y)));
    viewport.applyConstraints();
  }

  // The same by CSS pixels, at once.
  function nudge({ viewport }, right, down) {
    const across = viewport.getFlip() ? -right : right;
    viewport.panBy(viewport.deltaPointsFromPixels(new OpenSeadragon.Point(across, down)), true);
    viewport.applyConstraints(true);
  }

  // Of a key event that moves by small steps: Alt with an arrow is one pixel, with Shift as well ten. As [right, down], else null.
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const step = ({ key, altKey, shiftKey, ctrlKey, metaKey }) =>
    (altKey && !ctrlKey && !metaKey && ARROWS[key]?.map(value => value * (shiftKey ? 10 : 1))) || null;

  // Turns clockwise on the screen.
  function turnBy({ viewport }, degrees) {
    viewport.setRotation(viewport.getRotation() + (viewport.getFlip() ? -degrees : degrees));
  }

  // A view as parts of an address: centre in pixels of L0, CSS pixels per pixel of L0, and degrees: the same view on every screen.
  function viewOf({ viewport }) {
    const round = (value, digits) => Number(value.toFixed(digits));
    const { x, y } = viewport.viewportToImageCoordinates(viewport.getCenter());
    const parts = { x: round(x, 1), y: round(y, 1), z: Number(viewport.viewportToImageZoom(viewport.getZoom()).toPrecision(5)) };
    if (turn(viewport.getRotation())) parts.r = turn(viewport.getRotation());
    if (viewport.getFlip()) parts.f = 1;
    return parts;
  }

  // Shows the view of an address; what is missing or no number stays as it is.
  function show({ viewport }, given) {
    const number = key => (given.has(key) && Number.isFinite(Number(given.get(key))) ? Number(given.get(key)) : null);
    const [x, y, zoom] = ['x', 'y', 'z'].map(number);
    viewport.setRotation(number('r') ?? 0, true);
    viewport.setFlip(Boolean(number('f')));
    if (zoom > 0) viewport.zoomTo(viewport.imageToViewportZoom(zoom), null, true);
    if (x !== null && y !== null) viewport.panTo(viewport.imageToViewportCoordinates(x, y), true);
    viewport.applyConstraints(true);
  }

  Object.assign(origami, { named, tilesOf, open, opens, ask, describe, trouble, toList, still, isWhole, turn, move, nudge, step, byKey, turnBy, viewOf, show });
})();
