// Several viewers that move together. What they have in common is a view: a centre, a zoom, a rotation, and whether it is mirrored. Its unit is
// the micrometre where all slides say how large their pixels are, else the width of each slide; its origin is the centre of each slide.
// Every slide but the first may lie and be turned differently, by its offset: where its centre lies from that of the first, in the first
// slide's directions, and the degrees by which it is turned. Knows no page.
'use strict';
origami.linked = (viewers, slides, changed) => {
  const microns = slides.map(slide => slide.microns_per_pixel);
  const physical = microns.every(Boolean);
  // Pixels of each slide a unit. Pixels that are not square are shown as squares.
  const scales = slides.map((slide, i) => (physical ? 2 / (microns[i][0] + microns[i][1]) : slide.width));
  // Of a view, against that which shows all slides whole; CSS pixels of a pixel of the slide with the smallest ones.
  const [SMALLEST, LARGEST] = [0.5, 8];
  const offsets = slides.map(() => ({ x: 0, y: 0, turn: 0 }));
  let view = { x: 0, y: 0, zoom: 1, turn: 0, flip: false };
  // The viewer that the user moves, and whether the others do not follow.
  let [lead, apart, following] = [0, false, false];

  function turned([x, y], degrees) {
    const angle = degrees * Math.PI / 180;
    const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
    return [x * cos - y * sin, x * sin + y * cos];
  }

  // --- One slide ----------------------------------------------------------------------------------------------------

  // What a viewer shows at this moment: the centre from that of its slide in units, and the rest of a view.
  function shown(i) {
    const { viewport } = viewers[i];
    const { x, y } = viewport.viewportToImageCoordinates(viewport.getCenter(true));
    return {
      x: (x - slides[i].width / 2) / scales[i], y: (y - slides[i].height / 2) / scales[i],
      zoom: viewport.viewportToImageZoom(viewport.getZoom(true)) * scales[i],
      turn: viewport.getRotation(true), flip: viewport.getFlip(),
    };
  }

  // The centre of the common view in pixels of a slide.
  function centre(i) {
    const [x, y] = turned([view.x - offsets[i].x, view.y - offsets[i].y], offsets[i].turn);
    return [slides[i].width / 2 + x * scales[i], slides[i].height / 2 + y * scales[i]];
  }

  function zoom(i, immediately) {
    const { viewport } = viewers[i];
    viewport.zoomTo(viewport.imageToViewportZoom(view.zoom / scales[i]), null, immediately);
  }

  function show(i, immediately = true) {
    const { viewport } = viewers[i];
    zoom(i, immediately);
    viewport.panTo(viewport.imageToViewportCoordinates(...centre(i)), immediately);
    viewport.setRotation(view.turn - offsets[i].turn, immediately);
    viewport.setFlip(view.flip);
  }

  // --- All of them --------------------------------------------------------------------------------------------------

  // Events of what happens meanwhile are not the user's.
  function quietly(action) {
    following = true;
    action();
    following = false;
  }

  function showAll() {
    quietly(() => viewers.forEach((_, i) => show(i)));
    changed();
  }

  // Takes the common view from the viewer that the user moves.
  function read() {
    const of = shown(lead);
    const [x, y] = turned([of.x, of.y], -offsets[lead].turn);
    view = { x: x + offsets[lead].x, y: y + offsets[lead].y, zoom: of.zoom, turn: of.turn + offsets[lead].turn, flip: of.flip };
  }

  // Takes the offsets from what the viewers show, while they move apart: the first one has none.
  function measure() {
    const { zoom: common, flip } = shown(lead);
    view = { ...shown(0), zoom: common, flip };
    for (let i = 1; i < viewers.length; i++) {
      const of = shown(i);
      const turn = origami.turn(view.turn - of.turn);
      const [x, y] = turned([of.x, of.y], -turn);
      offsets[i] = { x: view.x - x, y: view.y - y, turn };
    }
  }

  function follow(i) {
    if (i !== lead || following) return;
    if (!apart) read();
    quietly(() => viewers.forEach(({ viewport }, other) => {
      if (other === lead) return;
      if (!apart) show(other);
      else {
        view.zoom = shown(lead).zoom;
        zoom(other, true);
        viewport.setFlip(viewers[lead].viewport.getFlip());
      }
    }));
    if (apart) measure();
    changed();
  }

  // --- Views --------------------------------------------------------------------------------------------------------

  // Half of what all slides cover around their centres, in units.
  function extent() {
    const corner = (slide, i, side) => slide[side] / 2 / scales[i];
    const reach = side => Math.max(...slides.map((slide, i) => corner(slide, i, side) + Math.abs(offsets[i][side === 'width' ? 'x' : 'y'])));
    return [reach('width'), reach('height')];
  }

  function whole() {
    const [right, down] = extent();
    const sizes = viewers.map(({ viewport }) => viewport.getContainerSize());
    return Math.min(...sizes.map(({ x, y }) => Math.min(x / right, y / down) / 2));
  }

  function limit() {
    const most = LARGEST * Math.max(...scales);
    viewers.forEach(({ viewport }, i) => {
      viewport.minZoomLevel = viewport.imageToViewportZoom(SMALLEST * whole() / scales[i]);
      viewport.maxZoomLevel = viewport.imageToViewportZoom(Math.max(most, whole()) / scales[i]);
    });
  }

  // Nobody gets lost beyond the slides.
  function keepIn() {
    const [right, down] = extent();
    const within = (value, most) => Math.min(most, Math.max(-most, value));
    const [x, y] = [within(view.x, right), within(view.y, down)];
    if (apart || (x === view.x && y === view.y)) return;
    Object.assign(view, { x, y });
    showAll();
  }

  function take(wanted) {
    view = { ...view, ...wanted };
    showAll();
  }

  function home() {
    take({ x: 0, y: 0, zoom: whole(), turn: 0, flip: false });
  }

  function setOffset(i, offset) {
    offsets[i] = { ...offset, turn: origami.turn(offset.turn) };
    limit();
    showAll();
  }

  viewers.forEach((viewer, i) => {
    for (const event of ['pan', 'zoom', 'rotate', 'flip']) viewer.addHandler(event, () => { if (!following) lead = i; });
    for (const event of ['update-viewport', 'flip']) viewer.addHandler(event, () => follow(i));
    // By keyboard as well.
    viewer.element.addEventListener('focusin', () => { lead = i; });
    viewer.addHandler('animation-finish', () => { if (i === lead) keepIn(); });
    viewer.addHandler('after-resize', () => { limit(); showAll(); });
  });
  limit();

  return {
    physical,
    // Units by which a slide may be moved: all of them still fit one view.
    get most() { return 2 * Math.max(...slides.flatMap(({ width, height }, i) => [width / scales[i], height / scales[i]])); },
    take, home, setOffset, centre,
    // CSS pixels a pixel of a slide.
    zoomOf: i => view.zoom / scales[i],
    turnOf: i => origami.turn(view.turn - offsets[i].turn),
    get view() { return view; },
    get offsets() { return offsets; },
    get lead() { return viewers[lead]; },
    // A zoom about the pointer would move the slides against each other.
    set apart(value) {
      apart = value;
      for (const { gestureSettingsMouse, gestureSettingsTouch } of viewers) {
        for (const settings of [gestureSettingsMouse, gestureSettingsTouch]) settings.zoomToRefPoint = !apart;
      }
    },
  };
};
