// Shows a tour in the viewer as its video will show it: the part of the stage that is the frame, the view at a time, the captions of
// that time, and playing.
'use strict';
origami.preview = (viewer, scale, onTime) => {
  const byId = id => document.getElementById(id);
  const state = { tour: null, views: [], format: camera.formatOf(), time: 0, frame: 0, from: 0 };

  // Width of the frame in CSS pixels: the largest of its aspect ratio that fits the stage.
  function width() {
    const { x, y } = viewer.viewport.getContainerSize();
    return Math.min(x, y * state.format.width / state.format.height);
  }

  function place() {
    const [box, across] = [byId('frame'), width()];
    box.style.width = `${across}px`;
    box.style.height = `${across * state.format.height / state.format.width}px`;
    box.style.fontSize = `${state.format.height / 24 * across / state.format.width}px`;
  }

  // What the frame shows now, as a view of a path.
  function current() {
    const view = viewer.viewport;
    const { x, y } = view.viewportToImageCoordinates(view.getCenter());
    const zoom = view.viewportToImageZoom(view.getZoom());
    return { x, y, downsample: width() / (state.format.width * zoom), rotation: view.getRotation() };
  }

  function show({ x, y, downsample, rotation }) {
    const view = viewer.viewport;
    view.setRotation(rotation, true);
    view.zoomTo(view.imageToViewportZoom(width() / (state.format.width * downsample)), null, true);
    view.panTo(view.imageToViewportCoordinates(x, y), true);
  }

  // Text only; the video draws styles in full.
  function caption(cue) {
    const line = document.createElement('p');
    const { color = '', fontWeight = '', fontStyle = '', fontSize } = cue.style ?? {};
    line.textContent = cue.text;
    Object.assign(line.style, { color, fontWeight, fontStyle });
    const size = parseFloat(fontSize);
    if (size > 0) line.style.fontSize = `${size * width() / state.format.width}px`;
    return line;
  }

  function at(time) {
    state.time = time;
    if (state.views.length) show(camera.at(state.views, time));
    write();
    onTime(time);
  }

  // The captions of the present time.
  function write() {
    const seen = state.tour.cues.filter(cue => cue.start <= state.time && state.time < cue.end);
    byId('captions').replaceChildren(...seen.map(caption));
  }

  function stop() {
    cancelAnimationFrame(state.frame);
    state.frame = 0;
    onTime(state.time);
  }

  function play() {
    const end = camera.duration(state.tour);
    if (!state.views.length || !end) return;
    const begin = state.time >= end ? 0 : state.time;
    let started = null;
    const step = now => {
      started ??= now;
      const time = Math.min(end, begin + (now - started) / 1000);
      state.frame = requestAnimationFrame(step);
      at(time);
      if (time >= end) stop();
    };
    state.frame = requestAnimationFrame(step);
  }

  // Takes a tour; what its slide does not allow is the message of the error.
  function take(tour) {
    state.tour = tour;
    state.format = camera.formatOf(tour.options);
    place();
    write();
    state.views = camera.path(tour.camera, scale, state.format);
  }

  viewer.addHandler('resize', () => requestAnimationFrame(place));
  return { take, current, show, at, play, stop, get time() { return state.time; }, get playing() { return state.frame !== 0; } };
};
