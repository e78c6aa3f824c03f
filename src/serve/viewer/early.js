// Asks for the slide and its preview while OpenSeadragon is still on its way, and shows the preview where the slide will be: on a slow link
// the first picture comes that much earlier.
'use strict';
origami.early = (() => {
  const byId = id => document.getElementById(id);
  const described = origami.describe(origami.named(), planes.asked);

  // In the view of the address, unless that is turned or mirrored; the whole slide without one.
  function show(slide, blob) {
    const given = new URLSearchParams(location.hash.slice(1));
    const { clientWidth: width, clientHeight: height } = byId('main');
    const whole = Math.min(width / slide.width, height / slide.height);
    const [x, y, zoom] = [['x', slide.width / 2], ['y', slide.height / 2], ['z', whole]].map(([key, other]) => Number(given.get(key) ?? other));
    if (given.has('r') || given.has('f') || ![x, y, zoom].every(Number.isFinite)) return;
    const image = Object.assign(new Image(), { id: 'early', alt: '', src: URL.createObjectURL(blob) });
    const [left, top] = [width / 2 - x * zoom, height / 2 - y * zoom];
    Object.assign(image.style, { left: `${left}px`, top: `${top}px`, width: `${slide.width * zoom}px`, height: `${slide.height * zoom}px` });
    byId('main').prepend(image);
  }

  // Takes it away, once there is a tile in its place.
  function end() {
    const image = byId('early');
    if (!image) return;
    URL.revokeObjectURL(image.src);
    image.remove();
  }

  described.then(async slide => {
    const { url, query } = origami.tilesOf('dzi', slide);
    const preview = slide.levels.findLast(each => each.columns === 1 && each.rows === 1);
    const answer = preview && await fetch(`${url}${preview.level}/0_0.${slide.format}${query}`);
    if (!answer?.ok) return;
    // Read to its end, so that the browser keeps it.
    const blob = await answer.blob();
    if (!origami.viewer) show(slide, blob);
  }).catch(() => {});
  return { described, end };
})();
