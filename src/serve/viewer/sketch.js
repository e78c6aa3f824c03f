// Draws one shape on the slide: by clicks, by dragging, with a finger, or by keys at a cross in the middle of the view. Says what was
// drawn; what it means is for the caller.
'use strict';
// `KINDS`: how many points a shape has, whether it is closed, and what dragging does.
origami.sketch = (viewer, overlay) => {
  const KINDS = {
    point: { least: 1, most: 1 },
    segment: { least: 2, most: 2, drag: 'ends' },
    line: { least: 2, most: Infinity, drag: 'ends' },
    angle: { least: 3, most: 3 },
    polygon: { least: 3, most: Infinity, closed: true },
    rectangle: { least: 2, most: 2, drag: 'ends', outline: shapes.rectangle },
    ellipse: { least: 2, most: 2, drag: 'ends', outline: (a, b) => shapes.ellipse(shapes.box([a, b])) },
    freehand: { least: 3, most: Infinity, closed: true, drag: 'path' },
  };
  // CSS pixels within which a click means the first point, and between points of a free line.
  const [NEAR, APART] = [10, 3];
  // A click that shakes is no drag: as far as OpenSeadragon lets it.
  const SHAKE = 5;
  const COLOUR = '#b0177a';
  let [kind, points, hover, dragging, byKey, told] = [null, [], null, false, false, null];
  // Whether a drag has drawn something since the button went down: its end is no click.
  let drawn = false;
  // While what is dragged is another's.
  let paused = false;

  const centre = () => (({ image, width, height }) => image([width / 2, height / 2]))(overlay.look());
  const close = (a, b, pixels) => shapes.apart(a, b) * overlay.look().zoom <= pixels;

  // Points with the one that would come next.
  const pending = () => [...points, byKey ? centre() : hover].filter(Boolean);

  // `done(points)` gets what is drawn, `changed(points)` what is there so far at each change, `label(points)` says what to write beside
  // it, `few(least)` follows where a shape is to be closed that has fewer points, and `ended()` when nothing more is drawn.
  function begin(name, to) {
    stop();
    [kind, told, byKey] = [KINDS[name], { changed() {}, label() {}, ended() {}, few() {}, ...to }, origami.byKey()];
    viewer.element.classList.add('drawing');
    overlay.redraw();
  }

  function stop() {
    const was = told;
    [kind, points, hover, dragging, told] = [null, [], null, false, null];
    viewer.element.classList.remove('drawing');
    overlay.redraw();
    was?.ended();
  }

  function changed() {
    told.changed(points);
    overlay.redraw();
  }

  function put(point) {
    if (kind.closed && points.length > 1 && close(points[0], point, NEAR)) return points.length >= kind.least ? finish() : told.few(kind.least);
    points.push(point);
    if (points.length === kind.most) return finish();
    return changed();
  }

  // What is drawn counts if it has enough points that differ.
  function finish() {
    const whole = points.filter((point, i) => i === 0 || !close(point, points[i - 1], 0.5));
    const few = !dragging && whole.length < kind.least;
    // What lacks points goes on.
    points = few ? whole : [];
    dragging = false;
    if (whole.length >= kind.least) told.done(kind.outline ? kind.outline(...whole) : whole);
    if (kind) changed();
    if (few) told.few(kind.least);
  }

  function back() {
    points.pop();
    changed();
  }

  // --- Pointer ------------------------------------------------------------------------------------------------------

  const handlers = {
    'canvas-click': event => {
      event.preventDefaultAction = true;
      byKey = false;
      if (event.quick && !drawn) put(overlay.at(event));
    },
    'canvas-double-click': event => {
      event.preventDefaultAction = true;
      // Its second click is no point of its own.
      if (points.length > 1 && close(points.at(-1), points.at(-2), 2 * NEAR)) points.pop();
      if (points.length >= kind.least) finish();
      else if (points.length) told.few(kind.least);
    },
    'canvas-drag': event => {
      // A shape that was begun by clicks goes on by clicks, so that dragging moves the slide.
      if (!kind.drag || (points.length && !dragging)) return;
      event.preventDefaultAction = true;
      const here = overlay.at(event);
      if (!dragging) {
        const from = overlay.look().image(pressed);
        if (close(from, here, SHAKE)) return;
        [dragging, drawn, byKey] = [true, true, false];
        points = [from];
      }
      if (kind.drag === 'ends') points[1] = here;
      else if (!close(points.at(-1), here, APART)) points.push(here);
      changed();
    },
    'canvas-drag-end': event => {
      if (!dragging) return;
      event.preventDefaultAction = true;
      if (kind.drag === 'path') points = shapes.simplified(points, 0.7 / overlay.look().zoom);
      finish();
    },
    // Two fingers move the slide.
    'canvas-pinch': () => {
      if (dragging) [points, dragging] = [[], false];
    },
  };
  let pressed = null;
  viewer.addHandler('canvas-press', event => { [pressed, drawn] = [overlay.place(event), false]; });
  for (const [name, handle] of Object.entries(handlers)) viewer.addHandler(name, event => { if (kind && !paused) handle(event); });
  viewer.element.addEventListener('pointermove', event => {
    // A layout that changes below a pointer that rests is no movement.
    if (!kind || (byKey && !event.movementX && !event.movementY)) return;
    hover = event.pointerType === 'touch' ? null : overlay.at(event);
    byKey = false;
    overlay.redraw();
  });
  viewer.element.addEventListener('pointerleave', () => { hover = null; overlay.redraw(); });

  // --- Keys ---------------------------------------------------------------------------------------------------------

  // A point at the same place as the last one ends the shape, like a double click.
  function enter() {
    byKey = true;
    const here = centre();
    if (points.length >= kind.least && close(points.at(-1), here, 1)) finish();
    else put(here);
  }

  const keys = {
    Enter: enter,
    Backspace: () => points.length && back(),
    Escape: () => {
      if (!points.length) return stop();
      points = [];
      return changed();
    },
  };
  document.addEventListener('keydown', event => {
    if (!kind || event.ctrlKey || event.metaKey) return;
    const field = event.target.closest('input, select, textarea, dialog, button, a, summary');
    // A field is left by Escape, a button is no place of its own for it.
    if (field && (event.key !== 'Escape' || event.target.closest('input:not([type="checkbox"]), select, textarea, dialog'))) return;
    if (event.key.startsWith('Arrow')) {
      byKey = true;
      overlay.redraw();
      return;
    }
    if (event.altKey || !keys[event.key]) return;
    event.preventDefault();
    event.stopPropagation();
    keys[event.key]();
  }, true);

  // --- Picture ------------------------------------------------------------------------------------------------------

  function cross(context, { width, height }) {
    const [x, y] = [width / 2, height / 2];
    for (const ends of [[[x - 14, y], [x + 14, y]], [[x, y - 14], [x, y + 14]]]) origami.ink.line(context, ends, { colour: '#18181b' });
  }

  overlay.add((context, view) => {
    if (!kind) return;
    const all = dragging ? points : pending();
    const outline = kind.outline && all.length > 1 ? kind.outline(...all) : all;
    const screen = outline.map(view.screen);
    const closed = Boolean(kind.outline) || (kind.closed && all.length > 2);
    if (screen.length > 1) origami.ink.line(context, screen, { colour: COLOUR, closed, dash: dragging ? [] : [6, 4] });
    for (const point of points) if (kind.drag !== 'path' || !dragging) origami.ink.dot(context, view.screen(point), { colour: COLOUR });
    const text = told.label(all);
    if (text && screen.length > 1) {
      if (kind.closed) origami.ink.beside(context, text, screen, view);
      else origami.ink.label(context, text, screen.at(-1));
    }
    if (byKey) cross(context, view);
  });

  return {
    begin, stop, finish: () => kind && finish(), back: () => points.length && back(),
    set paused(value) { paused = value; },
    get paused() { return paused; },
    get active() { return Boolean(kind); },
    get count() { return points.length; },
  };
};
