// How captions look: the style of a cue over those of its emotion, of its speaker and of the document, as the renderer lays them, and as
// properties of CSS. Knows no page.
'use strict';
const looks = (() => {
  // Of speakers without a style, in the order in which they come.
  const PALETTE = ['#ffffff', '#ffe9a8', '#a8e6ff', '#c9f2b0', '#ffc9de', '#d9ccff'];
  const EMOTIONS = {
    neutral: {},
    calm: {},
    happy: { color: '#fff176' },
    joy: { color: '#fff176' },
    excited: { color: '#ffcc80', fontWeight: 'bold' },
    surprised: { color: '#ffcc80' },
    sad: { color: '#9fc5ff', fontStyle: 'italic' },
    fear: { color: '#ce93d8', fontStyle: 'italic' },
    disgust: { color: '#c5e1a5' },
    angry: { color: '#ff8a80', fontWeight: 'bold' },
    whisper: { fontStyle: 'italic' },
  };
  // What the renderer has a browser draw.
  const EFFECTS = ['WebkitTextStroke', 'backgroundClip', 'backgroundImage', 'border', 'borderRadius', 'boxShadow', 'filter', 'lineHeight',
    'padding', 'textShadow', 'textTransform', 'wordSpacing', 'backdropFilter'];
  const ALIGNMENTS = { left: 'left', center: 'center', right: 'right', start: 'left', end: 'right' };
  const POSITIONS = { top: 'top', middle: 'middle', center: 'middle', bottom: 'bottom' };
  // The line around letters where the document says none that they stand out from: the first one, or the other around dark letters.
  const OUTLINES = ['#101010', '#ffffff'];
  // From how much contrast on letters stand out from it. Then they can be read on any ground: it is like one of the two at most.
  const LEAST_CONTRAST = 3;
  // Size of a font over the width of that line.
  const OUTLINE_PART = 12;

  // Height of a line over the font size, whatever the font says of itself: libass counts in lines.
  const LINE = 1.2;

  function pixels(value) {
    const [, number, unit] = /^\s*([\d.]+)\s*(px|pt|)\s*$/.exec(value ?? '') ?? [];
    const length = number * (unit === 'pt' ? 4 / 3 : 1);
    return length >= 0 && length <= 1000 ? length : undefined;
  }

  const colour = value => (typeof value === 'string' && CSS.supports('color', value) ? value : undefined);
  const isGradient = value => typeof value === 'string' && value.includes('gradient(');

  // A value that loads nothing: a tour that is imported may come from anywhere.
  const isHarmless = value => typeof value === 'string' && value.length <= 300 && /^[\w #%(),.\-+/]*$/.test(value)
    && !/(url|image|image-set|cross-fade|src|element|var|env|attr)\(/i.test(value);

  // What a style of the document says, without what it leaves open.
  function read(given) {
    const style = given ?? {};
    const { fontWeight, fontStyle, textDecoration, opacity, background } = style;
    const effects = {};
    for (const name of EFFECTS) if (isHarmless(style[name])) effects[name] = style[name];
    if (isGradient(background) && isHarmless(background)) effects.backgroundImage = background;
    const found = {
      size: pixels(style.fontSize),
      family: style.fontFamily?.split?.(',')[0].replace(/["'\\]/g, '').trim() || undefined,
      color: colour(style.color),
      background: colour(style.backgroundColor) ?? (isGradient(background) ? undefined : colour(background)),
      outline: colour(style.outlineColor),
      outlineWidth: pixels(style.outlineWidth),
      bold: fontWeight === undefined ? undefined : fontWeight >= 600 || ['bold', 'bolder'].includes(fontWeight),
      italic: fontStyle === undefined ? undefined : fontStyle !== 'normal',
      underline: textDecoration === undefined ? undefined : textDecoration === 'underline',
      align: ALIGNMENTS[style.textAlign],
      position: POSITIONS[style.position],
      spacing: pixels(style.letterSpacing),
      opacity: opacity >= 0 && opacity <= 1 ? opacity : undefined,
    };
    return { ...Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined)), effects };
  }

  const over = (below, above) => ({ ...below, ...above, effects: { ...below.effects, ...above.effects } });

  // The look of each cue of a tour.
  function of(tour) {
    const { default: base, speakers = {}, emotions = {} } = tour.styles ?? {};
    const unstyled = [];
    return tour.cues.map(({ speaker, emotion, style }) => {
      let voice = speakers[speaker];
      if (speaker && !voice) {
        if (!unstyled.includes(speaker)) unstyled.push(speaker);
        voice = { color: PALETTE[unstyled.indexOf(speaker) % PALETTE.length] };
      }
      const mood = typeof emotion === 'string' ? emotion.toLowerCase() : '';
      return [base, voice, emotions[mood] ?? EMOTIONS[mood], style].map(layer => read(layer)).reduce(over);
    });
  }

  // Whether the renderer has a browser draw it.
  const hasEffects = ({ effects }) => Object.entries(effects).some(([name, value]) => name !== 'backdropFilter' || value.trim() !== 'none');

  // How far a font goes above and below its base line, over its size.
  const extents = new Map();
  function extent(family, bold) {
    // Browsers round to whole pixels.
    const font = `${bold ? 'bold ' : ''}1000px ${family}`;
    if (!extents.has(font)) {
      const context = document.createElement('canvas').getContext('2d');
      context.font = font;
      const { fontBoundingBoxAscent: above, fontBoundingBoxDescent: below } = context.measureText('x');
      extents.set(font, above + below > 0 ? [above / 1000, below / 1000] : [0.8 * LINE, 0.2 * LINE]);
    }
    return extents.get(font);
  }

  // How high lines of a text are, over its font size: a script that the font lacks has another font's, which may be higher.
  const lines = new Map();
  function line(text, family, bold) {
    const key = `${bold} ${family} ${text}`;
    if (!lines.has(key)) {
      const probe = document.createElement('p');
      probe.textContent = text;
      Object.assign(probe.style, {
        position: 'fixed', visibility: 'hidden', margin: 0, whiteSpace: 'pre', lineHeight: 'normal',
        fontFamily: family, fontWeight: bold ? 'bold' : 'normal', fontSize: '100px',
      });
      document.body.append(probe);
      lines.set(key, probe.offsetHeight / 100);
      probe.remove();
    }
    return lines.get(key);
  }

  const sizeOf = (look, tall) => look.size ?? tall / 24;

  // How far the line or box around text goes beyond it.
  const border = (look, tall) => (look.background ? sizeOf(look, tall) / 4 : look.outlineWidth ?? sizeOf(look, tall) / OUTLINE_PART);

  // WCAG's relative luminance of a colour of CSS, whatever its opacity.
  const luminances = new Map();
  function luminance(value) {
    if (!luminances.has(value)) {
      const context = new OffscreenCanvas(1, 1).getContext('2d');
      context.fillStyle = value;
      context.fillRect(0, 0, 1, 1);
      const linear = [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)].map(level => level / 255)
        .map(share => (share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4));
      luminances.set(value, 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]);
    }
    return luminances.get(value);
  }

  function contrast(...pair) {
    const [least, most] = pair.map(luminance).sort((a, b) => a - b);
    return (most + 0.05) / (least + 0.05);
  }

  // The colour of the line around letters: the one that is asked for, if they stand out from it.
  function outline({ color = '#fff', outline: wanted = OUTLINES[0] }) {
    if (contrast(color, wanted) >= LEAST_CONTRAST) return wanted;
    return contrast(color, OUTLINES[0]) < contrast(color, OUTLINES[1]) ? OUTLINES[1] : OUTLINES[0];
  }

  const familyOf = look => `${look.family ? `"${look.family}", ` : ''}sans-serif`;

  // A look as properties of CSS, in pixels of a video that is so high.
  function css(look, tall) {
    const [size, around] = [sizeOf(look, tall), border(look, tall)];
    const family = familyOf(look);
    const drawn = hasEffects(look);
    const [above, below] = extent(family, look.bold);
    return {
      fontFamily: family, fontWeight: look.bold ? 'bold' : 'normal', fontStyle: look.italic ? 'italic' : 'normal',
      fontSize: `${drawn ? size : size * LINE / (above + below)}px`, lineHeight: drawn ? String(LINE) : `${size * LINE}px`,
      color: look.color ?? '#fff', textDecoration: look.underline ? 'underline' : 'none', letterSpacing: `${look.spacing ?? 0}px`,
      opacity: look.opacity ?? 1, textAlign: look.align ?? 'center',
      // libass draws a box around text that stays where it is.
      ...(look.background ? { backgroundColor: look.background, padding: `${around}px`, margin: drawn ? '0' : `${-around}px` }
        : { WebkitTextStroke: `${2 * around}px ${outline(look)}`, paintOrder: 'stroke fill' }),
      ...(drawn ? look.effects : {}),
    };
  }

  // Where libass has the base line of a look, from the top of a line of text.
  function baseline(look, tall) {
    const [above, below] = extent(familyOf(look), look.bold);
    return sizeOf(look, tall) * LINE * above / (above + below);
  }

  // How much smaller than its neighbours a text stands in a video: each font has the same height of line there.
  function shrink(text, look) {
    const [above, below] = extent(familyOf(look), look.bold);
    return Math.min(1, (above + below) / line(text, familyOf(look), look.bold));
  }

  return { of, css, border, hasEffects, baseline, shrink, OUTLINE: OUTLINES[0] };
})();
