// Draws thousands of marks without holding up the slide. They are drawn to a canvas larger than the stage, a few milliseconds a frame;
// until that is done, the last such picture is shown, moved and scaled to where the slide is now.
'use strict';
// What stands beside a mark on the slide: the text that was put there, else its name or the first line of what is remarked.
origami.markName = feature => {
  const MOST = 40;
  const own = geojson.textOf(feature);
  const text = ((geojson.own(feature).shape === 'text' && own) || geojson.nameOf(feature) || own).split('\n')[0];
  return text.length > MOST ? `${text.slice(0, MOST - 1)}…` : text;
};

// `place` is the element that shows the picture, `skip(id)` says that a mark is drawn by someone else, `hidden(mark)` that it is not shown,
// `strong(id)` that it is one of several that are chosen.
origami.marksLayer = (viewer, overlay, place, marks, { skip, hidden, strong }) => {
  // Of a frame, while the slide moves and while it is still.
  const [MOVING_MS, STILL_MS] = [2, 12];
  // Of each side of the stage, how far the picture reaches beyond it.
  const MARGIN = 0.15;
  // Marks drawn before the clock is looked at, and the number up to which they get a light edge.
  const [BATCH, FEW] = [40, 600];
  // Marks in view up to which names are drawn, and CSS pixels of the smallest shape that gets one.
  const [NAMED, LARGE] = [200, 12];
  // CSS pixels below which a mark is a dot.
  const DOT = 3;
  const WIDTH = 2;
  // Pixels in memory: drawing then takes its time at once, where it is measured, and not when the frame is shown.
  const sheet = () => {
    const canvas = document.createElement('canvas');
    canvas.className = 'marks';
    return { canvas, context: canvas.getContext('2d', { willReadFrequently: true }), view: null };
  };
  let [front, back] = [sheet(), sheet()];
  let [job, stale, frame, drawn, last] = [null, true, 0, 0, null];

  // --- One picture --------------------------------------------------------------------------------------------------

  function begin(view) {
    const ratio = devicePixelRatio;
    const [left, top] = [view.width * MARGIN, view.height * MARGIN];
    const size = [view.width + 2 * left, view.height + 2 * top];
    const { canvas, context } = back;
    const [width, height] = size.map(side => Math.round(side * ratio));
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    else context.clearRect(0, 0, width, height);
    const corners = [[-left, -top], [view.width + left, -top], [-left, view.height + top], [view.width + left, view.height + top]];
    const found = marks.within(shapes.box(corners.map(view.image))).filter(mark => !skip(mark.id) && !hidden(mark));
    // By colour, so that many make one path.
    const byColour = new Map();
    for (const mark of found) {
      const look = [geojson.css(geojson.colourOf(mark.feature)), strong(mark.id)];
      const key = look.join();
      if (!byColour.has(key)) byColour.set(key, [look, []]);
      byColour.get(key)[1].push(mark);
    }
    const [a, b, c, d, e, f] = view.matrix;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.lineJoin = 'round';
    job = {
      view, left, top, batches: batches(byColour.values()), few: found.length <= FEW, named: found.length <= NAMED, count: found.length,
      x: ([x, y]) => a * x + c * y + e + left, y: ([x, y]) => b * x + d * y + f + top,
    };
    stale = false;
  }

  function* batches(byColour) {
    for (const [[colour, isStrong], of] of byColour) {
      for (let i = 0; i < of.length; i += BATCH) yield [colour, isStrong, of.slice(i, i + BATCH)];
    }
  }

  function draw([colour, isStrong, of]) {
    const { context } = back;
    const { view, few, named } = job;
    const width = isStrong ? 2 * WIDTH : WIDTH;
    const dots = [];
    context.beginPath();
    for (const mark of of) {
      const size = Math.max(mark.maxX - mark.minX, mark.maxY - mark.minY) * view.zoom;
      if (size < DOT && !mark.parts.points.length) dots.push([mark.minX, mark.minY]);
      else outline(mark, size);
    }
    if (few) {
      Object.assign(context, { strokeStyle: '#ffffffb3', lineWidth: width + 2 });
      context.stroke();
    }
    Object.assign(context, { strokeStyle: colour, lineWidth: width, fillStyle: colour });
    context.stroke();
    for (const at of dots) context.fillRect(job.x(at) - 1, job.y(at) - 1, DOT, DOT);
    for (const mark of of) if (mark.parts.points.length) pins(mark, colour, isStrong);
    if (named) for (const mark of of) if (!mark.parts.points.length) name(mark, view);
  }

  // Over the middle of its upper edge, as it lies on the screen.
  function name(mark, view) {
    const text = origami.markName(mark.feature);
    if (!text || Math.max(mark.maxX - mark.minX, mark.maxY - mark.minY) * view.zoom < LARGE) return;
    const { minX, minY, maxX, maxY } = shapes.box([[mark.minX, mark.minY], [mark.maxX, mark.minY], [mark.maxX, mark.maxY], [mark.minX, mark.maxY]]
      .map(at => [job.x(at), job.y(at)]));
    if (minY > -job.top && maxY > minY) origami.ink.label(back.context, text, [(minX + maxX) / 2, minY]);
  }

  function outline({ parts: { lines, polygons } }, size) {
    for (const line of lines) trace(line, false, size);
    for (const rings of polygons) for (const ring of rings) trace(ring, true, size);
  }

  // Points closer than a few pixels add nothing to a small outline.
  function trace(points, closed, size) {
    const { context } = back;
    const step = Math.max(1, Math.floor(points.length / Math.max(5, size)));
    for (let i = 0; i < points.length; i += step) {
      if (i === 0) context.moveTo(job.x(points[i]), job.y(points[i]));
      else context.lineTo(job.x(points[i]), job.y(points[i]));
    }
    if (closed) context.closePath();
    else if ((points.length - 1) % step) context.lineTo(job.x(points.at(-1)), job.y(points.at(-1)));
  }

  function pins({ feature, parts }, colour, isStrong) {
    const { context } = back;
    const text = geojson.own(feature).shape === 'text' || job.named ? origami.markName(feature) : '';
    for (const point of parts.points) {
      const at = [job.x(point), job.y(point)];
      origami.ink.dot(context, at, { colour, radius: isStrong ? 8 : 5 });
      if (text && point === parts.points[0]) origami.ink.label(context, text, at);
    }
  }

  // --- Frames -------------------------------------------------------------------------------------------------------

  const same = (one, other) => one && one.width === other.width && one.height === other.height
    && one.matrix.every((value, i) => Math.abs(value - other.matrix[i]) < 1e-6);

  function work(budget) {
    const until = performance.now() + budget;
    do {
      const next = job.batches.next();
      if (next.done) {
        [front, back] = [back, front];
        Object.assign(front, { view: job.view, left: job.left, top: job.top });
        place.replaceChildren(front.canvas);
        drawn = job.count;
        job = null;
        return;
      }
      draw(next.value);
      // Browsers put drawing off until someone looks.
      back.context.getImageData(0, 0, 1, 1);
    } while (performance.now() < until);
  }

  // Where the picture that is shown belongs in the view of now.
  function lay(view) {
    const { canvas } = front;
    if (!front.view) return;
    const then = front.view;
    // From CSS pixels of the picture to those of the stage: through the slide.
    const to = point => view.screen(then.image([point[0] - front.left, point[1] - front.top]));
    const [origin, right, down] = [to([0, 0]), to([1000, 0]), to([0, 1000])];
    const values = [right[0] - origin[0], right[1] - origin[1], down[0] - origin[0], down[1] - origin[1]].map(value => value / 1000);
    canvas.style.width = `${then.width + 2 * front.left}px`;
    canvas.style.height = `${then.height + 2 * front.top}px`;
    canvas.style.transform = `matrix(${values.join(',')},${origin[0]},${origin[1]})`;
  }

  overlay.add((_, view) => {
    if (place.hidden) return;
    if (!job && (stale || !same(front.view, view))) begin(view);
    if (job) work(same(last, view) ? STILL_MS : MOVING_MS);
    last = view;
    lay(view);
    // The rest in the next frame, whether the slide moves or not.
    if (job) {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => overlay.redraw());
    }
  });

  function changed() {
    stale = true;
    overlay.redraw();
  }

  return {
    changed,
    set hidden(value) { place.hidden = value; changed(); },
    get hidden() { return place.hidden; },
    // Nothing is drawn for as long as it is hidden.
    get settled() { return place.hidden || (!job && !stale); },
    get drawn() { return drawn; },
  };
};
