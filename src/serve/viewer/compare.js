// Compares reconstruction and original: a second OpenSeadragon viewer follows the first and is clipped at a slider, or a map
// shows the difference of the two canvases. Both sides have the same geometry, so both canvases hold the same pixels of the
// slide at the same scale.
'use strict';
(() => {
  const byId = id => document.getElementById(id);

  // The colour map "magma", which is perceptually uniform. Black is no difference.
  const STOPS = ['000004', '1c1044', '4f127b', '812581', 'b5367a', 'e55064', 'fb8861', 'fec287', 'fcfdbf']
    .map(hex => [0, 2, 4].map(at => parseInt(hex.slice(at, at + 2), 16)));

  // The colour of each level from 0 to 255, as a 32-bit word of RGBA in memory order.
  const RAMP = Uint32Array.from({ length: 256 }, (_, level) => {
    const place = level / 255 * (STOPS.length - 1);
    const low = Math.min(Math.floor(place), STOPS.length - 2);
    const rgb = STOPS[low].map((from, i) => Math.round(from + (STOPS[low + 1][i] - from) * (place - low)));
    return new Uint32Array(Uint8Array.of(...rgb, 255).buffer)[0];
  });

  const scratch = document.createElement('canvas');
  function pixels(canvas) {
    if (scratch.width !== canvas.width || scratch.height !== canvas.height) {
      [scratch.width, scratch.height] = [canvas.width, canvas.height];
    }
    const context = scratch.getContext('2d', { willReadFrequently: true });
    context.clearRect(0, 0, scratch.width, scratch.height);
    context.drawImage(canvas, 0, 0);
    return context.getImageData(0, 0, scratch.width, scratch.height).data;
  }

  // Draws the largest difference of a channel at each pixel that is opaque on both sides into the canvas `out`, if given.
  // A difference of `span` levels or more is the end of the ramp. Returns a histogram of the differences.
  function difference(a, b, span, out) {
    if (a.width !== b.width || a.height !== b.height) throw new Error(phrase`two sizes cannot be compared`);
    const [p, q] = [pixels(a), pixels(b)];
    const counts = new Uint32Array(256);
    const map = new ImageData(a.width, a.height);
    const words = new Uint32Array(map.data.buffer);
    const colour = RAMP.map((_, level) => RAMP[Math.min(255, Math.round(level * 255 / span))]);
    for (let i = 0; i < p.length; i += 4) {
      if (p[i + 3] !== 255 || q[i + 3] !== 255) continue;
      const level =
        Math.max(Math.abs(p[i] - q[i]), Math.abs(p[i + 1] - q[i + 1]), Math.abs(p[i + 2] - q[i + 2]));
      counts[level]++;
      words[i >> 2] = colour[level];
    }
    if (out) {
      [out.width, out.height] = [a.width, a.height];
      out.getContext('2d').putImageData(map, 0, 0);
    }
    return counts;
  }

  // Mean, 99th percentile and maximum of a histogram of `difference`; null without pixels.
  function figures(counts) {
    const pixels = counts.reduce((sum, n) => sum + n, 0);
    if (!pixels) return null;
    const mean = counts.reduce((sum, n, level) => sum + n * level, 0) / pixels;
    let [p99, seen] = [0, counts[0]];
    while (seen < pixels * 0.99) seen += counts[++p99];
    return { pixels, mean, p99, max: counts.findLastIndex(n => n > 0) };
  }

  // `viewer` shows the reconstruction of the slide, `open(element)` creates a viewer of the original, and `changed` is called for each new
  // mode or position of the slider.
  function comparison(viewer, slide, open, changed) {
    const [other, heat, divider, legend] = ['other', 'heat', 'divider', 'legend'].map(byId);
    let [second, mode, split, span, drawn, timer] = [null, 'one', 0.5, 32, false, 0];
    // Figures of the difference that is shown, with their names.
    let said = [];

    const ramp = byId('ramp').getContext('2d');
    ramp.putImageData(new ImageData(new Uint8ClampedArray(RAMP.buffer), 256, 1), 0, 0);

    function follow() {
      if (!second || mode === 'one') return;
      const [from, to] = [viewer.viewport, second.viewport];
      to.zoomTo(from.getZoom(true), undefined, true);
      to.panTo(from.getCenter(true), true);
      to.setRotation(from.getRotation(true), true);
      to.setFlip(from.getFlip());
      later();
    }

    function settled() {
      if (!origami.isWhole(viewer)) return false;
      if (mode === 'one') return true;
      return Boolean(second) && origami.isWhole(second) && (mode !== 'difference' || drawn);
    }

    // The map needs a still and complete picture, so it is hidden as soon as something moves.
    function stale() {
      drawn = false;
      heat.hidden = true;
      tell([]);
    }
    function tell(rows) {
      said = rows;
      byId('figures').replaceChildren(...rows.flatMap(([name, text]) => {
        const [term, value] = ['dt', 'dd'].map(tag => document.createElement(tag));
        [term.textContent, value.textContent] = [name, text];
        return [term, value];
      }));
    }

    // The part of the slide in view, and how many of its pixels a pixel of the screen is.
    function where() {
      const view = viewer.viewport;
      const { x, y, width, height } = view.viewportToImageRectangle(view.getBounds(true).getBoundingBox());
      const range = (from, length, most) => [from, from + length]
        .map(end => phrase.number(Math.round(Math.min(most, Math.max(0, end)))));
      const zoom = view.viewportToImageZoom(view.getZoom(true)) * devicePixelRatio;
      const ratio = phrase.figure(Number((zoom >= 1 ? zoom : 1 / zoom).toPrecision(3)));
      const each = zoom >= 1 ? phrase`1 pixel of the slide is ${ratio} of the screen` : phrase`1 pixel of the screen is ${ratio} of the slide`;
      const [[left, right], [top, bottom]] = [range(x, width, slide.width), range(y, height, slide.height)];
      return [[phrase`Where`, phrase`x ${left} to ${right}, y ${top} to ${bottom} px`],
        [phrase`Zoom`, `${byId('power').textContent}, ${each}`]];
    }
    function later() {
      if (mode !== 'difference') return;
      stale();
      clearTimeout(timer);
      timer = setTimeout(draw, 80);
    }
    function draw() {
      if (mode !== 'difference' || drawn) return;
      drawn = true;
      const [a, b] = [viewer.drawer.canvas, second.drawer.canvas];
      if (!settled() || a.width !== b.width || a.height !== b.height) {
        drawn = false;
        timer = setTimeout(draw, 80);
        return;
      }
      const found = figures(difference(a, b, span, heat));
      heat.hidden = false;
      tell(found ? [[phrase`Mean`, phrase.fixed(found.mean, 1)], [phrase`99 % of pixels`, phrase`${found.p99} or less`], [phrase`Largest`, String(found.max)], ...where()]
        : [[phrase`Where`, phrase`nothing of the slide is in view`]]);
    }

    function place(at) {
      split = Math.min(1, Math.max(0, at));
      divider.style.left = `${split * 100}%`;
      divider.setAttribute('aria-valuenow', Math.round(split * 100));
      other.style.clipPath = `inset(0 ${(1 - split) * 100}% 0 0)`;
    }

    function start() {
      if (second) return;
      second = open(other);
      second.addHandler('open', follow);
      second.addHandler('resize', follow);
      second.addHandler('update-viewport', later);
      viewer.addHandler('update-viewport', follow);
    }

    function set(wanted) {
      mode = wanted;
      // Invisible rather than removed, since OpenSeadragon measures its element.
      other.hidden = !second && mode === 'one';
      other.style.visibility = mode === 'compare' ? '' : 'hidden';
      divider.hidden = mode !== 'compare';
      legend.hidden = mode !== 'difference';
      for (const each of ['compare', 'difference']) byId(each).setAttribute('aria-pressed', String(mode === each));
      clearTimeout(timer);
      stale();
      if (mode !== 'one') {
        start();
        if (second.viewport && second.world.getItemCount()) follow();
      }
      changed();
    }

    divider.addEventListener('pointerdown', event => {
      divider.setPointerCapture(event.pointerId);
      event.preventDefault();
      divider.focus({ preventScroll: true });
    });
    divider.addEventListener('pointermove', event => {
      if (!divider.hasPointerCapture(event.pointerId)) return;
      const box = byId('stage').getBoundingClientRect();
      place((event.clientX - box.left) / box.width);
    });
    divider.addEventListener('pointerup', () => changed());
    divider.addEventListener('keydown', event => {
      const to = { ArrowLeft: split - 0.02, ArrowRight: split + 0.02, Home: 0, End: 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      place(to);
      changed();
    });
    // One of the spans that can be chosen.
    function spread(text) {
      if (![...byId('span').options].some(option => option.value === text)) return;
      byId('span').value = text;
      span = Number(text);
      later();
    }

    byId('span').value = String(span);
    byId('span').addEventListener('change', event => { spread(event.target.value); changed(); });
    place(split);
    return {
      set, place, spread, settled,
      get mode() { return mode; },
      get split() { return split; },
      get span() { return span; },
      get second() { return second; },
      get said() { return said; },
    };
  }

  Object.assign(origami, { comparison, difference, figures });
})();
