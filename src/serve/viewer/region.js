// A rectangle of the slide as a PNG at a resolution that is chosen: its pixels and nothing else. The server makes it; its size is known
// before.
'use strict';
// `limits()` resolves with what the server makes at most.
origami.regions = (viewer, slide, picture, limits) => {
  const byId = id => document.getElementById(id);
  const MICRONS_AT_1X = 10;
  // Of a scale that is no size in micrometres: digits behind the comma.
  const PARTS = 1e6;
  // Marks that are offered.
  const MOST = 100;
  const count = value => phrase.number(value);
  const microns = slide.microns_per_pixel;
  const mean = microns && (microns[0] + microns[1]) / 2;
  // Pixels of the slide a unit of width and height.
  const [acrossUnit, downUnit] = microns ? microns.map(size => 1000 / size) : [1, 1];
  const frame = Object.assign(document.createElement('div'), { id: 'region-frame' });
  let [most, framed] = [null, false];

  // --- What ---------------------------------------------------------------------------------------------------------

  function choices() {
    const { marking } = origami;
    const isBox = ({ feature }) => geojson.own(feature).shape === 'rectangle';
    const found = marking?.shown ? marking.marks.all().filter(mark => (isBox(mark) || mark.id === marking.latest) && mark.maxX > mark.minX && mark.maxY > mark.minY) : [];
    const titles = found.length ? marking.titles() : null;
    const chosen = byId('region-what').value;
    byId('region-what').replaceChildren(new Option(phrase`What is in view`, 'view'), new Option(phrase`A rectangle around the middle`, 'size'),
      ...found.slice(-MOST).map(mark => new Option(phrase`Mark: ${titles.get(mark.id)}`, mark.id)));
    const all = [...byId('region-what').options].map(option => option.value);
    byId('region-what').value = all.includes(chosen) ? chosen : all.includes(marking?.latest) ? marking.latest : 'view';
  }

  // Whole pixels of the full resolution, within the slide.
  function inside({ minX, minY, maxX, maxY }) {
    const [left, right] = [Math.floor(minX), Math.ceil(maxX)].map(x => Math.min(slide.width, Math.max(0, x)));
    const [top, bottom] = [Math.floor(minY), Math.ceil(maxY)].map(y => Math.min(slide.height, Math.max(0, y)));
    if (right <= left || bottom <= top) throw new Error(phrase`nothing of the slide is in view`);
    return { x: left, y: top, width: right - left, height: bottom - top };
  }

  function inView() {
    const { viewport } = viewer;
    const { x, y, width, height } = viewport.viewportToImageRectangle(viewport.getBounds().getBoundingBox());
    return inside({ minX: x, minY: y, maxX: x + width, maxY: y + height });
  }

  // Of the size that was given; it stays within the slide.
  function around() {
    const [width, height] = [['region-width', acrossUnit], ['region-height', downUnit]].map(([id, unit]) => Math.round(Number(byId(id).value) * unit));
    if (!(width > 0 && height > 0)) throw new Error(phrase`give width and height`);
    if (width > slide.width || height > slide.height) throw new Error(phrase`the rectangle is larger than the slide`);
    const { viewport } = viewer;
    const { x, y } = viewport.viewportToImageCoordinates(viewport.getCenter());
    const start = (middle, side, whole) => Math.min(whole - side, Math.max(0, Math.round(middle - side / 2)));
    return { x: start(x, width, slide.width), y: start(y, height, slide.height), width, height };
  }

  function region() {
    const what = byId('region-what').value;
    if (what === 'view') return inView();
    return what === 'size' ? around() : inside(origami.marking.marks.get(what));
  }

  // --- How large ----------------------------------------------------------------------------------------------------

  // The scale in an address, what it makes of a side, and what stands for it in the name of a file; as the server computes it.
  function scale() {
    const given = Number(byId('region-at').value);
    if (!(given > 0)) throw new Error(phrase`give a resolution`);
    const per = byId('region-per').value;
    if (microns) {
      const asked = Number((per === 'um' ? given : MICRONS_AT_1X / given).toPrecision(9));
      return { query: ['mpp', asked], side: (length, axis) => Math.max(1, Math.round(length * microns[axis] / asked)), name: per === 'um' ? `${given}um` : `${given}x` };
    }
    const part = Math.round(given / (per === 'power' ? slide.objective_power : 100) * PARTS);
    return {
      query: ['scale', `${part}/${PARTS}`], side: length => Math.max(1, Math.floor((2 * length * part + PARTS) / (2 * PARTS))),
      name: per === 'power' ? `${given}x` : `${given}pct`,
    };
  }

  // All of it, or what is wrong.
  function plan() {
    const [of, at] = [region(), scale()];
    const [width, height] = [at.side(of.width, 0), at.side(of.height, 1)];
    const query = new URLSearchParams([['x', of.x], ['y', of.y], ['w', of.width], ['h', of.height], at.query, ['format', 'png']]);
    const view = slide.view ? `&${slide.view}` : '';
    return {
      of, width, height, address: signed(`/api/slides/${encodeURIComponent(slide.name)}/region?${query}${view}`),
      ending: `_x${of.x}_y${of.y}_${width}x${height}_${at.name}`,
    };
  }

  const limit = () => phrase`The server makes images of up to ${count(most.maxWidth)} × ${count(most.maxHeight)} pixels and ${count(Number((most.maxArea / 1e6).toPrecision(3)))} megapixels.`;

  function show() {
    byId('region-sides').hidden = byId('region-what').value !== 'size';
    let [said, good, of] = ['', false, null];
    try {
      const { width, height, ...rest } = plan();
      ({ of } = rest);
      const sides = `${count(width)} × ${count(height)}`;
      good = !most || (width <= most.maxWidth && height <= most.maxHeight && width * height <= most.maxArea);
      said = good ? phrase`The file will have ${sides} pixels.` : `${phrase`${sides} pixels are too many.`} ${limit()}`;
      if (good && (width > of.width || height > of.height)) said += ` ${phrase`The slide itself has fewer.`}`;
      if (good && picture.changed) said += ` ${phrase`Brightness, contrast and gamma stay as they are in the slide.`}`;
    } catch (error) {
      said = phrase`No file: ${error.message}.`;
    }
    byId('region-size').textContent = said;
    for (const id of ['region-save', 'region-link']) byId(id).disabled = !good;
    outline(of);
  }

  // On the slide, while the panel is open.
  function outline(of) {
    const wanted = of && picture.open && byId('region').open && byId('region-what').value !== 'view';
    if (framed) viewer.removeOverlay(frame);
    framed = Boolean(wanted);
    if (wanted) viewer.addOverlay({ element: frame, location: viewer.viewport.imageToViewportRectangle(of.x, of.y, of.width, of.height) });
  }

  // --- The file -----------------------------------------------------------------------------------------------------

  async function save() {
    const { address, ending } = plan();
    picture.say(phrase`The server makes the image.`);
    byId('region-save').disabled = true;
    try {
      const answer = await fetch(address);
      if (!answer.ok) throw new Error((await answer.json()).error);
      picture.keep(await answer.blob(), ending);
      picture.say(phrase`The region is saved.`);
    } catch (error) {
      picture.say(phrase`The region is not saved: ${error.message}.`);
    } finally {
      byId('region-save').disabled = false;
    }
  }

  const link = () => picture.copy(phrase`The address of the image`, phrase`The address of the image is copied.`, new URL(plan().address, location.origin).href);

  // --- The panel ----------------------------------------------------------------------------------------------------

  async function open() {
    if (!picture.open || !byId('region').open) return outline(null);
    choices();
    show();
    // Without them the server says what is too large.
    most ??= await limits().catch(() => null);
    return show();
  }

  function begin() {
    const digits = value => Number(value.toPrecision(4));
    const units = [microns && ['um', phrase`µm a pixel`], (microns || slide.objective_power) && ['power', '×'], !microns && !slide.objective_power && ['part', '%']];
    byId('region-per').replaceChildren(...units.filter(Boolean).map(([value, text]) => new Option(text, value)));
    byId('region-at').value = microns ? digits(mean) : slide.objective_power || 100;
    byId('region-unit').textContent = microns ? 'mm' : 'px';
    // About half of what is in view.
    const { width, height } = viewer.viewport.viewportToImageRectangle(viewer.viewport.getBounds());
    const side = Math.min(width, height, slide.width, slide.height) / 2 / acrossUnit;
    for (const id of ['region-width', 'region-height']) byId(id).value = Number(side.toPrecision(1));
  }

  // The same resolution in the other unit.
  function change() {
    const value = Number(byId('region-at').value);
    if (microns && value > 0) byId('region-at').value = Number((MICRONS_AT_1X / value).toPrecision(4));
    show();
  }

  begin();
  byId('region').addEventListener('toggle', open);
  picture.listen(open);
  for (const id of ['region-what', 'region-width', 'region-height', 'region-at']) byId(id).addEventListener('input', show);
  byId('region-per').addEventListener('change', change);
  byId('region-save').addEventListener('click', save);
  byId('region-link').addEventListener('click', link);
  for (const event of ['animation', 'animation-finish', 'rotate', 'after-resize']) viewer.addHandler(event, () => { if (picture.open && byId('region').open) show(); });
};
