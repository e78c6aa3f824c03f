// The marks of a slide: features by their id, an index of where they are, and what was changed, to be undone. Knows no page.
'use strict';
origami.marks = () => {
  // Steps that can be undone.
  const MOST_STEPS = 200;
  const all = new Map();
  const index = new RBush();
  const [done, undone, listeners] = [[], [], []];

  // What is drawn of a feature, computed once.
  function made(feature) {
    const parts = geojson.parts(feature.geometry);
    geojson.parts(geojson.nucleusOf(feature), parts);
    const points = [...parts.points, ...parts.lines.flat(), ...parts.polygons.flat(2)];
    return { id: feature.id, feature, parts, ...shapes.box(points) };
  }

  function set(id, feature) {
    const before = all.get(id);
    if (before) index.remove(before);
    if (!feature) return void all.delete(id);
    const mark = made(feature);
    // A mark that is changed keeps its place in the order.
    all.set(id, mark);
    if (Number.isFinite(mark.minX)) index.insert(mark);
  }

  // Puts the features of `changes`, pairs of id and feature or null. `how` is 'undoable', or where they come from.
  function change(changes, how = 'undoable') {
    const before = changes.map(([id]) => [id, all.get(id)?.feature ?? null]);
    if (changes.length > 1000) bulk(changes);
    else for (const [id, feature] of changes) set(id, feature);
    if (how === 'undoable') {
      done.push({ before, after: changes });
      if (done.length > MOST_STEPS) done.shift();
      undone.length = 0;
    }
    for (const listener of listeners) listener(changes.map(([id]) => id), how);
  }

  // Thousands at once: the index is made anew, which is faster.
  function bulk(changes) {
    for (const [id, feature] of changes) {
      if (feature) all.set(id, made(feature));
      else all.delete(id);
    }
    index.clear();
    index.load([...all.values()].filter(mark => Number.isFinite(mark.minX)));
  }

  function step(from, to, which) {
    const last = from.pop();
    if (!last) return;
    to.push(last);
    change(last[which], 'undo');
  }

  // Those at a point, the smallest first: what lies within another can be reached.
  function at([x, y], tolerance) {
    const near = index.search({ minX: x - tolerance, minY: y - tolerance, maxX: x + tolerance, maxY: y + tolerance });
    const size = mark => (mark.maxX - mark.minX) * (mark.maxY - mark.minY);
    const hit = ({ parts: { points, lines, polygons } }) => points.some(point => shapes.apart(point, [x, y]) <= tolerance)
      || lines.some(line => shapes.nearest(line, [x, y])[0] <= tolerance)
      || polygons.some(rings => shapes.inside(rings, [x, y]) || rings.some(ring => shapes.nearest(ring, [x, y], true)[0] <= tolerance));
    return near.filter(hit).sort((a, b) => size(a) - size(b));
  }

  return {
    change, at,
    get: id => all.get(id),
    within: box => index.search(box),
    all: () => [...all.values()],
    features: () => [...all.values()].map(mark => mark.feature),
    listen: listener => listeners.push(listener),
    undo: () => step(done, undone, 'before'),
    redo: () => step(undone, done, 'after'),
    // What was changed elsewhere must not be undone here.
    forget(id) { for (const list of [done, undone]) for (const each of list) for (const side of ['before', 'after']) each[side] = each[side].filter(([of]) => of !== id); },
    get size() { return all.size; },
    get canUndo() { return done.length > 0; },
    get canRedo() { return undone.length > 0; },
  };
};
