// Lengths, areas and angles in words: in micrometres by a slide's own scale, in its pixels where it has none.
'use strict';
// `microns` is the size of a pixel in x and y, or null.
const units = microns => {
  const number = (value, digits = 4) => phrase.number(value, { maximumSignificantDigits: digits });
  const known = Boolean(microns);

  function length(value) {
    if (!known) return `${number(value)} px`;
    if (value >= 1000) return `${number(value / 1000)} mm`;
    return value >= 1 || !value ? `${number(value)} µm` : `${number(value * 1000)} nm`;
  }

  function area(value) {
    if (!known) return `${number(value)} px²`;
    return value >= 1e5 ? `${number(value / 1e6)} mm²` : `${number(value)} µm²`;
  }

  const angle = value => `${phrase.fixed(value, 1)}°`;

  // To a tenth of a pixel.
  function place([x, y]) {
    const digits = known ? 2 : 1;
    const [sx, sy] = microns ?? [1, 1];
    const one = value => phrase.fixed(value, digits);
    return `x ${one(x * sx)} ${known ? 'µm' : 'px'}, y ${one(y * sy)} ${known ? 'µm' : 'px'}`;
  }

  // The longest of 1, 2, 5, 10, ... that is no longer than `most`.
  function step(most) {
    const ten = 10 ** Math.floor(Math.log10(most));
    return [5, 2, 1].find(factor => factor * ten <= most) * ten;
  }

  return { known, scale: microns ?? [1, 1], length, area, angle, place, step };
};
