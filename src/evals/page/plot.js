// The plot of rate against distortion, as SVG: one curve for each series of each image. Uses no library.
'use strict';
(() => {
  const byId = id => document.getElementById(id);
  const { state } = evals;
  const COLOURS = 10;
  const chart = byId('chart');
  // The drawn points, {run, x, y} in pixels of the chart; and the one under pointer or keyboard.
  let [points, current] = [[], null];

  const XS = {
    bpp: { label: 'bits a pixel of L0', of: run => run.bpp, show: value => evals.number(value, 3) },
    bytes: { label: 'bytes of all levels', of: run => run.bytes_total, show: evals.bytes },
  };

  function draw(tag, attributes, parent, text) {
    const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    parent.append(element);
    return element;
  }

  // --- Axes ----------------------------------------------------------------------------------------------------------

  // About `count` round numbers within a range.
  function linear(from, to, count) {
    const raw = (to - from) / count || 1;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = power * [1, 2, 5, 10].find(n => n * power >= raw * 0.999);
    const ticks = [];
    for (let n = Math.ceil(from / step - 1e-9); n * step <= to + step * 1e-9; n++) ticks.push(Number((n * step).toPrecision(12)));
    return ticks;
  }
  function logarithmic(from, to, count) {
    const of = digits => {
      const ticks = [];
      for (let power = Math.floor(Math.log10(from)); power <= Math.log10(to); power++) {
        for (const digit of digits) {
          const tick = Number((digit * 10 ** power).toPrecision(12));
          if (tick >= from * 0.9999 && tick <= to * 1.0001) ticks.push(tick);
        }
      }
      return ticks;
    };
    // The densest set that fits. A range of less than an octave gets linear ticks.
    const sets = [[1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 5, 7], [1, 2, 5], [1, 3], [1]].map(of);
    const found = sets.find(ticks => ticks.length <= count) ?? sets.at(-1);
    return found.length >= 2 ? found : linear(from, to, count);
  }

  function scale(values, log, start, end, count) {
    let [low, high] = [Math.min(...values), Math.max(...values)];
    const [to, from] = log ? [Math.log, Math.exp] : [n => n, n => n];
    const margin = (to(high) - to(low)) * 0.05 || (log ? 0.1 : Math.abs(high) * 0.05 || 1);
    [low, high] = [from(to(low) - margin), from(to(high) + margin)];
    const place = value => start + (to(value) - to(low)) / (to(high) - to(low)) * (end - start);
    return { place, ticks: (log ? logarithmic : linear)(low, high, count) };
  }

  const tickText = (value, key) => (key === 'bytes' ? evals.bytes(value) : String(value));

  // --- Drawing -------------------------------------------------------------------------------------------------------

  const markers = {
    round: (x, y) => ['circle', { cx: x, cy: y, r: 4.5 }],
    square: (x, y) => ['rect', { x: x - 4, y: y - 4, width: 8, height: 8 }],
    diamond: (x, y) => ['path', { d: `M${x} ${y - 6}l6 6-6 6-6-6z` }],
    triangle: (x, y) => ['path', { d: `M${x} ${y - 5.5}l5.5 9.5h-11z` }],
  };
  // ORIGAMI is round, baselines are square; when the colours repeat, the shape changes.
  const form = ({ index, baseline }) => (baseline ? ['square', 'triangle'] : ['round', 'diamond'])[Math.floor(index / COLOURS) % 2];

  function show(shown) {
    const hasX = key => shown.some(run => XS[key].of(run) !== null);
    if (!hasX(state.x)) state.x = Object.keys(XS).find(hasX) ?? 'bpp';
    const [x, metric] = [XS[state.x], evals.metric(state.y)];
    const value = run => run.metrics[state.y];
    const known = shown.filter(run => x.of(run) > 0 && Number.isFinite(value(run)));
    legend(known);
    const seen = known.filter(run => !state.off.has(run.series));
    chart.replaceChildren();
    points = [];
    byId('nothing').hidden = seen.length > 0;
    chart.toggleAttribute('hidden', !seen.length);
    point(null);
    if (!seen.length) return;
    const width = Math.max(280, chart.parentElement.clientWidth);
    const height = Math.round(Math.min(520, Math.max(300, width * 0.5)));
    const [left, right, top, bottom] = [54, width - 26, 16, height - 44];
    chart.setAttribute('viewBox', `0 0 ${width} ${height}`);
    chart.setAttribute('width', width);
    chart.setAttribute('height', height);
    const across = scale(seen.map(x.of), state.log, left, right, Math.max(3, Math.floor((right - left) / 75)));
    const up = scale(seen.map(value), false, bottom, top, Math.max(3, Math.floor((bottom - top) / 55)));
    axes(across, up, { left, right, top, bottom, width, height }, x, metric);
    curves(seen, run => [across.place(x.of(run)), up.place(value(run))], x);
  }

  function axes(across, up, box, x, metric) {
    const grid = draw('g', { class: 'grid' }, chart);
    for (const tick of across.ticks) {
      const at = across.place(tick);
      draw('path', { d: `M${at} ${box.top}V${box.bottom}` }, grid);
      draw('text', { x: at, y: box.bottom + 16, 'text-anchor': 'middle' }, grid, tickText(tick, state.x));
    }
    for (const tick of up.ticks) {
      const at = up.place(tick);
      draw('path', { d: `M${box.left} ${at}H${box.right}` }, grid);
      draw('text', { x: box.left - 7, y: at + 4, 'text-anchor': 'end' }, grid, String(tick));
    }
    draw('path', { class: 'frame', d: `M${box.left} ${box.top}V${box.bottom}H${box.right}` }, grid);
    const middle = (box.top + box.bottom) / 2;
    draw('text', { class: 'axis', x: (box.left + box.right) / 2, y: box.height - 6, 'text-anchor': 'middle' }, grid,
      `${x.label}${state.log ? ', logarithmic' : ''}`);
    draw('text', { class: 'axis', x: 12, y: middle, 'text-anchor': 'middle', transform: `rotate(-90 12 ${middle})` }, grid,
      `${metric.label}${metric.less ? ' (less is better)' : ''}`);
  }

  function curves(seen, place, x) {
    const groups = new Map();
    for (const run of seen) {
      if (!groups.has(run.curve)) groups.set(run.curve, []);
      groups.get(run.curve).push(run);
    }
    const chosen = evals.chosen();
    const order = [...groups.values()].sort((a, b) => evals.series.get(a[0].series).order - evals.series.get(b[0].series).order);
    // ORIGAMI is drawn last, on top. The order of the points is that of the keyboard.
    for (const group of order.reverse()) {
      group.sort((a, b) => x.of(a) - x.of(b));
      const series = evals.series.get(group[0].series);
      const layer = draw('g', { class: `curve c${series.index % COLOURS}${series.baseline ? ' baseline' : ''}`, 'data-series': series.key }, chart);
      const places = group.map(place);
      draw('polyline', { points: places.map(at => at.map(n => n.toFixed(2)).join()).join(' ') }, layer);
      group.forEach((run, i) => {
        const [tag, attributes] = markers[form(series)](...places[i]);
        const slot = chosen.includes(run) ? (chosen.length === 1 || chosen[1] === run ? ' b' : ' a') : '';
        const marker = draw(tag, { ...attributes, class: `point${slot}`, 'data-run': run.id }, layer);
        if (slot) draw('text', { class: `slot-name${slot}`, x: places[i][0], y: places[i][1] - 11, 'text-anchor': 'middle' }, layer, slot.trim().toUpperCase());
        points.push({ run, x: places[i][0], y: places[i][1], marker, group });
      });
    }
  }

  // The legend switches curves on and off.
  function legend(known) {
    const used = new Set(known.map(run => run.series));
    const items = [...evals.series.values()].filter(one => used.has(one.key)).map(one => {
      const item = evals.make('li', null, `c${one.index % COLOURS}${one.baseline ? ' baseline' : ''}`);
      const button = evals.make('button');
      button.type = 'button';
      button.dataset.series = one.key;
      button.title = one.key;
      button.setAttribute('aria-pressed', String(!state.off.has(one.key)));
      button.append(evals.make('i', null, 'swatch'), evals.make('span', one.label));
      button.addEventListener('click', () => {
        if (!state.off.delete(one.key)) state.off.add(one.key);
        evals.changed();
        byId('legend-runs').querySelector(`[data-series="${CSS.escape(one.key)}"]`)?.focus();
      });
      for (const [event, on] of [['pointerenter', true], ['pointerleave', false]]) {
        button.addEventListener(event, () => {
          for (const layer of chart.querySelectorAll('.curve')) layer.classList.toggle('faint', on && layer.dataset.series !== one.key);
        });
      }
      item.append(button);
      return item;
    });
    byId('legend-runs').replaceChildren(...items);
  }

  // --- Pointer and keyboard ------------------------------------------------------------------------------------------

  // Shows the tip of a point, or hides it.
  function point(to) {
    current?.marker.classList.remove('current');
    current = to;
    const tip = byId('tip');
    tip.hidden = !to;
    if (!to) return;
    to.marker.classList.add('current');
    const { run } = to;
    const metric = evals.metric(state.y);
    tip.replaceChildren(evals.make('b', evals.title(run)),
      evals.make('span', `${evals.number(run.metrics[state.y], metric.digits)} ${metric.label}`),
      evals.make('span', [XS.bpp, XS.bytes].filter(x => x.of(run) !== null)
        .map(x => (x === XS.bpp ? `${x.show(x.of(run))} bits a pixel` : x.show(x.of(run)))).join(' · ')),
      evals.make('span', run.id, 'folder'));
    const room = chart.clientWidth - tip.offsetWidth;
    tip.style.left = `${Math.max(0, Math.min(room, to.x + 12))}px`;
    // Above the point if there is room, so that no finger covers it.
    const above = to.y - tip.offsetHeight - 12;
    tip.style.top = `${above >= 0 ? above : to.y + 14}px`;
  }

  function nearest(event) {
    const box = chart.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const far = one => Math.hypot(one.x - x, one.y - y);
    const reach = event.pointerType === 'touch' ? 40 : 24;
    return points.reduce((best, one) => (far(one) < (best ? far(best) : reach) ? one : best), null);
  }
  chart.addEventListener('pointermove', event => point(nearest(event)));
  chart.addEventListener('pointerleave', () => point(null));
  chart.addEventListener('click', event => {
    const found = nearest(event);
    if (found) pick(found.run);
  });

  function pick(run) {
    evals.choose(run);
    evals.changed();
    point(points.find(one => one.run === run) ?? null);
  }

  chart.addEventListener('focus', () => { if (chart.matches(':focus-visible') && !current && points.length) point(points.at(-1)); });
  chart.addEventListener('blur', () => point(null));
  chart.addEventListener('keydown', event => {
    const [along, between] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key] ?? [0, 0];
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      if (current) pick(current.run);
    } else if (along || between) {
      event.preventDefault();
      const at = current ?? points[0];
      if (along) {
        const mine = points.filter(one => one.group === at.group);
        point(mine[Math.min(mine.length - 1, Math.max(0, mine.indexOf(at) + along))]);
      } else {
        // The nearest point of the next curve.
        const groups = [...new Set(points.map(one => one.group))];
        const group = groups[(groups.indexOf(at.group) + between + groups.length) % groups.length];
        const far = one => Math.abs(one.x - at.x);
        point(points.filter(one => one.group === group).reduce((best, one) => (far(one) < far(best) ? one : best)));
      }
    } else if (event.key === 'Escape') point(null);
  });

  Object.assign(evals, { plot: show, points: () => points });
})();
