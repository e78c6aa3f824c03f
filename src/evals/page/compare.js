// The dialog that compares two pictures, by pointer, touch and keyboard.
'use strict';
(() => {
  const byId = id => document.getElementById(id);
  const { state } = evals;
  const [dialog, stage, divider] = [byId('compare'), byId('stage'), byId('divider')];
  // URLs of the loaded pictures; `turn` is the number of the last load, by which late responses are recognised.
  let [pair, turn, busy, at] = [[null, null], 0, 0, null];

  const canvas = evals.sides(stage, byId('canvas'), () => {
    state.view = canvas.seen;
    status();
    keep();
  });
  // Updates the URL after a pause, because browsers limit the rate of changes.
  let timer = 0;
  function keep() {
    clearTimeout(timer);
    timer = setTimeout(evals.remember, 150);
  }

  // --- Selection ------------------------------------------------------------------------------------------------

  function option(value, text, parent) {
    const element = evals.make('option', text);
    element.value = value;
    parent.append(element);
  }

  // Fills the lists of a side: runs by image, with the other side's image first, and pictures of the run.
  function fill(name) {
    const [side, other] = name === 'a' ? [state.a, state.b] : [state.b, state.a];
    const [runs, files] = [byId(`run-${name}`), byId(`file-${name}`)];
    const first = evals.byRun.get((other ?? side)?.run)?.image;
    const groups = new Map();
    for (const run of evals.runs.filter(run => run.images.length)) {
      if (!groups.has(run.image)) groups.set(run.image, []);
      groups.get(run.image).push(run);
    }
    runs.replaceChildren();
    if (!side) option('', '–', runs);
    for (const [image, list] of [...groups].sort((a, b) => (b[0] === first) - (a[0] === first) || evals.compare(a[0], b[0]))) {
      const group = document.createElement('optgroup');
      group.label = image || 'runs';
      for (const run of list.sort((a, b) => evals.compare(a.name, b.name))) option(run.id, run.name, group);
      runs.append(group);
    }
    runs.value = side?.run ?? '';
    files.replaceChildren();
    for (const image of evals.byRun.get(side?.run)?.images ?? []) option(image.name, image.name.replace(/^images\//, ''), files);
    files.value = side?.file ?? '';
    files.disabled = !side;
  }

  for (const name of ['a', 'b']) {
    byId(`run-${name}`).addEventListener('change', event => {
      const run = evals.byRun.get(event.target.value);
      // Keeps the picture of the same name if the run has one.
      const same = run.images.some(image => image.name === state[name]?.file && image.role !== 'original');
      state[name] = same ? { run: run.id, file: state[name].file } : evals.side(run);
      evals.changed();
    });
    byId(`file-${name}`).addEventListener('change', event => {
      state[name] = { ...state[name], file: event.target.value };
      evals.changed();
    });
  }

  function say(text) {
    byId('trouble').textContent = text;
    byId('trouble').hidden = !text;
  }

  const nameOf = side => {
    const image = evals.imageOf(side);
    if (!image) return '';
    if (image.role === 'original') return 'original';
    const title = evals.title(evals.byRun.get(side.run));
    return image.role === 'reconstruction' ? title : `${title} · ${image.name.replace(/^images\//, '')}`;
  };

  async function load() {
    const mine = ++turn;
    const wanted = [state.a, state.b].map(side => (evals.imageOf(side) ? evals.address(side) : null));
    if (wanted.every((address, i) => address === pair[i])) return measure(mine);
    busy++;
    say('');
    byId('measured').textContent = '';
    try {
      const loaded = await Promise.allSettled(wanted.map(address => (address ? evals.picture(address) : null)));
      if (mine !== turn) return;
      pair = wanted;
      const [a, b] = loaded.map(one => one.value ?? null);
      canvas.pictures(a, b);
      const problems = loaded.map((one, i) => (one.reason ? `${'AB'[i]} cannot be shown: ${one.reason.message}.` : ''));
      if (!wanted[0] || !wanted[1]) problems.push(`${wanted[0] ? 'B' : 'A'}: no picture. Choose one above.`);
      else if (a && b && (a.width !== b.width || a.height !== b.height)) {
        problems.push(`Two sizes: A ${a.width} × ${a.height}, B ${b.width} × ${b.height}. Their upper left corners are laid together.`);
      }
      say(problems.filter(Boolean).join(' '));
      await measure(mine);
    } finally {
      busy--;
      status();
    }
  }

  // Computes the difference, and its statistics, which every view shows.
  let measured = '';
  async function measure(mine) {
    const key = JSON.stringify([pair, state.gain]);
    if (measured === key) return;
    const [a, b] = await Promise.all(pair.map(address => (address ? evals.picture(address).catch(() => null) : null)));
    if (mine !== turn || !a || !b) return;
    busy++;
    try {
      const found = await evals.difference(a, b, state.gain, () => mine === turn);
      if (!found) return;
      measured = key;
      canvas.heat(found.picture);
      byId('measured').textContent = found.max === 0 ? 'no difference'
        : `difference: mean ${found.mean.toFixed(2)} · 99 % ≤ ${found.p99} · max ${found.max} · RGB-PSNR ${found.psnr.toFixed(2)} dB`;
    } catch (error) {
      byId('measured').textContent = error.message;
    } finally {
      busy--;
    }
  }

  // --- View ---------------------------------------------------------------------------------------------------------------

  function show() {
    for (const name of ['a', 'b']) {
      fill(name);
      byId(`tag-${name}`).textContent = `${name.toUpperCase()} ${nameOf(state[name])}`;
    }
    for (const button of dialog.querySelectorAll('[data-mode]')) {
      button.setAttribute('aria-pressed', String(button.dataset.mode === state.mode));
    }
    stage.dataset.mode = state.mode;
    canvas.mode(state.mode);
    byId('gain-label').hidden = state.mode !== 'difference';
    byId('gain').value = String(state.gain);
    // A hidden slider must not keep the focus.
    if (state.mode !== 'split' && divider.contains(document.activeElement)) stage.focus();
    divider.hidden = state.mode !== 'split';
    place(state.split);
    canvas.view(state.view);
    status();
    return load();
  }

  function status() {
    stage.classList.toggle('stacked', canvas.stacked());
    const percent = canvas.scale * 100;
    byId('zoom').textContent = `${percent < 10 ? percent.toFixed(1) : Math.round(percent)} %`;
    let text = '';
    if (at) {
      const spot = canvas.under(...at);
      const [w, h] = canvas.size();
      const [x, y] = [Math.floor(spot.x), Math.floor(spot.y)];
      if (x >= 0 && y >= 0 && x < w && y < h) {
        const named = canvas.colours(x, y).map((rgb, i) => (rgb ? `${'AB'[i]} ${rgb.join(' ')}` : ''));
        text = [`${x}, ${y}`, ...named].filter(Boolean).join(' · ');
      }
    }
    byId('pixel').textContent = text;
  }

  function place(to) {
    state.split = Math.min(1, Math.max(0, to));
    divider.style.left = `${state.split * 100}%`;
    divider.setAttribute('aria-valuenow', Math.round(state.split * 100));
    canvas.split(state.split);
  }

  function mode(to) {
    state.mode = to;
    evals.changed();
  }
  function swap() {
    [state.a, state.b] = [state.b, state.a];
    evals.changed();
  }

  const STEP = 60;
  const actions = {
    '+': () => canvas.zoom(1.5), '=': () => canvas.zoom(1.5), '-': () => canvas.zoom(1 / 1.5), _: () => canvas.zoom(1 / 1.5),
    0: () => canvas.whole(), 1: () => canvas.full(), x: swap,
    s: () => mode('sides'), c: () => mode('split'), d: () => mode('difference'),
    ArrowLeft: () => canvas.pan(STEP, 0), ArrowRight: () => canvas.pan(-STEP, 0),
    ArrowUp: () => canvas.pan(0, STEP), ArrowDown: () => canvas.pan(0, -STEP),
  };
  for (const [id, key] of [['zoom-in', '+'], ['zoom-out', '-'], ['fit', '0'], ['full', '1'], ['swap', 'x']]) {
    byId(id).addEventListener('click', actions[key]);
  }
  for (const button of dialog.querySelectorAll('[data-mode]')) button.addEventListener('click', () => mode(button.dataset.mode));
  byId('gain').addEventListener('change', event => {
    state.gain = Number(event.target.value);
    evals.changed();
  });
  dialog.addEventListener('keydown', event => {
    const typing = event.target.closest('select, input');
    if (typing || event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(actions, event.key)) return;
    event.preventDefault();
    actions[event.key]();
  });

  // --- Pointers: one pans, two zoom -----------------------------------------------------------------------------------

  const down = new Map();
  const middle = () => [0, 1].map(i => [...down.values()].reduce((sum, one) => sum + one[i], 0) / down.size);
  const spread = () => (([p, q]) => (q ? Math.hypot(p[0] - q[0], p[1] - q[1]) : 0))([...down.values()]);
  stage.addEventListener('pointerdown', event => {
    if (event.button || divider.contains(event.target)) return;
    stage.setPointerCapture(event.pointerId);
    down.set(event.pointerId, [event.clientX, event.clientY]);
  });
  stage.addEventListener('pointermove', event => {
    at = [event.clientX, event.clientY];
    if (!down.has(event.pointerId)) return status();
    const [before, wide] = [middle(), spread()];
    down.set(event.pointerId, at);
    const after = middle();
    canvas.pan(after[0] - before[0], after[1] - before[1]);
    if (wide && spread()) canvas.zoom(spread() / wide, ...after);
    return undefined;
  });
  for (const event of ['pointerup', 'pointercancel']) stage.addEventListener(event, ({ pointerId }) => down.delete(pointerId));
  stage.addEventListener('pointerleave', () => { at = null; status(); });
  stage.addEventListener('wheel', event => {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 20 : 1;
    canvas.zoom(Math.exp(-event.deltaY * lines / 400), event.clientX, event.clientY);
  }, { passive: false });
  stage.addEventListener('dblclick', event => canvas.zoom(2, event.clientX, event.clientY));

  divider.addEventListener('pointerdown', event => {
    event.preventDefault();
    divider.focus();
    divider.setPointerCapture(event.pointerId);
  });
  divider.addEventListener('pointermove', event => {
    if (!divider.hasPointerCapture(event.pointerId)) return;
    const box = stage.getBoundingClientRect();
    place((event.clientX - box.left) / box.width);
    keep();
  });
  divider.addEventListener('keydown', event => {
    const to = { ArrowLeft: state.split - 0.02, ArrowRight: state.split + 0.02, Home: 0, End: 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    place(to);
    keep();
  });

  // --- Open and closed ---------------------------------------------------------------------------------------------------

  byId('close').addEventListener('click', () => dialog.close());
  dialog.addEventListener('close', () => {
    [state.open, state.view] = [false, null];
    evals.changed();
  });

  function update() {
    if (!state.open) {
      if (dialog.open) dialog.close();
      return null;
    }
    if (!dialog.open) {
      dialog.showModal();
      stage.focus();
    }
    return show();
  }

  Object.assign(evals, { comparing: { update, canvas, idle: () => !busy && canvas.idle } });
})();
