// The table of BD-rates: every curve against one that is chosen, the anchor, by every metric. Of several images their medians.
'use strict';
(() => {
  const byId = id => document.getElementById(id);
  const { state, make } = evals;
  // Curves that share less of the narrower one's qualities get a mark.
  const LITTLE_OVERLAP = 0.25;
  // JPEG 4:2:0 of libjpeg-turbo, as runs of evals/ and those that are known by their names call it.
  const USUAL_ANCHORS = ['JPEG, 4:2:0', 'JPEG, turbojpeg, 4:2:0', 'JPEG', 'JPEG, turbojpeg'];

  const inOrder = keys => [...evals.series.values()].filter(one => keys.has(one.key));

  // The chosen anchor if it is there, else the usual one, else a baseline, else any curve.
  function anchorOf(there) {
    const usual = USUAL_ANCHORS.map(label => there.find(one => one.baseline && one.label === label)).find(Boolean);
    return there.find(one => one.key === state.anchor) ?? usual ?? there.find(one => one.baseline) ?? there[0];
  }

  // Points of a curve by a metric: [bytes, quality].
  const points = (runs, metric) => runs.filter(run => run.bytes_total > 0 && Number.isFinite(run.metrics[metric.key]))
    .map(run => [run.bytes_total, evals.scales(metric).scaled(run.metrics[metric.key])]);

  // The tiles that users see are compared with those of the anchor, or with its pixels if it was not measured by tiles: a JPEG
  // pyramid's tiles are what was measured.
  function anchorPoints(runs, metric) {
    const own = points(runs, metric);
    return own.length || !metric.tiles ? own : points(runs, { ...metric, key: metric.key.replace('tiles.', '') });
  }

  // Rates of the runs as they were last loaded, by curve, anchor and metric.
  let [of, kept] = [null, new Map()];
  function rateOf(key, make) {
    if (of !== evals.runs[0]) [of, kept] = [evals.runs[0], new Map()];
    if (!kept.has(key)) kept.set(key, make());
    return kept.get(key);
  }

  function rate(against, own, metric) {
    const [before, after] = [anchorPoints(against, metric), points(own, metric)];
    return before.length && after.length ? evals.deltaRate(before, after) : null;
  }

  // Each curve of each image against the anchor of its image, by each metric that both have. All points of a curve count, not only the
  // listed ones.
  function compared(shown, anchor, metrics) {
    const curves = Map.groupBy(evals.runs, run => run.curve);
    const rows = [];
    for (const [first] of Map.groupBy(shown, run => run.curve).values()) {
      if (first.series === anchor.key) continue;
      const against = curves.get(`${first.image}\n${anchor.key}`) ?? [];
      const rates = new Map();
      for (const metric of metrics) {
        const found = rateOf([first.curve, anchor.key, metric.key].join('\n'), () => rate(against, curves.get(first.curve), metric));
        if (found) rates.set(metric.key, found);
      }
      if (rates.size) rows.push({ image: first.image, imageClass: first.image_class, series: first.series, rates });
    }
    return rows;
  }

  const measured = run => run.bytes_total > 0 && Object.keys(run.metrics).length > 0;

  // All that the table says of the listed runs; null where there are no two curves.
  function rates(shown) {
    const images = new Set(shown.map(run => run.image));
    // Words that leave the anchor out of the list do not take it away.
    const known = inOrder(new Set(evals.runs.filter(run => images.has(run.image) && measured(run)).map(run => run.series)));
    const metrics = evals.metricsOf().filter(metric => metric.tiles === state.tiles);
    if (known.length < 2 || !metrics.length) return null;
    const anchor = anchorOf(known);
    const rows = compared(shown.filter(measured), anchor, metrics);
    if (!rows.length) return null;
    const used = metrics.filter(metric => rows.some(row => row.rates.has(metric.key)));
    return { anchor, known, rows, metrics: used, several: images.size > 1 };
  }

  // --- The table -----------------------------------------------------------------------------------------------------

  const percent = value => `${value > 0 ? '+' : value < 0 ? '−' : ''}${Math.abs(value).toFixed(1)}`;

  function median(values) {
    const sorted = [...values].sort((a, b) => a - b);
    return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
  }

  function single(rate, metric) {
    if (!rate) return make('td', '–');
    const count = `${rate.points[1]} points against ${rate.points[0]}`;
    if (rate.percent === null) {
      const cell = make('td', rate.problem, 'quiet');
      cell.title = count;
      return cell;
    }
    const cell = make('td', percent(rate.percent) + (rate.overlap < LITTLE_OVERLAP ? '*' : ''));
    const range = [rate.low, rate.high].map(evals.scales(metric).plain).sort((a, b) => a - b).map(value => evals.number(value, metric.digits));
    cell.title = `${range.join(' to ')} ${metric.label}: ${Math.round(100 * rate.overlap)} % of the narrower curve; ${count}`;
    return cell;
  }

  function ofSeveral(rates) {
    const there = rates.filter(rate => rate && rate.percent !== null).map(rate => rate.percent);
    const cell = make('td', there.length ? percent(median(there)) + (2 * there.length < rates.length ? '*' : '') : '–');
    const problems = new Set(rates.filter(rate => rate?.problem).map(rate => rate.problem));
    cell.title = [`${there.length} of ${rates.length} images`, ...problems].join('; ');
    return cell;
  }

  function show(shown) {
    const found = rates(shown);
    byId('rates-section').hidden = !found;
    if (!found) return;
    const { anchor, known, rows, metrics, several } = found;
    byId('anchor').replaceChildren(...known.map(one => new Option(one.label, one.key, false, one.key === anchor.key)));
    const head = make('thead');
    const titles = make('tr');
    for (const [i, title] of ['Curve', ...(several ? ['Images'] : []), ...metrics.map(metric => metric.label.replace(/, (dB|tiles)/g, ''))].entries()) {
      const cell = make('th', title, i ? '' : 'text');
      cell.scope = 'col';
      titles.append(cell);
    }
    head.append(titles);
    const body = make('tbody');
    for (const [key, own] of Map.groupBy(rows, row => row.series)) {
      const line = make('tr');
      line.dataset.series = key;
      const name = make('th', evals.series.get(key).label, 'text');
      name.scope = 'row';
      line.append(name);
      if (several) line.append(make('td', String(own.length)));
      for (const metric of metrics) {
        line.append(several ? ofSeveral(own.map(row => row.rates.get(metric.key))) : single(own[0].rates.get(metric.key), metric));
      }
      line.place = evals.series.get(key).order;
      body.append(line);
    }
    body.replaceChildren(...[...body.children].sort((a, b) => a.place - b.place));
    byId('rates').replaceChildren(head, body);
    byId('rates-note').textContent = `${several ? 'Median over the images: percent' : 'Percent'} of bytes more (+) or fewer (−) than ${anchor.label} for the same `
      + 'quality, over the qualities that both curves reach.'
      + (several ? ' * Less than half of the images have one.' : ' * The curves share less than a quarter of the narrower one.');
  }

  // The same as rows of a file: one for each image, curve and metric.
  function exported(shown) {
    const found = rates(shown);
    const rows = [['image', 'class', 'curve', 'anchor', 'metric', 'percent', 'from', 'to', 'overlap', 'points', 'anchor_points', 'problem']];
    for (const row of found?.rows ?? []) {
      for (const metric of found.metrics.filter(metric => row.rates.has(metric.key))) {
        const rate = row.rates.get(metric.key);
        const range = rate.percent === null ? [null, null] : [rate.low, rate.high].map(evals.scales(metric).plain);
        rows.push([row.image, row.imageClass, evals.series.get(row.series).label, found.anchor.label, metric.key, rate.percent, ...range,
          rate.overlap, rate.points[1], rate.points[0], rate.problem]);
      }
    }
    return rows;
  }

  byId('anchor').addEventListener('change', event => {
    state.anchor = event.target.value;
    evals.changed();
  });

  Object.assign(evals, { rates: show, ratesExported: exported });
})();
