// Bjøntegaard delta rates: how many more bytes a curve needs than another for the same quality, over the qualities that both reach.
// After VCEG-M33 (2001), with monotone piecewise cubics (PCHIP) of log rate over quality instead of one polynomial, as JCTVC and AOM
// do today. The same arithmetic as evals/origami_evals/bdrate.py.
//
// Knows no runs and no page: a curve is a list of [bytes, quality], and more quality is better.
'use strict';
(() => {
  // A cubic through fewer points says more of the cubic than of the codec.
  const MIN_POINTS = 4;
  const SIMILARITIES = new Set(['ssim_y', 'ssim_rgb', 'ms_ssim']);

  // A metric on a scale on which more is better and steps are even: similarities as -10 log10(1 - value), differences negative.
  // `plain` is the inverse.
  const scales = metric => {
    if (SIMILARITIES.has(metric.key.replace(/^tiles\./, ''))) {
      return { scaled: value => -10 * Math.log10(Math.max(1 - value, 1e-10)), plain: quality => 1 - 10 ** (-quality / 10) };
    }
    const sign = metric.less ? -1 : 1;
    return { scaled: value => sign * value, plain: quality => sign * quality };
  };

  // Qualities, strictly rising, and log rates of the points that no other point beats in both.
  function frontier(points) {
    const kept = [];
    for (const [rate, quality] of [...points].sort((a, b) => a[0] - b[0] || b[1] - a[1])) {
      if (!kept.length || quality > kept.at(-1)[1]) kept.push([Math.log(rate), quality]);
    }
    return { q: kept.map(point => point[1]), r: kept.map(point => point[0]) };
  }

  // Slopes of a PCHIP at its points, by Fritsch and Butland (1984); at the ends by three points, kept monotone.
  function slopes({ q, r }) {
    const h = q.slice(1).map((at, i) => at - q[i]);
    const d = h.map((width, i) => (r[i + 1] - r[i]) / width);
    if (d.length === 1) return [d[0], d[0]];
    const end = (h0, h1, d0, d1) => {
      const slope = ((2 * h0 + h1) * d0 - h0 * d1) / (h0 + h1);
      if (Math.sign(slope) !== Math.sign(d0)) return 0;
      return Math.sign(d0) !== Math.sign(d1) && Math.abs(slope) > 3 * Math.abs(d0) ? 3 * d0 : slope;
    };
    const inner = d.slice(1).map((after, i) => {
      const before = d[i];
      if (before * after <= 0) return 0;
      const [a, b] = [2 * h[i + 1] + h[i], h[i + 1] + 2 * h[i]];
      return (a + b) / (a / before + b / after);
    });
    return [end(h[0], h[1], d[0], d[1]), ...inner, end(h.at(-1), h.at(-2), d.at(-1), d.at(-2))];
  }

  // The area under a PCHIP from `low` to `high`, which lie within its points.
  function area(curve, low, high) {
    const [{ q, r }, m] = [curve, slopes(curve)];
    let sum = 0;
    for (let i = 0; i + 1 < q.length; i++) {
      const h = q[i + 1] - q[i];
      const [from, to] = [low, high].map(at => Math.min(1, Math.max(0, (at - q[i]) / h)));
      // The integral of the Hermite cubic of this piece from its left end to the part `t` of it.
      const until = t => h * (r[i] * (t - t ** 3 + t ** 4 / 2) + r[i + 1] * (t ** 3 - t ** 4 / 2)
        + h * m[i] * (t ** 2 / 2 - 2 * t ** 3 / 3 + t ** 4 / 4) + h * m[i + 1] * (t ** 4 / 4 - t ** 3 / 3));
      sum += until(to) - until(from);
    }
    return sum;
  }

  // How many percent more bytes `tested` needs than `anchor`; below 0 it is smaller. `low`, `high`: the qualities that both reach.
  // `overlap`: that range as a part of the narrower curve's, 0 to 1. Without a number `problem` says why.
  function deltaRate(anchor, tested) {
    const curves = [anchor, tested].map(frontier);
    const points = curves.map(curve => curve.q.length);
    if (Math.min(...points) < MIN_POINTS) return { points, percent: null, problem: `${Math.min(...points)} of ${MIN_POINTS} points` };
    const [low, high] = [Math.max(...curves.map(curve => curve.q[0])), Math.min(...curves.map(curve => curve.q.at(-1)))];
    if (high <= low) return { points, percent: null, problem: 'no overlap' };
    const [before, after] = curves.map(curve => area(curve, low, high));
    const narrower = Math.min(...curves.map(curve => curve.q.at(-1) - curve.q[0]));
    return { points, percent: 100 * (Math.exp((after - before) / (high - low)) - 1), low, high, overlap: (high - low) / narrower };
  }

  Object.assign(evals, { deltaRate, scales });
})();
