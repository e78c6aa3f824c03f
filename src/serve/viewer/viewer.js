// Shows one slide in OpenSeadragon: tools, keys, scale bar, and the view in the URL's fragment. For scripts that drive the
// page: `origami.ready` (the first view is complete), `origami.settled()` (so is the current one) and `origami.viewer`.
'use strict';
(() => {
  const byId = id => document.getElementById(id);
  const name = decodeURIComponent(location.pathname.split('/').pop());
  const encoded = encodeURIComponent(name);
  const calm = matchMedia('(prefers-reduced-motion: reduce)');
  let [viewer, comparison, slide, recorder] = [null, null, null, null];

  const say = text => { byId('message').textContent = text; };
  const round = (value, digits) => Number(value.toFixed(digits));
  const bytes = n => {
    const power = Math.min(4, Math.max(0, Math.floor(Math.log10(n) / 3)));
    return `${Number((n / 1000 ** power).toPrecision(3))} ${['bytes', 'kB', 'MB', 'GB', 'TB'][power]}`;
  };

  // Tiles without overlap show seams, so OpenSeadragon enlarges each tile by one pixel, which blurs it. Here each edge lies on
  // a pixel of the screen instead: no seams, and at full resolution every pixel is the slide's own. That moves pixels by up to a
  // half. The preview of a tour must not: with `exact`, tiles lie where they belong, over themselves slightly enlarged, which fills
  // the seams, and are reduced as smoothly as in a video.
  class SharpDrawer extends OpenSeadragon.CanvasDrawer {
    minimumOverlapRequired() { return false; }

    _drawTiles(image) {
      this.context.imageSmoothingQuality = this.exact ? 'medium' : 'low';
      for (this.margin of this.exact ? [0.5, 0] : [null]) super._drawTiles(image);
    }

    _drawTile(tile, ...rest) {
      const { position, size } = tile;
      const ratio = OpenSeadragon.pixelDensityRatio;
      // Neighbours compute the same edge by different sums. The offset exceeds the rounding error, so that both round alike.
      const snap = point => new OpenSeadragon.Point(
        Math.round(point.x * ratio + 1e-6) / ratio, Math.round(point.y * ratio + 1e-6) / ratio);
      const margin = new OpenSeadragon.Point(this.margin, this.margin).divide(ratio);
      tile.position = this.exact ? position.minus(margin) : snap(position);
      tile.size = this.exact ? size.plus(margin.times(2)) : snap(position.plus(size)).minus(tile.position);
      super._drawTile(tile, ...rest);
      Object.assign(tile, { position, size });
    }
  }

  // The same options for both sides, which must be drawn alike. Canvases need no graphics hardware and their pixels can be
  // read.
  function open(element, tiles, more) {
    return OpenSeadragon({
      element,
      drawer: SharpDrawer,
      tileSources: new OpenSeadragon.DziTileSource({
        width: slide.width, height: slide.height, tileSize: slide.tile_size, tileOverlap: 0,
        tilesUrl: `/${tiles}/${encoded}_files/`, fileFormat: slide.format, queryParams: signed(`?v=${slide.version}${slide.view && `&${slide.view}`}`),
      }),
      showNavigationControl: false,
      keyboardNavEnabled: false,
      animationTime: calm.matches ? 0 : 0.5,
      visibilityRatio: 0.4,
      minZoomImageRatio: 0.6,
      maxZoomPixelRatio: 8,
      smoothTileEdgesMinZoom: Infinity,
      // A busy server answers 503 with "Retry-After: 1".
      tileRetryMax: 3,
      tileRetryDelay: 1200,
      imageLoaderLimit: 8,
      ...more,
    });
  }

  // --- Description -------------------------------------------------------------------------------------------------

  function describe() {
    document.title = `${name} · ORIGAMI`;
    byId('name').textContent = name;
    byId('name').title = name;
    for (const id of ['compare', 'difference']) byId(id).hidden = !slide.has_original;
    const [summary, text] = kind();
    const said = [text, slide.warning].filter(Boolean).join(' ');
    byId('note').hidden = !summary;
    byId('note').querySelector('summary').textContent = summary;
    byId('note').querySelector('p').textContent = said;
    planes.describe(slide);
  }

  // In a word and in a sentence: what the tiles are.
  function kind() {
    if (!slide.encoded) {
      return ['not encoded', 'The tiles are made of the pixels of the scanned file as they are asked for. '
        + 'origami encode makes a bundle of it, which is smaller than a tree of tiles and served faster.'];
    }
    const [stored, raw] = [slide.stored_bytes, slide.represented_bytes];
    const ratio = stored && raw ? Number((stored / raw).toPrecision(2)) : null;
    const size = ratio ? ` Stored are ${bytes(stored)}; the pixels of all levels as raw 8-bit RGB would be ${bytes(raw)}.`
      + ` The ratio is ${ratio}.` : '';
    const share = ratio ? ` · ${ratio} of raw` : '';
    if (slide.lossless) {
      return [`lossless${share}`, `The tiles of the full resolution are those of the source, byte for byte.${size}`];
    }
    if (!slide.lossy) return slide.warning ? ['original tiles', ''] : ['', ''];
    return [`reconstructed, lossy${share}`,
      'The two finest levels are predicted from the third and corrected by a coded residual: '
      + `close to the original, not equal to it.${size}`];
  }

  // Micrometres per CSS pixel, horizontally on the screen; the pixels of a slide need not be square.
  function micronsPerCssPixel(zoom) {
    if (!slide.microns_per_pixel) return null;
    const angle = viewer.viewport.getRotation(true) * Math.PI / 180;
    const [x, y] = slide.microns_per_pixel;
    return Math.hypot(x * Math.cos(angle), y * Math.sin(angle)) / zoom;
  }

  function measure() {
    const zoom = viewer.viewport.viewportToImageZoom(viewer.viewport.getZoom(true));
    const objective = slide.objective_power;
    const shown = Number((zoom * (objective || 100)).toPrecision(zoom < 0.1 ? 2 : 3));
    byId('power').textContent = objective ? `${shown}×` : `${shown} %`;
    byId('power').setAttribute('aria-label', `Magnification ${byId('power').textContent}; show full resolution`);
    const microns = micronsPerCssPixel(zoom);
    byId('scale').hidden = !microns;
    if (!microns) return;
    // The longest of 1, 2, 5, 10, ... that fits.
    const most = microns * Math.min(140, innerWidth / 4);
    const ten = 10 ** Math.floor(Math.log10(most));
    const length = [5, 2, 1].find(step => step * ten <= most) * ten;
    byId('bar').style.width = `${length / microns}px`;
    const [value, unit] =
      length >= 1000 ? [length / 1000, 'mm'] : length >= 1 ? [length, 'µm'] : [length * 1000, 'nm'];
    byId('length').textContent = `${round(value, 3)} ${unit}`;
  }

  // --- The view in the URL ---------------------------------------------------------------------------------------------------

  // Centre in pixels of L0, CSS pixels per pixel of L0, and degrees: the same view on every screen.
  function remember() {
    clearTimeout(remember.timer);
    remember.timer = setTimeout(() => {
      const view = viewer.viewport;
      const centre = view.viewportToImageCoordinates(view.getCenter());
      const zoom = view.viewportToImageZoom(view.getZoom());
      const parts = { x: round(centre.x, 1), y: round(centre.y, 1), z: Number(zoom.toPrecision(5)) };
      const turned = ((view.getRotation() % 360) + 360) % 360;
      if (turned) parts.r = turned;
      if (comparison.mode !== 'one') parts.m = comparison.mode;
      if (comparison.mode === 'compare') parts.s = round(comparison.split, 3);
      history.replaceState(null, '', `#${new URLSearchParams(parts)}`);
    }, 200);
  }

  function recall() {
    const given = new URLSearchParams(location.hash.slice(1));
    const number = key => (given.has(key) && Number.isFinite(Number(given.get(key))) ? Number(given.get(key)) : null);
    const view = viewer.viewport;
    const [x, y, zoom] = ['x', 'y', 'z'].map(number);
    view.setRotation(number('r') ?? 0, true);
    if (zoom > 0) view.zoomTo(view.imageToViewportZoom(zoom), null, true);
    if (x !== null && y !== null) view.panTo(view.imageToViewportCoordinates(x, y), true);
    view.applyConstraints(true);
    if (number('s') !== null) comparison.place(number('s'));
    const mode = given.get('m');
    comparison.set(slide.has_original && ['compare', 'difference'].includes(mode) ? mode : 'one');
  }

  // --- Actions ----------------------------------------------------------------------------------------------

  const zoomBy = factor => { viewer.viewport.zoomBy(factor); viewer.viewport.applyConstraints(); };
  const turnBy = degrees => viewer.viewport.setRotation(viewer.viewport.getRotation() + degrees);
  const toggle = mode => slide.has_original && comparison.set(comparison.mode === mode ? 'one' : mode);
  // Pans by a fifth of the view, in the direction of the arrow on the screen whatever the rotation.
  const move = (right, down) => {
    const view = viewer.viewport;
    const size = view.getContainerSize();
    view.panBy(view.deltaPointsFromPixels(new OpenSeadragon.Point(right * size.x / 5, down * size.y / 5)));
    view.applyConstraints();
  };
  const fullScreen = () => {
    const done = document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen();
    // A browser may refuse.
    done.catch(() => {});
  };
  const actions = {
    in: () => zoomBy(1.6),
    out: () => zoomBy(1 / 1.6),
    home: () => { viewer.viewport.setRotation(0); viewer.viewport.goHome(); },
    power: () => {
      viewer.viewport.zoomTo(viewer.viewport.imageToViewportZoom(1));
      viewer.viewport.applyConstraints();
    },
    turn: () => turnBy(90),
    back: () => turnBy(-90),
    compare: () => toggle('compare'),
    difference: () => toggle('difference'),
    full: fullScreen,
    record: () => recorder.toggle(),
    keyframe: () => recorder.open && recorder.add(),
    help: () => byId('keys').showModal(),
    left: () => move(-1, 0), right: () => move(1, 0), up: () => move(0, -1), down: () => move(0, 1),
  };
  const keys = {
    '+': 'in', '=': 'in', '-': 'out', _: 'out', 0: 'home', 1: 'power', r: 'turn', R: 'back', f: 'full', c: 'compare',
    d: 'difference', t: 'record', k: 'keyframe', '?': 'help', ArrowLeft: 'left', ArrowRight: 'right', ArrowUp: 'up', ArrowDown: 'down',
  };

  function listen() {
    for (const id of ['in', 'out', 'home', 'power', 'turn', 'compare', 'difference', 'record', 'full', 'help']) {
      byId(id).addEventListener('click', actions[id]);
    }
    byId('full').hidden = !document.fullscreenEnabled;
    document.addEventListener('fullscreenchange', () =>
      byId('full').setAttribute('aria-pressed', String(Boolean(document.fullscreenElement))));
    document.addEventListener('keydown', event => {
      const typing = event.target.closest('input, select, textarea, video, dialog');
      if (typing || event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
      if (keys[event.key] === 'full' && byId('full').hidden) return;
      event.preventDefault();
      actions[keys[event.key]]();
    });
    // A click elsewhere closes an open note.
    document.addEventListener('pointerdown', event => {
      for (const id of ['note', 'planes']) if (!byId(id).contains(event.target)) byId(id).open = false;
    });
    addEventListener('hashchange', recall);
    for (const event of ['update-viewport', 'open', 'resize']) viewer.addHandler(event, measure);
    for (const event of ['animation-finish', 'rotate', 'pan', 'zoom']) viewer.addHandler(event, remember);
    viewer.addHandler('tile-load-failed', () => say('Some tiles could not be loaded. Reload the page to try again.'));
  }

  // Resolves when everything in view is loaded at full quality and nothing moves.
  async function settled() {
    const pause = ms => new Promise(done => setTimeout(done, ms));
    // Checked twice in a row, because a change begins with the next frame.
    for (let calmFor = 0; calmFor < 2;) {
      await pause(60);
      calmFor = comparison && comparison.settled() ? calmFor + 1 : 0;
    }
  }

  async function begin() {
    document.querySelector('a.back').href = signed('/');
    const answer = await fetch(signed(`/api/slides/${encoded}${planes.asked && `?${planes.asked}`}`));
    if (answer.status === 404) throw new Error('there is no such slide');
    if (!answer.ok) throw new Error((await answer.json()).error);
    slide = await answer.json();
    describe();
    for (const id of ['tools', 'corner', 'navigator']) byId(id).hidden = false;
    // As large as its corner allows, with the slide's aspect ratio.
    const corner = Math.min(170, Math.max(90, innerWidth / 6)) / Math.max(slide.width, slide.height);
    byId('navigator').style.width = `${Math.max(24, slide.width * corner)}px`;
    byId('navigator').style.height = `${Math.max(24, slide.height * corner)}px`;
    viewer = open(byId('main'), 'dzi', {
      showNavigator: true, navigatorId: 'navigator', navigatorAutoFade: false, navigatorOpacity: 1,
      navigatorDisplayRegionColor: '#d6336c',
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
    });
    comparison = origami.comparison(
      viewer,
      // The second viewer has no limits of its own, so that it can follow the first everywhere.
      element => open(element, 'original', {
        visibilityRatio: 0, minZoomLevel: 1e-6, maxZoomLevel: 1e6, mouseNavEnabled: false, animationTime: 0,
      }),
      remember);
    await new Promise((done, fail) => {
      viewer.addHandler('open', done);
      viewer.addHandler('open-failed', event => fail(new Error(event.message)));
    });
    recorder = origami.recorder(viewer, slide, name, open => {
      byId('record').setAttribute('aria-pressed', String(open));
      viewer.drawer.exact = open;
      viewer.forceRedraw();
    });
    Object.assign(origami, { viewer, settled, comparing: comparison, recording: recorder });
    listen();
    recall();
    measure();
    say('');
    await settled();
    document.documentElement.dataset.ready = 'yes';
  }

  origami.ready = begin().catch(error => {
    byId('name').textContent = name;
    say(`This slide cannot be shown: ${error.message}`);
    throw error;
  });
  // The error is shown already, so it needs no other handler.
  origami.ready.catch(() => {});
})();
