// The panel of marks: tools, classes, the chosen mark, and files. It owns the marks of the page.
'use strict';
origami.marksPanel = (viewer, slide, name, overlay, sketch, remember) => {
  const byId = id => document.getElementById(id);
  const in_ = units(slide.microns_per_pixel);
  // Marks that are listed at a time.
  const MOST_LISTED = 50;
  const polygon = ring => geojson.polygon([ring]);
  const TOOLS = {
    point: { kind: 'point', how: phrase`Click at each place.`, geometry: ([at]) => geojson.point(at) },
    line: { kind: 'line', how: phrase`Click along it; a double click ends it.`, geometry: geojson.line },
    rectangle: { kind: 'rectangle', how: phrase`Drag from corner to corner.`, geometry: polygon, shape: 'rectangle' },
    ellipse: { kind: 'ellipse', how: phrase`Drag from corner to corner of its box.`, geometry: polygon, shape: 'ellipse' },
    polygon: { kind: 'polygon', how: phrase`Click around it; a click on the first point, or a double click, closes it.`, geometry: polygon },
    freehand: { kind: 'freehand', how: phrase`Drag around it.`, geometry: polygon, shape: 'freehand' },
    text: { kind: 'point', how: phrase`Click where the text belongs.`, geometry: ([at]) => geojson.point(at), shape: 'text' },
  };
  const marks = origami.marks();
  const hiddenClasses = new Set();
  const classes = origami.markClasses(marks);
  let [tool, store, opened] = [null, null, null];

  const visible = mark => !hiddenClasses.has(geojson.classOf(mark.feature));
  const author = () => byId('author').value.trim();
  const stamped = feature => {
    const own = { ...geojson.own(feature), time: new Date().toISOString() };
    if (author()) own.author = author();
    else delete own.author;
    return { ...feature, properties: { ...feature.properties, origami: own } };
  };
  const edit = origami.marksEdit(viewer, overlay, sketch, marks, { may: () => store.may, selected: describe, visible, stamped });
  const layer = origami.marksLayer(viewer, overlay, byId('marks'), marks, {
    skip: id => id === edit.id, hidden: mark => !visible(mark),
  });

  // --- Drawing ------------------------------------------------------------------------------------------------------

  function press() {
    for (const button of byId('mark-tools').children) button.setAttribute('aria-pressed', String((button.value || null) === tool));
    byId('mark-how').textContent = tool ? TOOLS[tool].how : store?.may ? phrase`Click at a mark to choose it; drag it or its points to change it.` : '';
    byId('mark-keys').hidden = !tool;
  }

  function choose(wanted) {
    const again = wanted === tool;
    sketch.stop();
    byId('main').focus({ preventScroll: true });
    if (again || !wanted) return;
    edit.select(null);
    tool = wanted;
    const { kind } = TOOLS[tool];
    sketch.begin(kind, { done: draw, ended: () => { tool = null; press(); }, label: size });
    press();
  }

  const size = points => (points.length > 1 ? in_.length(shapes.length(points, in_.scale)) : null);

  function draw(points) {
    const { geometry, shape } = TOOLS[tool];
    const own = { ...(shape && { shape }), ...(shape === 'text' && { text: phrase`Text` }) };
    const feature = {
      type: 'Feature', id: crypto.randomUUID(), geometry: geometry(points),
      properties: { objectType: 'annotation', ...classes.chosen(), isLocked: false, origami: own },
    };
    marks.change([[feature.id, stamped(feature)]]);
    if (shape !== 'text') return;
    sketch.stop();
    edit.select(feature.id);
    byId('mark-text').select();
  }

  // --- The chosen mark ----------------------------------------------------------------------------------------------

  function sizes(feature) {
    const { points, length, area } = geojson.figures(feature, in_.scale);
    if (area) return phrase`${in_.area(area)}, around ${in_.length(length)}`;
    return length ? in_.length(length) : points > 1 ? phrase`${points} points` : '';
  }

  function describe(id) {
    const feature = marks.get(id)?.feature;
    byId('mark').hidden = !feature;
    layer?.changed();
    if (!feature) return;
    const { properties } = feature;
    const own = geojson.own(feature);
    const locked = properties.isLocked === true;
    byId('mark-name').value = properties.name ?? '';
    byId('mark-text-line').hidden = own.text === undefined;
    byId('mark-text').value = own.text ?? '';
    byId('mark-lock').checked = locked;
    classes.show(geojson.classOf(feature));
    byId('mark-size').textContent = sizes(feature);
    const when = own.time && !Number.isNaN(Date.parse(own.time)) ? phrase.moment(new Date(own.time)) : '';
    byId('mark-by').textContent = [own.author && phrase`by ${own.author}`, when].filter(Boolean).join(', ');
    for (const field of ['mark-name', 'mark-text', 'mark-remove']) byId(field).disabled = locked || !store.may;
    byId('mark-lock').disabled = !store.may;
  }

  // Changes the properties of the chosen mark.
  function alter(change) {
    const feature = marks.get(edit.id)?.feature;
    if (!feature || !store.may) return;
    marks.change([[edit.id, stamped({ ...feature, properties: change({ ...feature.properties }) })]]);
  }

  function go(mark) {
    const margin = 60 / overlay.look().zoom;
    const [width, height] = [mark.maxX - mark.minX + 2 * margin, mark.maxY - mark.minY + 2 * margin];
    const { viewport } = viewer;
    viewport.fitBoundsWithConstraints(viewport.imageToViewportRectangle(mark.minX - margin, mark.minY - margin, width, height));
    edit.select(mark.id);
  }

  // --- Lists --------------------------------------------------------------------------------------------------------

  const title = ({ feature }) => [feature.properties.name, geojson.own(feature).text?.split('\n')[0], geojson.classOf(feature)].filter(Boolean).join(' · ')
    || geojson.own(feature).shape || feature.geometry?.type || phrase`mark`;

  function list() {
    byId('undo').disabled = !store.may || !marks.canUndo;
    byId('redo').disabled = !store.may || !marks.canRedo;
    byId('marks-count').textContent = marks.size === 1 ? phrase`1 mark` : phrase`${phrase.number(marks.size)} marks`;
    for (const id of ['marks-export', 'marks-table']) byId(id).disabled = !marks.size;
    const counts = new Map();
    for (const feature of marks.features()) {
      const of = geojson.classOf(feature);
      const known = counts.get(of) ?? { count: 0, colour: geojson.colourOf(feature) };
      counts.set(of, { ...known, count: known.count + 1 });
    }
    byId('mark-classes').replaceChildren(...[...counts].sort().map(shown));
    if (byId('marks-list').open) near();
  }

  function shown([of, { count, colour }]) {
    const [item, label, box, swatch] = ['li', 'label', 'input', 'i'].map(tag => document.createElement(tag));
    Object.assign(box, { type: 'checkbox', checked: !hiddenClasses.has(of) });
    box.addEventListener('change', () => {
      if (box.checked) hiddenClasses.delete(of);
      else hiddenClasses.add(of);
      layer.changed();
    });
    swatch.className = 'swatch';
    swatch.style.background = geojson.css(colour);
    label.append(box, swatch, ` ${of || phrase`without a class`}: ${phrase.number(count)}`);
    item.append(label);
    return item;
  }

  // Those in view, as buttons.
  function near() {
    const found = marks.within(overlay.shown(overlay.look())).filter(visible);
    byId('marks-near').replaceChildren(...found.slice(0, MOST_LISTED).map(mark => {
      const [item, button] = ['li', 'button'].map(tag => document.createElement(tag));
      button.textContent = title(mark);
      button.addEventListener('click', () => go(mark));
      item.append(button);
      return item;
    }));
    byId('marks-more').textContent = found.length > MOST_LISTED ? phrase`and ${phrase.number(found.length - MOST_LISTED)} more in view` : '';
  }

  // --- Files --------------------------------------------------------------------------------------------------------

  function download(text, type, suffix) {
    const href = URL.createObjectURL(new Blob([text], { type }));
    Object.assign(document.createElement('a'), { href, download: `${name.split('/').pop()}${suffix}` }).click();
    setTimeout(() => URL.revokeObjectURL(href), 10_000);
  }

  async function load(file) {
    if (!file) return;
    try {
      const features = geojson.read(await file.text());
      marks.change(features.map(feature => [feature.id, feature]));
      told({ text: phrase`${phrase.number(features.length)} marks of ${file.name} are here.` });
    } catch (error) {
      told({ trouble: `${file.name}: ${error.message}.` });
    }
  }

  function told({ text = '', trouble = '' }) {
    byId('marks-said').textContent = trouble || text;
    byId('marks-said').classList.toggle('warn', Boolean(trouble));
  }

  // --- The panel ----------------------------------------------------------------------------------------------------

  function listen() {
    for (const button of byId('mark-tools').children) button.addEventListener('click', () => choose(button.value || null));
    const clicks = {
      undo: marks.undo, redo: marks.redo, 'mark-remove': edit.remove, 'marks-close': () => { toggle(); byId('mark-up').focus(); },
      'marks-export': () => download(geojson.write(marks.features()), 'application/geo+json', '.geojson'),
      'marks-table': () => download(geojson.csv(marks.features(), slide.microns_per_pixel), 'text/csv', '.csv'),
      'marks-import': () => byId('marks-file').click(),
    };
    for (const [id, action] of Object.entries(clicks)) byId(id).addEventListener('click', () => action());
    byId('marks-file').addEventListener('change', async event => { await load(event.target.files[0]); event.target.value = ''; });
    byId('mark-name').addEventListener('change', ({ target }) => alter(({ name: _, ...rest }) => ({ ...rest, ...(target.value && { name: target.value }) })));
    byId('mark-text').addEventListener('change', ({ target }) => alter(all => ({ ...all, origami: { ...all.origami, text: target.value } })));
    byId('mark-lock').addEventListener('change', ({ target }) => alter(all => ({ ...all, isLocked: target.checked })));
    byId('author').value = localStorage.getItem('origami-author') ?? '';
    byId('author').addEventListener('change', () => localStorage.setItem('origami-author', author()));
    classes.listen(classification => alter(({ classification: _, ...rest }) => ({ ...rest, ...(classification && { classification }) })));
    byId('marks-list').addEventListener('toggle', () => byId('marks-list').open && near());
    viewer.addHandler('animation-finish', () => byId('marks-list').open && near());
    marks.listen(() => { layer.changed(); list(); });
  }

  // Marks may stay when the panel goes.
  function toggle(keep = false) {
    const open = byId('marking').hidden;
    byId('marking').hidden = !open;
    byId('mark-up').setAttribute('aria-pressed', String(open));
    edit.open = store.open = open;
    layer.hidden = !open && !keep;
    if (!open) sketch.stop();
    remember();
    // Marks are read when they are first shown.
    if (open) opened ??= store.begin().then(press, error => told({ trouble: phrase`The marks cannot be read: ${error.message}.` }));
  }

  const ask = ({ slide: of, marks: count }) => confirm(
    phrase`There are ${count} marks that were drawn on another slide of this name, of ${of.width} by ${of.height} pixels. Show them on this slide?`);
  store = origami.marksStore(name, slide, marks, { told, decide: conflict => origami.markConflict(conflict, sizes), ask });
  for (const button of byId('mark-tools').children) button.disabled = !store.may;
  for (const id of ['marks-import', 'author']) byId(id).disabled = !store.may;
  listen();
  list();
  press();
  const rest = () => { layer.hidden = byId('marking').hidden; };
  return { toggle, rest, marks, edit, layer, store, choose, load, get open() { return !byId('marking').hidden; }, get loaded() { return opened; } };
};
