// Loads tiles for OpenSeadragon, for all viewers of a page in one queue: the preview of the whole slide first, then what is nearest to
// the centre. What leaves the view is cancelled. A damaged tile is shown as one, with the reason. While the server does not answer,
// the queue waits, and goes on when it is back.
'use strict';
origami.tiles = (() => {
  // Browsers open six connections to a server. Two more requests wait in the browser, so that no connection is ever idle; more of them would
  // wait there in the wrong order.
  const AT_ONCE = 8;
  // Answers that begin together share a slow link and end together, and then it rests until the next requests have come to the server. So
  // after a pause requests go out this far apart, until the first of them is answered.
  const APART_MS = 20;
  const PATIENCE_MS = 60_000;
  // Answers that do not arrive whole although the server is there.
  const MOST_LOSSES = 3;
  // Requests to come again that are not worth a word.
  const MOST_DELAYS = 3;
  // Levels between a tile and the coarser one that stands for it until it is there: 64 tiles are blurred by one.
  const BLUR_LEVELS = 3;
  // Levels by which that one must be finer than the preview of the whole slide, which is there already, to be worth a request.
  const FINER_LEVELS = 2;
  const waiting = new Set();
  const loading = new Set();
  // The tiles that each viewer wanted in its last update, and its finest level then.
  const views = new Map();
  const damaged = new Map();
  // `busy` is what the server says when it asks to come again, once it has said so several times of a tile.
  const state = {
    gone: false, refused: null,
    get busy() { return [...waiting].find(entry => entry.delays >= MOST_DELAYS)?.reason ?? null; },
  };
  let tell = () => {};
  // Whether a request has been answered since there was a pause, and when the next one may go out.
  let [answered, open, timer] = [false, 0, 0];
  const pause = ms => new Promise(done => setTimeout(done, ms));

  // --- The order ----------------------------------------------------------------------------------------------------

  const isPreview = tile => tile.level <= tile.tiledImage.source.minLevel;

  function before(one, other) {
    const [a, b] = [one.job.tile, other.job.tile];
    if (isPreview(a) !== isPreview(b)) return isPreview(a);
    // A few coarse tiles blur the whole view before the fine ones sharpen it.
    if (a.tiledImage === b.tiledImage && a.level !== b.level) return a.level < b.level;
    return a.squaredDistance < b.squaredDistance;
  }

  function next() {
    if (state.gone || state.refused) return;
    while (loading.size < AT_ONCE && waiting.size) {
      const now = performance.now();
      if (now < open) {
        clearTimeout(timer);
        timer = setTimeout(next, open - now);
        return;
      }
      let best = null;
      for (const entry of waiting) if (entry.from <= now && (!best || before(entry, best))) best = entry;
      if (!best) return;
      answered &&= loading.size > 0;
      open = answered ? 0 : now + APART_MS;
      load(best);
    }
  }

  // --- One tile -----------------------------------------------------------------------------------------------------

  async function load(entry) {
    waiting.delete(entry);
    loading.add(entry);
    entry.stop = new AbortController();
    try {
      const signal = AbortSignal.any([entry.stop.signal, AbortSignal.timeout(PATIENCE_MS)]);
      const answer = await fetch(entry.job.src, { signal });
      [answered, open] = [true, 0];
      next();
      if (answer.ok) arrived(entry, await answer.blob());
      else failed(entry, answer.status, answer.headers.get('Retry-After'), await reasonOf(answer));
    } catch {
      if (!entry.stop.signal.aborted) lost(entry);
    }
    loading.delete(entry);
    next();
  }

  const reasonOf = answer => answer.json().then(said => said.error, () => answer.statusText);

  async function arrived(entry, blob) {
    try {
      const picture = await createImageBitmap(blob);
      const context = canvas(picture.width, picture.height);
      context.drawImage(picture, 0, 0);
      picture.close();
      finish(entry, context);
      if (state.busy) tell();
    } catch {
      damage(entry, phrase`what the server sent is no picture`);
    }
  }

  function finish(entry, context) {
    if (!entry.stop.signal.aborted) entry.job.finish(context, null, 'context2d');
  }

  function failed(entry, status, after, reason) {
    if (status === 502 || status === 504) lost(entry);
    else if (status === 503) later(entry, (Number(after) || 1) * 1000, reason);
    else if (status === 401 || status === 403) refuse(entry, reason, status === 401);
    else damage(entry, status === 404 ? phrase`there is no such tile` : reason);
  }

  function later(entry, ms, reason) {
    Object.assign(entry, { from: performance.now() + ms, delays: entry.delays + 1, reason });
    waiting.add(entry);
    tell();
    setTimeout(next, ms + 1);
  }

  function refuse(entry, reason, ended) {
    waiting.add(entry);
    Object.assign(state, { refused: reason, ended });
    tell();
  }

  function lost(entry) {
    entry.losses += 1;
    if (entry.losses > MOST_LOSSES) damage(entry, phrase`it does not arrive whole`);
    else {
      waiting.add(entry);
      back();
    }
  }

  function damage(entry, reason) {
    if (entry.stop.signal.aborted) return;
    damaged.set(entry.job.src, reason);
    finish(entry, broken(entry.job.tile, reason));
    tell();
  }

  // --- Pictures -----------------------------------------------------------------------------------------------------

  function canvas(width, height) {
    const element = Object.assign(document.createElement('canvas'), { width, height });
    return element.getContext('2d', { willReadFrequently: true });
  }

  // What stands for a damaged tile: stripes that no tissue has, and the reason.
  function broken(tile, reason) {
    const [width, height] = ['width', 'height'].map(side => Math.max(1, Math.round(tile.sourceBounds[side])));
    const context = canvas(width, height);
    context.fillStyle = '#d4d4d8';
    context.fillRect(0, 0, width, height);
    context.strokeStyle = '#a1a1aa';
    context.lineWidth = 8;
    context.beginPath();
    for (let x = -height; x < width; x += 32) {
      context.moveTo(x, height);
      context.lineTo(x + height, 0);
    }
    context.stroke();
    context.strokeStyle = context.fillStyle = '#7f1d1d';
    context.lineWidth = 2;
    context.strokeRect(1, 1, width - 2, height - 2);
    write(context, [phrase`Damaged:`, ...reason.split(' ')], width, height);
    return context;
  }

  function write(context, words, width, height) {
    const size = Math.min(14, width / 12);
    if (size < 5) return;
    context.font = `600 ${size}px sans-serif`;
    const lines = [''];
    for (const word of words) {
      const longer = `${lines.at(-1)} ${word}`.trim();
      if (context.measureText(longer).width > width - 3 * size) lines.push(word);
      else lines[lines.length - 1] = longer;
    }
    const [top, room] = [size, (lines.length + 1) * size * 1.25];
    context.save();
    context.fillStyle = '#fffc';
    context.fillRect(size * 0.6, top * 0.6, width - size * 1.2, Math.min(height - size, room));
    context.restore();
    lines.forEach((line, at) => context.fillText(line, size * 1.2, top + (at + 1) * size * 1.25));
  }

  // --- The server ---------------------------------------------------------------------------------------------------

  // Waits until the server answers again. One watch for the whole page.
  let watch = null;
  function back() {
    watch ??= (async () => {
      for (let wait = 250; ; wait = Math.min(wait * 2, 4000)) {
        const answer = await fetch('/healthz', { cache: 'no-store', signal: AbortSignal.timeout(5000) }).catch(() => null);
        if (answer?.ok) break;
        state.gone = true;
        tell();
        await Promise.race([pause(wait), new Promise(done => addEventListener('online', done, { once: true }))]);
      }
      state.gone = false;
      watch = null;
      tell();
      next();
    })();
    return watch;
  }

  // --- OpenSeadragon ------------------------------------------------------------------------------------------------

  function cancel(entry) {
    waiting.delete(entry);
    entry.stop?.abort();
    const { job } = entry;
    // OpenSeadragon takes a failure for a tile that does not exist. So it is told nothing, and asks again when it needs the tile.
    clearTimeout(job.jobId);
    job.jobId = null;
    job.tile.loading = false;
  }

  function start(job) {
    const view = views.get(job.tile.tiledImage.viewer);
    const entry = { job, from: 0, losses: 0, delays: 0, stop: null };
    const { level, tiledImage: { source } } = job.tile;
    const blurs = level === view?.finest - BLUR_LEVELS && level >= source.minLevel + FINER_LEVELS;
    const useful = !view || level === view.finest || isPreview(job.tile) || blurs;
    if (!useful) cancel(entry);
    else {
      waiting.add(entry);
      queueMicrotask(next);
    }
  }

  class Source extends OpenSeadragon.DziTileSource {
    constructor(options) {
      super(options);
      // The finest level that is one tile; OpenSeadragon needs no coarser one.
      this.minLevel = this.getClosestLevel();
    }
    downloadTileStart(job) { start(job); }
    downloadTileAbort(job) { for (const entry of [...waiting, ...loading]) if (entry.job === job) cancel(entry); }
  }

  // Cancels what a viewer no longer needs, after each of its updates.
  function follow(viewer) {
    const view = { wanted: new Set(), finest: 0, done: true };
    views.set(viewer, view);
    viewer.addHandler('update-tile', ({ tile }) => {
      if (view.done) Object.assign(view, { wanted: new Set(), finest: 0, done: false });
      view.wanted.add(tile);
      view.finest = Math.max(view.finest, tile.level);
    });
    viewer.addHandler('update-viewport', () => {
      view.done = true;
      for (const entry of [...waiting, ...loading]) {
        const { tile } = entry.job;
        if (tile.tiledImage.viewer === viewer && !view.wanted.has(tile)) cancel(entry);
      }
      next();
    });
  }

  // Loads everything again that is shown.
  function again(...viewers) {
    damaged.clear();
    state.refused = null;
    tell();
    for (const viewer of viewers) viewer.world.resetItems();
    next();
  }

  return {
    Source, follow, again, back, state, damaged,
    get waiting() { return waiting.size + loading.size; },
    set tell(told) { tell = told; },
  };
})();
