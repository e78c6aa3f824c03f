// A canvas over the slide that moves with it. Those who draw on it get the context in CSS pixels and the way from pixels of the slide
// to pixels of the screen.
'use strict';
origami.overlay = (viewer, canvas) => {
  const context = canvas.getContext('2d');
  const painters = [];
  let [frame, view] = [0, null];

  // From pixels of the full resolution to CSS pixels of the stage, and back, for the view that is drawn now.
  function look() {
    const seen = viewer.viewport;
    const far = 1024;
    const at = (x, y) => {
      const place = seen.imageToViewerElementCoordinates(new OpenSeadragon.Point(x, y));
      // OpenSeadragon's coordinates are those of the view before it is mirrored.
      if (seen.getFlip()) place.x = canvas.clientWidth - place.x;
      return place;
    };
    const [origin, right, down] = [at(0, 0), at(far, 0), at(0, far)];
    const [a, b] = [(right.x - origin.x) / far, (right.y - origin.y) / far];
    const [c, d] = [(down.x - origin.x) / far, (down.y - origin.y) / far];
    const [e, f, whole] = [origin.x, origin.y, a * d - b * c];
    return {
      matrix: [a, b, c, d, e, f],
      // CSS pixels a pixel of the slide.
      zoom: Math.hypot(a, b),
      screen: ([x, y]) => [a * x + c * y + e, b * x + d * y + f],
      image: ([x, y]) => [(d * (x - e) - c * (y - f)) / whole, (a * (y - f) - b * (x - e)) / whole],
      width: canvas.clientWidth, height: canvas.clientHeight,
    };
  }

  // The place of an event of the viewer or of the pointer, in CSS pixels of the stage. OpenSeadragon mirrors some of its own.
  function place(event) {
    const { clientX, clientY } = event.originalEvent ?? event;
    const box = viewer.element.getBoundingClientRect();
    return [clientX - box.left, clientY - box.top];
  }

  // The part of the slide that the stage shows.
  function shown({ image, width, height }) {
    return shapes.box([[0, 0], [width, 0], [0, height], [width, height]].map(image));
  }

  function paint() {
    cancelAnimationFrame(frame);
    frame = 0;
    if (canvas.hidden || !viewer.world.getItemCount()) return;
    const ratio = devicePixelRatio;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight].map(side => Math.round(side * ratio));
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    view = look();
    origami.ink.begin(context);
    for (const painter of painters) painter(context, view);
  }

  function redraw() {
    frame ||= requestAnimationFrame(paint);
  }

  for (const event of ['update-viewport', 'resize']) viewer.addHandler(event, paint);
  return {
    redraw, shown, look, place,
    // The same in pixels of the slide.
    at: event => look().image(place(event)),
    // What is added later lies below.
    add(painter) { painters.unshift(painter); redraw(); },
    set hidden(hidden) { canvas.hidden = hidden; redraw(); },
  };
};

// How lines and texts look on any tissue: light around dark, or the other way round.
origami.ink = (() => {
  // Of a label.
  const HEIGHT = 22;
  const HALO = '#ffffffd9';
  const FONT = '600 13px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif';

  function path(context, points, closed) {
    context.beginPath();
    points.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
    if (closed) context.closePath();
  }

  function line(context, points, { colour, closed = false, width = 2, dash = [], fill = null }) {
    path(context, points, closed);
    if (fill) {
      context.fillStyle = fill;
      context.fill();
    }
    context.lineJoin = context.lineCap = 'round';
    for (const [style, wide] of [[HALO, width + 2.5], [colour, width]]) {
      Object.assign(context, { strokeStyle: style, lineWidth: wide });
      context.setLineDash(style === HALO ? [] : dash);
      context.stroke();
    }
    context.setLineDash([]);
  }

  function dot(context, [x, y], { colour, radius = 4, filled = true }) {
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    Object.assign(context, { fillStyle: filled ? colour : '#fff', strokeStyle: filled ? '#fff' : colour, lineWidth: 2 });
    context.fill();
    context.stroke();
  }

  // Boxes of labels on a canvas that is drawn anew.
  const boxes = new WeakMap();
  const begin = context => boxes.set(context, []);

  // The nearest height at which a label covers no other one.
  function free(context, x, y, width) {
    const others = boxes.get(context);
    if (!others) return y;
    const covers = at => others.some(box => x < box.x + box.width && box.x < x + width && Math.abs(at - box.y) < HEIGHT + 1);
    const steps = Array.from({ length: 9 }, (_, i) => (i % 2 ? 1 : -1) * Math.ceil(i / 2) * (HEIGHT + 2));
    const found = y + (steps.find(step => !covers(y + step)) ?? 0);
    others.push({ x, y: found, width });
    return found;
  }

  // A line of text in a box, beside a point.
  function label(context, text, [x, wanted]) {
    context.font = FONT;
    const width = context.measureText(text).width + 12;
    const y = free(context, x, wanted, width);
    context.beginPath();
    context.roundRect(x + 8, y - 27, width, HEIGHT, 4);
    context.fillStyle = '#18181be6';
    context.fill();
    context.fillStyle = '#fff';
    context.textBaseline = 'middle';
    context.fillText(text, x + 14, y - 15.5);
  }

  // To the right of an outline, so that no corner of it is covered; within the stage.
  function beside(context, text, points, { width, height }) {
    const [xs, ys] = [0, 1].map(axis => points.map(point => point[axis]));
    context.font = FONT;
    const most = width - context.measureText(text).width - 24;
    const middle = (Math.min(...ys) + Math.max(...ys)) / 2 + 16;
    label(context, text, [Math.max(4, Math.min(Math.max(...xs) + 4, most)), Math.max(31, Math.min(middle, height - 8))]);
  }

  return { begin, line, dot, label, beside };
})();
