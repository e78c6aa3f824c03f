// What a video has over its slide: circles, the pointer, scale bar and magnification, captions, the title's card. All of it lies in pixels
// of the video, in the places of the renderer, and is scaled to the frame as a whole.
'use strict';
origami.tourOverlay = (scale, isLossy) => {
  const byId = id => document.getElementById(id);
  const FADE_IN_S = 0.25;
  const FADE_OUT_S = 0.3;
  // The pointer's tip, and clockwise, in fortieths of the frame's height.
  const ARROW = [[0, 0], [0.72, 0.70], [0.42, 0.72], [0.60, 1.12], [0.44, 1.19], [0.27, 0.78], [0, 1]];
  let [tour, format, styles, seen] = [null, null, [], ''];

  function shape(name, attributes) {
    const element = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  }

  // Where a place of the slide lies in the frame.
  function toFrame(view, [x, y]) {
    const angle = view.rotation * Math.PI / 180;
    const [dx, dy] = [(x - view.x) / view.downsample, (y - view.y) / view.downsample];
    return [
      format.width / 2 + dx * Math.cos(angle) - dy * Math.sin(angle),
      format.height / 2 + dx * Math.sin(angle) + dy * Math.cos(angle),
    ];
  }

  const point = at => (Array.isArray(at) ? at : [at.x, at.y]);

  // --- Over the slide -----------------------------------------------------------------------------------------------

  function circles(view, time) {
    const line = format.height / 270;
    return (tour.highlights ?? []).filter(mark => mark.start <= time && time < mark.end).map(mark => {
      const [cx, cy] = toFrame(view, point(mark.center));
      const look = { fill: 'none', stroke: mark.color ?? 'gold', 'stroke-width': line };
      return shape('circle', { cx, cy, r: mark.radius / view.downsample + line / 2, ...look });
    });
  }

  // The place that is pointed at: between two places it moves evenly.
  function pointedAt(time) {
    const keys = tour.pointer ?? [];
    const passed = keys.filter(key => key.time <= time).length;
    const [before, after] = [keys[passed - 1], keys[passed]];
    if (!before?.at) return null;
    const from = point(before.at);
    if (!after?.at) return from;
    const part = (time - before.time) / (after.time - before.time);
    return point(after.at).map((to, axis) => from[axis] + (to - from[axis]) * part);
  }

  function pointer(view, time) {
    const at = pointedAt(time);
    if (!at) return [];
    const [[x, y], unit] = [toFrame(view, at), format.height / 40];
    const points = ARROW.map(([across, down]) => `${x + across * unit},${y + down * unit}`).join(' ');
    return [shape('polygon', { points, ...outlined() })];
  }

  // White with a line around it.
  const outlined = () => ({
    fill: '#fff', stroke: looks.OUTLINE, 'stroke-width': format.height / 270, 'stroke-linejoin': 'round', 'paint-order': 'stroke',
  });

  // The longest of 1, 2 or 5 times a power of ten micrometres that takes a sixth of the frame at most.
  function bar(view) {
    const perPixel = view.downsample * scale.microns;
    const longest = perPixel * format.width / 6;
    const power = 10 ** Math.floor(Math.log10(longest));
    const microns = [5, 2, 1].map(step => step * power).find(length => length <= longest) ?? power;
    const [unit, by] = microns >= 1e4 ? ['cm', 1e-4] : microns >= 1e3 ? ['mm', 1e-3] : microns >= 1 ? ['µm', 1] : ['nm', 1e3];
    return { length: microns / perPixel, label: `${Math.round(microns * by * 1e6) / 1e6} ${unit}` };
  }

  const times = value => `${value.toFixed(value < 1 ? 2 : value < 9.95 ? 1 : 0)}x`;

  function corners(view) {
    const { scaleBar = true, magnification = true, lossyMark = true } = tour.overlays ?? {};
    const { width, height } = format;
    const [margin, size, shapes, texts] = [height / 30, height / 36, [], []];
    if (scaleBar && scale.microns) {
      const [{ length, label }, thick] = [bar(view), height / 180];
      shapes.push(shape('rect', { x: margin, y: height - margin - thick, width: length, height: thick, ...outlined() }));
      texts.push(text(label, { size }, { left: margin, bottom: margin + height / 90 }));
    }
    const power = magnification && camera.magnification(scale, view.downsample);
    if (power) texts.push(text(times(power), { size }, { right: margin, bottom: margin }));
    if (lossyMark && isLossy) {
      // Its size is that of a line.
      const mark = { size: size * 0.8 / 1.2, opacity: 159 / 255 };
      texts.push(text('lossy reconstruction', mark, { right: margin, top: margin }));
    }
    return [shapes, texts];
  }

  // --- Text ---------------------------------------------------------------------------------------------------------

  // Words in scripts that the font of a text may lack, with their vowel signs and joiners.
  const OTHER_SCRIPT = /((?:[^\p{scx=Latin}\p{scx=Common}\p{scx=Inherited}][\p{M}\u200c\u200d]*)+)/u;

  // Where a browser has the base line of a text, from the top of its line: it rounds what the font says.
  const baselines = new Map();
  function baseline(style) {
    const { fontFamily, fontWeight, fontSize, lineHeight } = style;
    const key = [fontFamily, fontWeight, fontSize, lineHeight].join();
    if (!baselines.has(key)) {
      const [probe, mark] = [document.createElement('p'), document.createElement('span')];
      Object.assign(probe.style, { fontFamily, fontWeight, fontSize, lineHeight, visibility: 'hidden' });
      mark.style.display = 'inline-block';
      probe.append('x', mark);
      byId('captions').append(probe);
      const { top, height } = probe.getBoundingClientRect();
      // The mark stands on the base line. What is measured is scaled with the overlay.
      const down = (mark.getBoundingClientRect().bottom - top) * probe.offsetHeight / height;
      probe.remove();
      if (!(height > 0)) return null;
      baselines.set(key, down);
    }
    return baselines.get(key);
  }

  function lettered(content, given) {
    const look = { effects: {}, ...given };
    const element = document.createElement('p');
    Object.assign(element.style, looks.css(look, format.height));
    if (looks.hasEffects(look)) {
      element.textContent = content;
      return element;
    }
    // Letters stand where libass has them, and are as large.
    const letters = document.createElement('span');
    const down = baseline(element.style);
    if (down !== null) Object.assign(letters.style, { position: 'relative', top: `${looks.baseline(look, format.height) - down}px` });
    content.split(OTHER_SCRIPT).forEach((part, index) => {
      const shrink = index % 2 ? looks.shrink(part, look) : 1;
      if (shrink === 1) return letters.append(part);
      const other = document.createElement('span');
      other.textContent = part;
      // It must not make the line higher.
      Object.assign(other.style, { fontSize: `${shrink}em`, lineHeight: 0 });
      letters.append(other);
    });
    element.append(letters);
    return element;
  }

  // Text with a corner, or with its middle, at a place.
  function text(content, look, place) {
    const element = lettered(content, look);
    const sides = Object.entries(place).filter(([side]) => side !== 'middle').map(([side, length]) => [side, `${length}px`]);
    Object.assign(element.style, { position: 'absolute', ...Object.fromEntries(sides) });
    if (place.middle) element.style.transform = 'translate(-50%, -50%)';
    return element;
  }

  // A column of captions: at the lower edge the first is the lowest.
  function column(position, captions) {
    const element = document.createElement('div');
    element.className = position;
    element.style.padding = `${Math.round(format.height / 16)}px ${Math.round(format.width / 16)}px`;
    let before = null;
    for (const [cue, look] of captions) {
      const line = lettered(cue.text, look);
      // What is around two captions does not overlap.
      const around = looks.border(look, format.height);
      const side = position === 'top' ? 'marginTop' : 'marginBottom';
      if (before !== null) line.style[side] = `${(look.background ? 0 : around) + before}px`;
      before = around;
      line.style.alignSelf = { left: 'flex-start', center: 'center', right: 'flex-end' }[look.align ?? 'center'];
      element.append(line);
    }
    return element;
  }

  function captions(time) {
    const now = tour.cues.map((cue, index) => [cue, styles[index]]).filter(([cue]) => cue.start <= time && time < cue.end);
    const key = JSON.stringify(now);
    if (key === seen) return;
    seen = key;
    const where = ([, look]) => look.position ?? 'bottom';
    const [plain, drawn] = [now.filter(([, look]) => !looks.hasEffects(look)), now.filter(([, look]) => looks.hasEffects(look))];
    // Captions with effects do not make way for each other.
    byId('effects').replaceChildren(...drawn.map(one => column(where(one), [one])));
    byId('captions').replaceChildren(...['top', 'middle', 'bottom'].map(place => column(place, plain.filter(one => where(one) === place))));
  }

  function title(time) {
    const { text: heading, subtitle, duration = 3 } = tour.title ?? {};
    const { width, height, fps } = format;
    // The video fades until half a frame before the first one without the card.
    const [card, left] = [byId('card'), (Math.ceil(duration * fps - 1e-3) - 0.5) / fps - time];
    card.hidden = heading === undefined || time >= duration;
    if (card.hidden) return;
    const fade = (from, over) => Math.max(0, Math.min(1, from / over));
    const opacity = fade(time, FADE_IN_S) * fade(left, FADE_OUT_S);
    const line = (content, share, down, bold) => {
      const element = text(content, { size: height / share, bold, opacity }, { left: width / 2, top: Math.floor(height * down), middle: true });
      element.style.width = `${width - 2 * Math.round(width / 16)}px`;
      return element;
    };
    card.style.backgroundColor = `rgb(20 24 32 / ${223 / 255 * fade(left, FADE_OUT_S)})`;
    card.replaceChildren(line(heading, 14, 0.45, true), ...(subtitle ? [line(subtitle, 26, 0.56, false)] : []));
  }

  // --- All of it ----------------------------------------------------------------------------------------------------

  function take(given, size) {
    [tour, format, styles, seen] = [given, size, looks.of(given), ''];
    byId('tour-marks').setAttribute('viewBox', `0 0 ${size.width} ${size.height}`);
    Object.assign(byId('overlay').style, { width: `${size.width}px`, height: `${size.height}px` });
  }

  // `across` is the width of the frame on the page.
  function fit(across) {
    byId('overlay').style.transform = `scale(${across / format.width})`;
  }

  // Draws what a time has; `view` is null before there is a keyframe.
  function draw(view, time) {
    const [shapes, texts] = view ? corners(view) : [[], []];
    byId('tour-marks').replaceChildren(...(view ? [...circles(view, time), ...pointer(view, time)] : []), ...shapes);
    byId('corners').replaceChildren(...texts);
    captions(time);
    title(time);
  }

  return { take, fit, draw };
};
