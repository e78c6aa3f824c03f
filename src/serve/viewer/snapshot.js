// What is in view as a file of another resolution than the screen's, over the strip with scale bar and caption; the server makes the image.
// Without marks and measures, which are drawn for the screen. Bare rectangles of any size are in region.js.
'use strict';
origami.snapshots = (viewer, slide, picture) => {
  const byId = id => document.getElementById(id);
  const service = `/iiif/3/${encodeURIComponent(slide.view ? `${slide.name}?${slide.view}` : slide.name)}`;
  const count = value => phrase.number(value);
  const microns = slide.microns_per_pixel;
  const full = microns ? 20 / (microns[0] + microns[1]) : slide.objective_power;
  // What the server makes at most: sides and area in pixels.
  let limits = null;

  // The part of the slide in view, in whole pixels of the full resolution.
  function region() {
    const { viewport } = viewer;
    const { x, y, width, height } = viewport.viewportToImageRectangle(viewport.getBounds().getBoundingBox());
    const [left, right] = [x, x + width].map(at => Math.min(slide.width, Math.max(0, at)));
    const [top, bottom] = [y, y + height].map(at => Math.min(slide.height, Math.max(0, at)));
    const [l, t] = [Math.floor(left), Math.floor(top)];
    return { x: l, y: t, width: Math.ceil(right) - l, height: Math.ceil(bottom) - t };
  }

  const sizeAt = ({ width, height }, down) => [width, height].map(side => Math.max(1, Math.round(side / down)));
  const fits = ([width, height]) => width <= limits.maxWidth && height <= limits.maxHeight && width * height <= limits.maxArea;
  const power = down => `${phrase.figure(Number(((full || 100) / down).toPrecision(3)))}${full ? '×' : ' %'}`;
  const address = (of, down, format) => signed(`${service}/${of.x},${of.y},${of.width},${of.height}/${sizeAt(of, down).join(',')}/0/default.${format}`);

  // Resolutions from the full one to that of the screen, each half of the one before.
  function list() {
    const of = region();
    const chosen = byId('snapshot-at').value;
    const zoom = viewer.viewport.viewportToImageZoom(viewer.viewport.getZoom());
    const found = [];
    for (let down = 1; of.width > 0 && of.height > 0 && (down === 1 || down * zoom <= 1); down *= 2) {
      const size = sizeAt(of, down);
      // Of the file, which has the strip as well.
      const sides = picture.planned(1 / (zoom * down), picture.caption(power(down))).size.map(count).join(' × ');
      const option = new Option(fits(size) ? phrase`${power(down)}, ${sides} pixels` : phrase`${power(down)}, ${sides} pixels: too large`, down);
      option.disabled = !fits(size);
      found.push(option);
    }
    byId('snapshot-at').replaceChildren(...found);
    const open = found.filter(option => !option.disabled);
    const best = open.find(option => option.value === chosen) ?? open[0];
    if (best) best.selected = true;
    byId('snapshot-save').disabled = !best;
    const most = phrase`The server makes images of up to ${count(limits.maxWidth)} × ${count(limits.maxHeight)} pixels and ${count(Number((limits.maxArea / 1e6).toPrecision(3)))} megapixels.`;
    byId('snapshot-limit').textContent = best ? most : `${most} ${found.length ? phrase`Zoom in for a smaller part.` : phrase`Nothing of the slide is in view.`}`;
  }

  // As it lies on the screen: turned and mirrored, over the strip.
  function draw(image, of, down) {
    const { viewport } = viewer;
    const centre = viewport.viewportToImageCoordinates(viewport.getCenter());
    const zoom = viewport.viewportToImageZoom(viewport.getZoom());
    const at = picture.caption(power(down));
    return picture.sheet(1 / (zoom * down), at, (context, stage) => {
      context.translate(stage.width / 2, stage.height / 2);
      if (viewport.getFlip()) context.scale(-1, 1);
      context.rotate(viewport.getRotation() * Math.PI / 180);
      context.scale(zoom, zoom);
      context.imageSmoothingQuality = 'high';
      context.drawImage(picture.adjusted(image), of.x - centre.x, of.y - centre.y, of.width, of.height);
    });
  }

  async function save() {
    const [of, down] = [region(), Number(byId('snapshot-at').value)];
    picture.say(phrase`The server makes the image.`);
    byId('snapshot-save').disabled = true;
    try {
      const answer = await fetch(address(of, down, 'png'));
      if (!answer.ok) throw new Error((await answer.json()).error);
      const image = await createImageBitmap(await answer.blob());
      await picture.download(draw(image, of, down), `_${Number(((full || 100) / down).toPrecision(3))}${full ? 'x' : 'pct'}`);
      picture.say(phrase`The region is saved.`);
    } catch (error) {
      picture.say(phrase`The region is not saved: ${error.message}.`);
    } finally {
      byId('snapshot-save').disabled = false;
    }
  }

  async function ask() {
    if (limits) return limits;
    const answer = await fetch(signed(`${service}/info.json`));
    if (!answer.ok) throw new Error((await answer.json()).error);
    return (limits = await answer.json());
  }

  async function open() {
    if (!byId('snapshot').open) return;
    try {
      await ask();
      list();
    } catch (error) {
      byId('snapshot-limit').textContent = phrase`The server makes no images: ${error.message}.`;
    }
  }

  byId('snapshot').addEventListener('toggle', open);
  byId('snapshot-save').addEventListener('click', save);
  for (const event of ['animation-finish', 'rotate', 'after-resize']) viewer.addHandler(event, () => { if (limits && byId('snapshot').open) list(); });
  byId('caption').addEventListener('input', () => { if (limits && byId('snapshot').open) list(); });
  return { limits: ask };
};
