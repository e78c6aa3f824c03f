// Two pictures on one canvas: side by side, at a slider, or their difference, all with the same centre and zoom. Enlarged
// pixels are not interpolated and colour profiles are ignored: the decoded pixels are compared.
//
// Knows no runs.
'use strict';
(() => {
  // Most pixels of a difference, which is computed for the whole picture and takes much memory.
  const MAX_PIXELS = 64e6;
  const STRIP = 256;

  // Decoded pictures by URL: the last few, for switching back and forth, and fewer if they are large.
  const kept = new Map();
  const [MAX_KEPT, MAX_KEPT_PIXELS] = [8, 128e6];
  function forget() {
    const pixels = () => [...kept.values()].reduce((sum, one) => sum + (one.pixels ?? 0), 0);
    while (kept.size > 2 && (kept.size > MAX_KEPT || pixels() > MAX_KEPT_PIXELS)) kept.delete(kept.keys().next().value);
  }
  async function picture(address) {
    if (!kept.has(address)) {
      const coming = fetch(address).then(async answer => {
        if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error ?? `the server answers ${answer.status}`);
        const made = await createImageBitmap(await answer.blob(), { colorSpaceConversion: 'none', premultiplyAlpha: 'none' });
        coming.pixels = made.width * made.height;
        forget();
        return made;
      });
      kept.set(address, coming);
      coming.catch(() => kept.delete(address));
    }
    // The last used picture is the last to be evicted.
    const one = kept.get(address);
    kept.delete(address);
    kept.set(address, one);
    return one;
  }

  // |a - b| of each channel times `gain`, over the area of both; and statistics of the largest of a pixel's three differences.
  // Null as soon as `wanted()` is false.
  async function difference(a, b, gain, wanted) {
    const [width, height] = [Math.min(a.width, b.width), Math.min(a.height, b.height)];
    if (width * height > MAX_PIXELS) throw new Error(`more than ${MAX_PIXELS / 1e6} megapixels: too large for the difference`);
    const out = new OffscreenCanvas(width, height);
    const target = out.getContext('2d');
    const scratch = new OffscreenCanvas(width, Math.min(STRIP, height)).getContext('2d', { willReadFrequently: true });
    const counts = new Float64Array(256);
    let squares = 0;
    for (let y = 0; y < height; y += STRIP) {
      const rows = Math.min(STRIP, height - y);
      const [p, q] = [a, b].map(each => {
        scratch.clearRect(0, 0, width, STRIP);
        scratch.drawImage(each, 0, -y);
        return scratch.getImageData(0, 0, width, rows);
      });
      for (let i = 0; i < p.data.length; i += 4) {
        let most = 0;
        for (let c = i; c < i + 3; c++) {
          const level = Math.abs(p.data[c] - q.data[c]);
          if (level > most) most = level;
          squares += level * level;
          p.data[c] = level * gain;
        }
        p.data[i + 3] = 255;
        counts[most]++;
      }
      target.putImageData(p, 0, y);
      // Large pictures must not freeze the page, and the work stops if its result is no longer wanted.
      if (y % (8 * STRIP) === 0) await new Promise(done => setTimeout(done));
      if (!wanted()) return null;
    }
    return { picture: out, ...figures(counts, squares / (3 * width * height)) };
  }

  function figures(counts, mse) {
    const pixels = counts.reduce((sum, n) => sum + n, 0);
    const mean = counts.reduce((sum, n, level) => sum + n * level, 0) / pixels;
    let [p99, seen] = [0, counts[0]];
    while (seen < pixels * 0.99) seen += counts[++p99];
    return { pixels, mean, p99, max: counts.findLastIndex(n => n > 0), psnr: mse ? 10 * Math.log10(255 * 255 / mse) : Infinity };
  }

  // Draws on `canvas`, which fills `stage`. `moved` is called for each new view.
  function sides(stage, canvas, moved) {
    const context = canvas.getContext('2d');
    let [a, b, heat, mode, split, due] = [null, null, null, 'sides', 0.5, false];
    // Centre in pixels of the picture, and screen pixels (not CSS pixels) per pixel of the picture; null for the whole picture.
    let view = null;

    const ratio = () => devicePixelRatio || 1;
    const size = () => {
      const all = [a, b].filter(Boolean);
      return [Math.max(1, ...all.map(one => one.width)), Math.max(1, ...all.map(one => one.height))];
    };

    // Areas of the pictures in pixels of the canvas: side by side, or stacked on a tall screen.
    function panes() {
      const [w, h] = [canvas.width, canvas.height];
      if (mode !== 'sides') return [{ x: 0, y: 0, w, h }];
      const gap = Math.round(2 * ratio());
      if (h > w) {
        const half = Math.floor((h - gap) / 2);
        return [{ x: 0, y: 0, w, h: half }, { x: 0, y: h - half, w, h: half }];
      }
      const half = Math.floor((w - gap) / 2);
      return [{ x: 0, y: 0, w: half, h }, { x: w - half, y: 0, w: half, h }];
    }
    function whole() {
      const [pane, [w, h]] = [panes()[0], size()];
      return { x: w / 2, y: h / 2, scale: Math.min(pane.w / w, pane.h / h) };
    }
    const now = () => view ?? whole();

    // Position of the picture's corner in a pane, on a whole pixel so that 1:1 is exact.
    function corner(pane, { x, y, scale }) {
      return [Math.round(pane.x + pane.w / 2 - x * scale), Math.round(pane.y + pane.h / 2 - y * scale)];
    }
    function put(image, pane, clip) {
      if (!image) return;
      const at = now();
      const [left, top] = corner(pane, at);
      context.save();
      context.beginPath();
      context.rect(clip.x, clip.y, clip.w, clip.h);
      context.clip();
      context.imageSmoothingEnabled = at.scale < 1;
      context.imageSmoothingQuality = 'high';
      // Draws only the visible part: at high zoom the whole would exceed any canvas.
      const from = (edge, start, most) => Math.min(most, Math.max(0, Math.floor((edge - start) / at.scale)));
      const [x, y] = [from(clip.x, left, image.width), from(clip.y, top, image.height)];
      const [w, h] = [from(clip.x + clip.w, left, image.width - 1) + 1 - x, from(clip.y + clip.h, top, image.height - 1) + 1 - y];
      if (w > 0 && h > 0) context.drawImage(image, x, y, w, h, left + x * at.scale, top + y * at.scale, w * at.scale, h * at.scale);
      context.restore();
    }

    function draw() {
      due = false;
      const [w, h] = [Math.round(stage.clientWidth * ratio()), Math.round(stage.clientHeight * ratio())];
      if (!w || !h) return;
      if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
      context.clearRect(0, 0, w, h);
      const [one, other] = panes();
      if (mode === 'sides') {
        put(a, one, one);
        put(b, other, other);
      } else if (mode === 'split') {
        const at = Math.round(split * w);
        put(a, one, { ...one, w: at });
        put(b, one, { ...one, x: at, w: w - at });
      } else put(heat, one, one);
    }
    function later() {
      if (due) return;
      due = true;
      requestAnimationFrame(draw);
    }

    function set(next) {
      const [w, h] = size();
      view = next && {
        x: Math.min(w, Math.max(0, next.x)), y: Math.min(h, Math.max(0, next.y)),
        scale: Math.min(64 * ratio(), Math.max(Math.min(whole().scale, 1) / 2, next.scale)),
      };
      later();
      moved();
    }

    // The pane at a position on the screen, and the pixel of the picture there.
    function under(clientX, clientY) {
      const box = canvas.getBoundingClientRect();
      const [x, y] = [(clientX - box.left) * ratio(), (clientY - box.top) * ratio()];
      const all = panes();
      const pane = all.find(one => x >= one.x && y >= one.y && x < one.x + one.w && y < one.y + one.h) ?? all[0];
      const at = now();
      const [left, top] = corner(pane, at);
      return { pane, x: (x - left) / at.scale, y: (y - top) / at.scale, dx: x - pane.x - pane.w / 2, dy: y - pane.y - pane.h / 2 };
    }

    // The pixel under the pointer stays there.
    function zoom(by, clientX, clientY) {
      const at = now();
      if (clientX === undefined) return set({ ...at, scale: at.scale * by });
      const spot = under(clientX, clientY);
      set({ ...at, scale: at.scale * by });
      const { scale } = view;
      return set({ x: spot.x - spot.dx / scale, y: spot.y - spot.dy / scale, scale });
    }
    function pan(dx, dy) {
      const at = now();
      set({ ...at, x: at.x - dx * ratio() / at.scale, y: at.y - dy * ratio() / at.scale });
    }

    const probe = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
    function colour(image, x, y) {
      if (!image || x < 0 || y < 0 || x >= image.width || y >= image.height) return null;
      probe.clearRect(0, 0, 1, 1);
      probe.drawImage(image, -Math.floor(x), -Math.floor(y));
      return [...probe.getImageData(0, 0, 1, 1).data.slice(0, 3)];
    }

    new ResizeObserver(later).observe(stage);
    return {
      pictures(one, other) { [a, b, heat] = [one, other, null]; later(); },
      heat(image) { heat = image; later(); },
      mode(to) { mode = to; later(); },
      split(to) { split = to; later(); },
      view(to) { view = to && { x: to[0], y: to[1], scale: to[2] * ratio() }; later(); },
      get seen() { return view && [view.x, view.y, view.scale / ratio()]; },
      get scale() { return now().scale; },
      get idle() { return !due; },
      whole() { set(null); },
      full() { set({ ...now(), scale: 1 }); },
      colours(x, y) { return [a, b].map(image => colour(image, x, y)); },
      size, zoom, pan, under, stacked: () => mode === 'sides' && canvas.height > canvas.width,
    };
  }

  Object.assign(evals, { sides, picture, difference });
})();
