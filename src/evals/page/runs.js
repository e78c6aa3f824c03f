// Shared by the other scripts: the listed runs, names of metrics, formats of numbers, and the state of the page, which is kept
// in the URL's fragment. Scripts that drive the page use `evals.settled()`.
'use strict';
const evals = {};
(() => {
  // Metrics: label, digits after the point, whether less is better.
  const METRICS = {
    y_psnr: ['Y-PSNR, dB', 2], cb_psnr: ['Cb-PSNR, dB', 2], cr_psnr: ['Cr-PSNR, dB', 2], rgb_psnr: ['RGB-PSNR, dB', 2],
    l1_y_psnr: ['L1 Y-PSNR, dB', 2], ssim_y: ['SSIM Y', 4], ssim_rgb: ['SSIM RGB', 4], ms_ssim: ['MS-SSIM', 4],
    vif: ['VIF', 4], delta_e_2000_mean: ['ΔE 2000 mean', 2, true], delta_e_2000_p95: ['ΔE 2000 95 %', 2, true],
    ssimulacra2: ['SSIMULACRA 2', 1], butteraugli: ['Butteraugli', 2, true], lpips: ['LPIPS', 4, true],
  };
  const ORDER = Object.keys(METRICS);
  const TILES = 'tiles.';

  function metric(key) {
    const tiles = key.startsWith(TILES);
    const [label, digits, less] = METRICS[tiles ? key.slice(TILES.length) : key] ?? [key, null, false];
    return { key, tiles, label: tiles && METRICS[key.slice(TILES.length)] ? `${label}, tiles` : label, digits, less: Boolean(less) };
  }

  const collator = new Intl.Collator('en', { numeric: true });
  const compare = (a, b) => collator.compare(a, b);

  // --- Numbers -------------------------------------------------------------------------------------------------------

  function number(value, digits) {
    if (value === Infinity) return '∞';
    if (typeof value !== 'number') return '–';
    if (digits !== null && digits !== undefined) return value.toFixed(digits);
    return Number.isInteger(value) ? value.toLocaleString('en') : String(Number(value.toPrecision(5)));
  }
  function bytes(n) {
    if (typeof n !== 'number') return '–';
    const power = Math.min(4, Math.max(0, Math.floor(Math.log10(Math.max(n, 1)) / 3)));
    return `${Number((n / 1000 ** power).toPrecision(4))} ${['B', 'kB', 'MB', 'GB', 'TB'][power]}`;
  }

  // --- Runs ----------------------------------------------------------------------------------------------------------

  const runs = [];
  const byRun = new Map();

  // A run as the server lists it, with derived values.
  function derive(run) {
    const metrics = {};
    for (const [key, value] of Object.entries(run.metrics)) metrics[key] = value === 'inf' ? Infinity : value;
    const timings = run.details.timings ?? {};
    const sizes = run.details.size_comparison ?? {};
    const seconds = names => names.map(name => timings[name]).find(value => typeof value === 'number') ?? null;
    return {
      ...run, metrics,
      curve: `${run.image}\n${run.series}`,
      bpp: run.bytes_total !== null && run.pixels ? 8 * run.bytes_total / run.pixels : null,
      encode: seconds(['encode_s', 'encode']), decode: seconds(['decode_s', 'decode']),
      ofJpeg: typeof sizes.of_jpeg420 === 'number' ? sizes.of_jpeg420 : null,
      found: [run.id, run.label, run.codec, run.image, run.image_class].join(' ').toLowerCase(),
    };
  }

  async function load() {
    const answer = await fetch('/api/runs');
    if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
    const listed = await answer.json();
    runs.splice(0, runs.length, ...listed.runs.map(derive));
    byRun.clear();
    for (const run of runs) byRun.set(run.id, run);
    name();
    return listed.notes;
  }

  // Names the series. Series with equal labels get their keys as well. Runs of ORIGAMI come before baselines.
  const series = new Map();
  function name() {
    series.clear();
    const used = new Map();
    const sorted = [...runs].sort((a, b) => (a.kind === 'baseline') - (b.kind === 'baseline') || compare(a.label, b.label));
    for (const run of sorted) {
      if (series.has(run.series)) continue;
      const baseline = run.kind === 'baseline';
      const index = [...series.values()].filter(one => one.baseline === baseline).length;
      series.set(run.series, { key: run.series, label: run.label, index, baseline, order: series.size });
      used.set(run.label, (used.get(run.label) ?? 0) + 1);
    }
    for (const one of series.values()) if (used.get(one.label) > 1 && one.label !== one.key) one.label += ` (${one.key})`;
  }

  const title = run => `${series.get(run.series).label}${run.quality === null ? '' : `, ${quality(run)}`}`;
  const quality = run => `${(run.swept ?? 'q').replace(/^--/, '')} ${run.quality}`;

  const metricsOf = () => {
    const keys = new Set(runs.flatMap(run => Object.keys(run.metrics)));
    const place = key => (at => (at < 0 ? ORDER.length : at))(ORDER.indexOf(key.replace(TILES, '')));
    return [...keys].map(metric).sort((a, b) => a.tiles - b.tiles || place(a.key) - place(b.key) || compare(a.key, b.key));
  };

  // --- Pictures ------------------------------------------------------------------------------------------------------

  // The picture that a run shows first: its reconstruction.
  const pictureOf = run => run.images.find(image => image.role === 'reconstruction')
    ?? run.images.find(image => image.role !== 'original') ?? run.images[0] ?? null;

  // The original of a run's picture: its own, or that of another run of the same image.
  function originalOf(run) {
    const part = pictureOf(run)?.part ?? '';
    const of = one => one.images.find(image => image.role === 'original' && image.part === part)
      ?? (one === run ? one.images.find(image => image.role === 'original') : undefined);
    const owner = of(run) ? run : runs.find(one => one.image === run.image && of(one));
    return owner ? { run: owner.id, file: of(owner).name } : null;
  }

  const imageOf = side => byRun.get(side?.run)?.images.find(image => image.name === side.file) ?? null;
  const address = side => `/runs/${encodeURIComponent(side.run)}/${encodeURIComponent(side.file)}?v=${imageOf(side)?.version ?? ''}`;

  // What is known of an image: how many runs it has, and a picture with the part of it that is pink to violet as tissue in H&E, where
  // the server has measured one.
  function imageOfRuns(name) {
    const own = runs.filter(run => run.image === name);
    const measured = own.find(run => run.tissue);
    const picture = measured ? { run: measured.id, file: measured.tissue.picture } : own.length ? originalOf(own[0]) : null;
    return { name, runs: own.length, imageClass: own.find(run => run.image_class)?.image_class ?? '', tissue: measured?.tissue.part ?? null, picture };
  }

  // --- State ---------------------------------------------------------------------------------------------------------

  const fresh = () => ({
    image: null, find: '', sort: 'name', down: false, x: 'bpp', log: true, y: 'y_psnr', anchor: null, tiles: false, off: new Set(),
    a: null, b: null, open: false, mode: 'sides', gain: 8, split: 0.5, view: null,
  });
  const state = fresh();

  function remember() {
    const query = new URLSearchParams();
    const put = (key, value, usual) => { if (value !== usual && value !== null) query.set(key, value); };
    const usual = fresh();
    put('image', state.image, null);
    put('anchor', state.anchor, null);
    for (const key of ['find', 'sort', 'x', 'y', 'mode']) put(key, state[key], usual[key]);
    for (const key of ['down', 'tiles', 'open']) if (state[key]) query.set(key, '1');
    if (!state.log) query.set('linear', '1');
    for (const one of state.off) query.append('off', one);
    for (const side of ['a', 'b']) if (state[side]) query.set(side, `${state[side].run}:${state[side].file ?? ''}`);
    put('gain', state.gain, usual.gain);
    put('split', Number(state.split.toFixed(3)), usual.split);
    if (state.open && state.view) query.set('view', state.view.map(n => Number(n.toFixed(3))).join(','));
    const hash = query.toString();
    const wanted = hash ? `#${hash}` : '';
    if (location.hash !== wanted) history.replaceState(null, '', wanted || location.pathname);
  }

  function recall() {
    const query = new URLSearchParams(location.hash.slice(1));
    const usual = fresh();
    for (const key of ['find', 'sort', 'x', 'y']) state[key] = query.get(key) ?? usual[key];
    for (const key of ['down', 'tiles', 'open']) state[key] = query.get(key) === '1';
    state.log = query.get('linear') !== '1';
    state.image = query.get('image');
    state.anchor = query.get('anchor');
    state.off = new Set(query.getAll('off'));
    for (const side of ['a', 'b']) state[side] = sideOf(query.get(side));
    state.mode = ['sides', 'split', 'difference'].find(mode => mode === query.get('mode')) ?? usual.mode;
    state.gain = [1, 2, 4, 8, 16, 32].find(gain => gain === Number(query.get('gain'))) ?? usual.gain;
    const split = Number(query.get('split') ?? usual.split);
    state.split = split >= 0 && split <= 1 ? split : usual.split;
    const view = (query.get('view') ?? '').split(',').map(Number);
    state.view = view.length === 3 && view.every(Number.isFinite) && view[2] > 0 ? view : null;
  }

  // Parses `{run}:{file}`, if the run still exists. Names of directories may have a colon, so the longest name of a run wins.
  function sideOf(text) {
    for (let at = text?.lastIndexOf(':') ?? -1; at >= 0; at = at ? text.lastIndexOf(':', at - 1) : -1) {
      const run = byRun.get(text.slice(0, at));
      if (!run) continue;
      const file = text.slice(at + 1);
      const there = run.images.some(image => image.name === file);
      return { run: run.id, file: there ? file : pictureOf(run)?.name ?? null };
    }
    return null;
  }

  // --- The selection -------------------------------------------------------------------------------------------------

  // The selected runs. One run is compared with its original, two with each other; A was selected first.
  function chosen() {
    const [a, b] = [byRun.get(state.a?.run), byRun.get(state.b?.run)];
    const alone = !a || !b || a === b || imageOf(state.a)?.role === 'original';
    return alone ? [b ?? a].filter(Boolean) : [a, b];
  }

  const side = run => ({ run: run.id, file: pictureOf(run)?.name ?? null });

  function choose(run) {
    const now = chosen();
    let next = [...now.slice(0, 1), run];
    if (now.includes(run)) next = now.filter(one => one !== run);
    [state.a, state.b] = [null, null];
    if (next.length === 1) [state.a, state.b] = [originalOf(next[0]), side(next[0])];
    if (next.length === 2) [state.a, state.b] = next.map(side);
  }

  Object.assign(evals, {
    runs, byRun, series, state, load, remember, recall, metric, metricsOf, number, bytes, compare, title, quality,
    pictureOf, originalOf, imageOfRuns, imageOf, address, chosen, choose, side,
  });
})();
