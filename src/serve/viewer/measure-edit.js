// Moves the points of measures by mouse or finger, with a tool chosen or without.
'use strict';
// `measures()` are those that can be seen, and `move(measure, points)` shows one with other points; `begin()` comes before the first of them.
origami.measureEdit = (viewer, overlay, sketch, { measures, begin, move }) => {
  // CSS pixels around a point that are the point's, and by which a press may shake.
  const [GRAB, SHAKE] = [9, 5];
  // Before what draws is told.
  const FIRST = 1;
  let [held, from] = [null, null];

  function find(place) {
    const near = point => shapes.apart(point, place) * overlay.look().zoom;
    const all = measures().flatMap(measure => measure.points.map((point, at) => ({ measure, at, away: near(point) })));
    return all.filter(({ away }) => away <= GRAB).sort((a, b) => a.away - b.away)[0] ?? null;
  }

  const handlers = {
    'canvas-press': event => {
      [held, from] = [sketch.count ? null : find(overlay.at(event)), overlay.at(event)];
      sketch.paused = false;
    },
    'canvas-drag': event => {
      if (!held) return;
      event.preventDefaultAction = true;
      const here = overlay.at(event);
      if (!sketch.paused && shapes.apart(from, here) * overlay.look().zoom <= SHAKE) return;
      if (!sketch.paused) begin();
      sketch.paused = true;
      held.measure = move(held.measure, held.measure.points.with(held.at, here));
    },
    'canvas-drag-end': event => {
      if (held) event.preventDefaultAction = true;
      held = null;
    },
    // Two fingers move the slide.
    'canvas-pinch': () => { held = null; },
  };
  for (const [name, handle] of Object.entries(handlers)) viewer.addHandler(name, handle, null, FIRST);
};
