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

  // A line of text in a box, beside a point.
  function label(context, text, [x, y]) {
    context.font = FONT;
    const width = context.measureText(text).width + 12;
    context.beginPath();
    context.roundRect(x + 8, y - 27, width, 22, 4);
    context.fillStyle = '#18181be6';
    context.fill();
    context.fillStyle = '#fff';
    context.textBaseline = 'middle';
    context.fillText(text, x + 14, y - 15.5);
  }

  return { line, dot, label };
})();
