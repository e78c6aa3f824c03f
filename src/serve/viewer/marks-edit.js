// Selects a mark and changes its shape: by its handles, as a whole, and by keys. Several are chosen with Shift.
'use strict';
// `may()` says whether marks can be changed, `selected(id)` is told which one is chosen, `several` are those that are chosen together,
// `visible(mark)` says whether it can be seen, and `stamped(feature)` adds who changed it and when.
origami.marksEdit = (viewer, overlay, sketch, marks, { may, selected, several, visible, stamped }) => {
  const GRAB = 9;
  // Shapes with more points are moved as a whole only.
  const MOST_HANDLES = 400;
  let [id, corner, drag, draft, open] = [null, null, null, null, false];

  const feature = () => draft ?? marks.get(id)?.feature;
  const locked = of => of.properties?.isLocked === true;
  const changeable = () => Boolean(id && may() && marks.get(id) && !locked(marks.get(id).feature));
  // Of polygons alone: other programs may write this at anything.
  const shapeOf = of => (of.geometry?.type === 'Polygon' && of.geometry.coordinates.length ? geojson.own(of).shape : null);

  // --- Points -------------------------------------------------------------------------------------------------------

  // What can be taken hold of: of boxes the four corners, of others their points. As [point, path into the coordinates].
  function handles(of) {
    if (!of?.geometry) return [];
    if (['rectangle', 'ellipse'].includes(shapeOf(of))) {
      const { minX, minY, maxX, maxY } = shapes.box(of.geometry.coordinates[0]);
      return shapes.rectangle([minX, minY], [maxX, maxY]).map((point, i) => [point, i]);
    }
    const { points, lines, polygons } = geojson.parts(of.geometry);
    const all = [...points, ...lines.flat(), ...polygons.flat(2)];
    return all.length > MOST_HANDLES ? [] : all.map((point, i) => [point, i]);
  }

  const map = (of, move) => {
    const deep = value => (typeof value[0] === 'number' ? [...move(value), ...value.slice(2)] : value.map(deep));
    const moved = geometry => (geometry?.coordinates ? { ...geometry, coordinates: deep(geometry.coordinates) }
      : geometry?.geometries ? { ...geometry, geometries: geometry.geometries.map(moved) } : geometry);
    const nucleus = where => (where?.nucleusGeometry ? { ...where, nucleusGeometry: moved(where.nucleusGeometry) } : where);
    return nucleus({ ...of, geometry: moved(of.geometry), properties: nucleus(of.properties) });
  };
  const round = value => Math.round(value * 100) / 100;
  const shifted = (of, dx, dy) => map(of, ([x, y]) => [round(x + dx), round(y + dy)]);

  // The shape with a handle at another place.
  function reshaped(of, which, to) {
    const shape = shapeOf(of);
    if (shape === 'rectangle' || shape === 'ellipse') {
      const across = handles(of)[(which + 2) % 4][0];
      const ring = shape === 'rectangle' ? shapes.rectangle(across, to) : shapes.ellipse(shapes.box([across, to]));
      return { ...of, geometry: geojson.polygon([ring]) };
    }
    const [from] = handles(of)[which];
    // A ring's first point stands at its end as well.
    return { ...of, geometry: map(of, point => (point[0] === from[0] && point[1] === from[1] ? to.map(round) : point)).geometry };
  }

  // With a point more, or one less; only of plain lines and polygons.
  function edited(of, edit) {
    const { type, coordinates } = of.geometry ?? {};
    if (shapeOf(of) === 'rectangle' || shapeOf(of) === 'ellipse') return null;
    if (type === 'LineString') {
      const points = edit([...coordinates]);
      return points.length > 1 ? { ...of, geometry: geojson.line(points) } : null;
    }
    if (type !== 'Polygon' || coordinates.length !== 1) return null;
    const points = edit(coordinates[0].slice(0, -1));
    return points.length > 2 ? { ...of, geometry: geojson.polygon([points]) } : null;
  }

  // --- Changes ------------------------------------------------------------------------------------------------------

  function select(wanted, handle = null) {
    [id, corner, draft, drag] = [wanted, handle, null, null];
    several.choose([]);
    selected(id);
    overlay.redraw();
  }

  const chosen = () => (id ? [id] : several.ids);

  // One mark is chosen by itself, more are chosen together.
  function pick(ids) {
    select(ids.length === 1 ? ids[0] : null);
    if (ids.length > 1) several.choose(ids);
  }

  // With those that are chosen already, or no longer with them.
  const together = which => pick(chosen().includes(which) ? chosen().filter(each => each !== which) : [...chosen(), which]);

  const pickAll = () => pick(marks.all().filter(visible).map(mark => mark.id));

  function keep(changed) {
    if (changed) marks.change([[id, stamped(changed)]]);
    overlay.redraw();
  }

  function remove() {
    if (!changeable()) return;
    const gone = id;
    select(null);
    marks.change([[gone, null]]);
  }

  // --- Pointer ------------------------------------------------------------------------------------------------------

  const grab = () => GRAB / overlay.look().zoom;

  function handleAt(point) {
    const near = handles(feature()).filter(([each]) => shapes.apart(each, point) <= grab());
    near.sort((a, b) => shapes.apart(a[0], point) - shapes.apart(b[0], point));
    return near.length ? near[0][1] : null;
  }

  const pointer = {
    'canvas-press': event => {
      drag = null;
      if (!changeable()) return;
      const here = overlay.at(event);
      const which = handleAt(here);
      const within = marks.at(here, grab()).some(mark => mark.id === id);
      if (which !== null || within) drag = { from: here, which, base: marks.get(id).feature };
    },
    'canvas-drag': event => {
      if (!drag) return;
      event.preventDefaultAction = true;
      const here = overlay.at(event);
      draft = drag.which === null ? shifted(drag.base, here[0] - drag.from[0], here[1] - drag.from[1])
        : reshaped(drag.base, drag.which, here);
      overlay.redraw();
    },
    'canvas-drag-end': event => {
      if (!drag) return;
      event.preventDefaultAction = true;
      const changed = draft;
      [corner, draft, drag] = [drag.which, null, null];
      keep(changed);
    },
    'canvas-pinch': () => { [drag, draft] = [null, null]; },
    'canvas-click': event => {
      if (!event.quick) return;
      event.preventDefaultAction = true;
      const here = overlay.at(event);
      const found = marks.at(here, grab() / 2).filter(visible);
      if (event.shift) return found.length && together(found[0].id);
      const which = changeable() ? handleAt(here) : null;
      if (which !== null) return select(id, which);
      // A second click at the same place goes to what lies below.
      const next = found[(found.findIndex(mark => mark.id === id) + 1) % (found.length || 1)];
      return select(next?.id ?? null);
    },
    // Adds a point on the edge.
    'canvas-double-click': event => {
      if (!changeable()) return;
      const here = overlay.at(event);
      const of = marks.get(id).feature;
      const closed = of.geometry?.type === 'Polygon';
      const changed = edited(of, points => {
        const [distance, after] = shapes.nearest(points, here, closed);
        return distance <= grab() ? points.toSpliced(after + 1, 0, here) : [];
      });
      if (!changed) return;
      event.preventDefaultAction = true;
      keep(changed);
    },
  };
  for (const [name, handle] of Object.entries(pointer)) {
    viewer.addHandler(name, event => { if (open && !sketch.active) handle(event); });
  }

  // --- Keys ---------------------------------------------------------------------------------------------------------

  // Moves the chosen handle, or the whole mark, on the screen.
  function nudge(right, down) {
    const { image } = overlay.look();
    const [origin, to] = [image([0, 0]), image([right, down])];
    const [dx, dy] = [to[0] - origin[0], to[1] - origin[1]];
    const of = marks.get(id).feature;
    const [point] = corner === null ? [null] : handles(of)[corner];
    keep(point ? reshaped(of, corner, [point[0] + dx, point[1] + dy]) : shifted(of, dx, dy));
  }

  function turn(by) {
    const count = handles(feature()).length;
    if (!count) return;
    corner = corner === null ? (by > 0 ? 0 : count - 1) : (corner + by + count) % count;
    overlay.redraw();
  }

  function removePoint() {
    const changed = corner === null ? null : edited(marks.get(id).feature, points => points.toSpliced(corner, 1));
    if (!changed) return remove();
    corner = null;
    return keep(changed);
  }

  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  document.addEventListener('keydown', event => {
    if (!open || event.target.closest('input:not([type="checkbox"]), select, textarea, dialog')) return;
    const used = sketch.active ? undoes(event) : key(event);
    if (!used) return;
    event.preventDefault();
    event.stopPropagation();
  }, true);

  function undoes(event) {
    const which = event.key.toLowerCase();
    if (!(event.ctrlKey || event.metaKey) || !may() || !['z', 'y'].includes(which)) return false;
    if (which === 'y' || event.shiftKey) marks.redo();
    // Of what is being drawn the last point.
    else if (sketch.count) sketch.back();
    else marks.undo();
    return true;
  }

  function key(event) {
    if (event.ctrlKey || event.metaKey) {
      if (event.key.toLowerCase() !== 'a') return undoes(event);
      pickAll();
      return true;
    }
    if (event.key === 'Escape' && chosen().length) {
      select(null);
      return true;
    }
    const removes = { Delete: several.remove, Backspace: several.remove };
    if (several.size && removes[event.key]) {
      several.remove();
      return true;
    }
    if (!changeable()) return false;
    if (event.altKey && ARROWS[event.key]) {
      const by = event.shiftKey ? 10 : 1;
      nudge(...ARROWS[event.key].map(value => value * by));
      return true;
    }
    const others = { Delete: removePoint, Backspace: removePoint, '[': () => turn(-1), ']': () => turn(1) };
    others[event.key]?.();
    return event.key in others;
  }

  // --- Picture ------------------------------------------------------------------------------------------------------

  overlay.add((context, view) => {
    const of = open && id ? feature() : null;
    if (!of) return;
    const colour = geojson.css(geojson.colourOf(of));
    const { points, lines, polygons } = geojson.parts(of.geometry);
    const nucleus = geojson.parts(geojson.nucleusOf(of)).polygons;
    for (const line of lines) origami.ink.line(context, line.map(view.screen), { colour, width: 3 });
    for (const rings of [...polygons, ...nucleus]) {
      for (const ring of rings) {
        origami.ink.line(context, ring.map(view.screen), { colour, width: 3, closed: true, fill: geojson.css(geojson.colourOf(of), 0.15) });
      }
    }
    for (const point of points) origami.ink.dot(context, view.screen(point), { colour, radius: 7 });
    const name = origami.markName(of);
    const box = shapes.box([...points, ...lines.flat(), ...polygons.flat(2)].map(view.screen));
    if (name) origami.ink.label(context, name, points.length ? view.screen(points[0]) : [(box.minX + box.maxX) / 2, box.minY]);
    if (!changeable() || (points.length && !lines.length && !polygons.length)) return;
    for (const [point, which] of handles(of)) origami.ink.dot(context, view.screen(point), { colour, radius: 5, filled: which === corner });
  });

  marks.listen(ids => {
    if (!id || !ids.includes(id)) return;
    if (!marks.get(id)) select(null);
    else selected(id);
  });

  return {
    select, remove, pick, pickAll, together, chosen,
    get id() { return id; },
    set open(value) { open = value; if (!open) select(null); overlay.redraw(); },
  };
};
