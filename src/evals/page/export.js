// Files of what the page shows: points and BD-rates as CSV, the chart as SVG. They are made here and sent nowhere.
'use strict';
(() => {
  const byId = id => document.getElementById(id);
  const { state } = evals;
  const NAMESPACE = 'http://www.w3.org/2000/svg';
  // What elements of a chart look like.
  const OF_TEXT = ['fill', 'font-size', 'font-family'];
  const OF_LINES = ['fill', 'stroke', 'stroke-width', 'stroke-dasharray', 'stroke-linejoin'];
  const [LINE, LETTER] = [18, 7];

  function save(content, type, what) {
    const image = (state.image === '*' ? '' : state.image ?? '').replace(/[^\p{L}\p{N}._-]+/gu, '-');
    const href = URL.createObjectURL(new Blob([content], { type }));
    Object.assign(document.createElement('a'), { href, download: [image, what].filter(Boolean).join('-') }).click();
    setTimeout(() => URL.revokeObjectURL(href), 60_000);
  }

  // --- CSV, after RFC 4180 -------------------------------------------------------------------------------------------

  function field(value) {
    const text = value === null || value === undefined ? '' : value === Infinity ? 'inf' : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }
  const csv = rows => rows.map(row => `${row.map(field).join(',')}\r\n`).join('');

  function points(shown) {
    const metrics = evals.metricsOf().filter(metric => shown.some(run => run.metrics[metric.key] !== undefined));
    const columns = ['image', 'class', 'curve', 'run', 'kind', 'codec', 'swept', 'quality', 'bytes_total', 'pixels', 'bits_per_pixel', 'encode_s', 'decode_s'];
    return [[...columns, ...metrics.map(metric => metric.key)], ...shown.map(run => [
      run.image, run.image_class, evals.series.get(run.series).label, run.id, run.kind, run.codec, run.swept, run.quality, run.bytes_total, run.pixels,
      run.bpp, run.encode, run.decode, ...metrics.map(metric => run.metrics[metric.key])])];
  }

  // --- SVG -----------------------------------------------------------------------------------------------------------

  function add(parent, tag, attributes, text) {
    const element = document.createElementNS(NAMESPACE, tag);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    parent.append(element);
    return element;
  }

  // The curves that are drawn, in the order of the legend, below the chart.
  function legend(copy, width, top) {
    const drawn = new Set([...copy.querySelectorAll('.curve')].map(layer => layer.dataset.series));
    const labels = [...evals.series.values()].filter(one => drawn.has(one.key));
    const columns = Math.max(1, Math.floor((width - 20) / (50 + LETTER * Math.max(...labels.map(one => one.label.length)))));
    const rows = Math.ceil(labels.length / columns);
    for (const [i, one] of labels.entries()) {
      const [x, y] = [20 + Math.floor(i / rows) * (width - 20) / columns, top + LINE * (i % rows + 0.5)];
      const layer = copy.querySelector(`.curve[data-series="${CSS.escape(one.key)}"]`).cloneNode(false);
      copy.append(layer);
      add(layer, 'polyline', { points: `${x},${y} ${x + 24},${y}` });
      const point = evals.points().find(each => each.run.series === one.key);
      const marker = point.marker.cloneNode(false);
      marker.setAttribute('transform', `translate(${x + 12 - point.x} ${y - point.y})`);
      layer.append(marker);
      add(copy, 'text', { class: 'axis', x: x + 32, y: y + 4 }, one.label);
    }
    return top + LINE * (rows + 0.5);
  }

  // Puts into attributes what style sheets say of the elements, with the colours for a light page.
  function selfContained(copy) {
    const light = document.createElement('div');
    light.className = 'exported';
    light.append(copy);
    byId('chart').parentElement.append(light);
    const elements = [...copy.querySelectorAll('path, polyline, circle, rect, text')];
    const looks = elements.map(element => {
      const style = getComputedStyle(element);
      return (element.tagName === 'text' ? OF_TEXT : OF_LINES).map(look => [look, style.getPropertyValue(look)]);
    });
    light.remove();
    elements.forEach((element, i) => looks[i].forEach(([look, value]) => element.setAttribute(look, value)));
    for (const element of [copy, ...copy.querySelectorAll('*')]) {
      for (const name of element.getAttributeNames()) if (name === 'class' || name.startsWith('data-')) element.removeAttribute(name);
    }
  }

  // The chart as a file of its own: with a title and a legend, on white, without marks of what is chosen.
  function svg() {
    const copy = byId('chart').cloneNode(true);
    const [, , width, height] = copy.getAttribute('viewBox').split(' ').map(Number);
    for (const name of copy.getAttributeNames()) if (name !== 'id') copy.removeAttribute(name);
    const bottom = legend(copy, width, height);
    for (const slot of copy.querySelectorAll('.slot-name')) slot.remove();
    for (const element of copy.querySelectorAll('.point, .curve')) element.classList.remove('a', 'b', 'current', 'faint');
    const image = state.image === '*' ? 'All images' : state.image || 'Evaluation runs';
    add(copy, 'text', { class: 'axis', x: 20, y: -8 }, `${image}: ${evals.metric(state.y).label}`);
    selfContained(copy);
    copy.removeAttribute('id');
    const box = { x: 0, y: -LINE - 10, width, height: bottom + LINE + 10 };
    for (const [key, value] of Object.entries({ xmlns: NAMESPACE, viewBox: Object.values(box).join(' '), width, height: box.height })) copy.setAttribute(key, value);
    const ground = add(copy, 'rect', { ...box, fill: '#fff' });
    copy.prepend(ground);
    return new XMLSerializer().serializeToString(copy);
  }

  byId('save-points').addEventListener('click', () => save(csv(points(evals.shown())), 'text/csv', 'points.csv'));
  byId('save-rates').addEventListener('click', () => save(csv(evals.ratesExported(evals.shown())), 'text/csv', 'bd-rates.csv'));
  byId('save-chart').addEventListener('click', () => save(svg(), 'image/svg+xml', 'chart.svg'));
})();
