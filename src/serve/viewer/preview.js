// Shows a tour in the viewer as its video will show it: the part of the stage that is the frame, the view at a time, what lies over it,
// and playing.
'use strict';
origami.preview = (viewer, slide, scale, onTime) => {
  const byId = id => document.getElementById(id);
  const overlay = origami.tourOverlay(scale, Boolean(slide.lossy));
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
    overlay.fit(across);
  }

  // What the frame shows, as a view of a path: when it has come to rest, or at this moment.
  function current(moving = false) {
    const view = viewer.viewport;
    const { x, y } = view.viewportToImageCoordinates(view.getCenter(moving));
    const zoom = view.viewportToImageZoom(view.getZoom(moving));
    return { x, y, downsample: width() / (state.format.width * zoom), rotation: view.getRotation(moving) };
  }

  function show({ x, y, downsample, rotation }) {
    const view = viewer.viewport;
    view.setRotation(rotation, true);
    view.zoomTo(view.imageToViewportZoom(width() / (state.format.width * downsample)), null, true);
    view.panTo(view.imageToViewportCoordinates(x, y), true);
  }

  function at(time) {
    state.time = time;
    if (state.views.length) show(camera.at(state.views, time));
    draw();
    onTime(time);
  }

  // What lies over the slide lies over what is shown of it, also where the user has moved it.
  function draw() {
    if (state.tour) overlay.draw(state.views.length ? current(true) : null, state.time);
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
    state.views = [];
    overlay.take(tour, state.format);
    place();
    try {
      state.views = camera.path(tour.camera, scale, state.format);
    } finally {
      draw();
    }
  }

  viewer.addHandler('resize', () => requestAnimationFrame(() => { if (state.tour) place(); }));
  viewer.addHandler('update-viewport', () => { if (!byId('frame').hidden) draw(); });
  return { take, current, show, at, play, stop, get time() { return state.time; }, get playing() { return state.frame !== 0; } };
};
