// The panel of marks: tools, the chosen mark, and whose marks they are. It owns the marks of the page.
'use strict';
origami.marksPanel = (viewer, slide, name, overlay, sketch, remember, closed) => {
  const byId = id => document.getElementById(id);
  const in_ = units(slide.microns_per_pixel);
  const polygon = ring => geojson.polygon([ring]);
  const TOOLS = {
    point: { kind: 'point', how: phrase`Click at each place.`, geometry: ([at]) => geojson.point(at) },
    line: { kind: 'line', how: phrase`Drag from end to end, or click along it: a double click ends it.`, geometry: geojson.line },
    rectangle: { kind: 'rectangle', how: phrase`Drag from corner to corner.`, geometry: polygon, shape: 'rectangle' },
    ellipse: { kind: 'ellipse', how: phrase`Drag from corner to corner of its box.`, geometry: polygon, shape: 'ellipse' },
    polygon: { kind: 'polygon', how: phrase`Click around it; a click on the first point, or a double click, closes it.`, geometry: polygon },
    freehand: { kind: 'freehand', how: phrase`Drag around it.`, geometry: polygon, shape: 'freehand' },
    text: { kind: 'point', how: phrase`Click where the text belongs.`, geometry: ([at]) => geojson.point(at), shape: 'text' },
  };
  const marks = origami.marks();
  const classes = origami.markClasses(marks);
  let [tool, store, opened, latest] = [null, null, null, null];

  const author = () => byId('author').value.trim();
  const now = () => new Date().toISOString();
  const stamped = feature => geojson.changed(feature, author(), now());
  const may = () => store.may;
  const several = origami.marksSeveral(marks, { may, changed: () => { list.together(); layer.changed(); }, did: text => did({ text }) });
  const edit = origami.marksEdit(viewer, overlay, sketch, marks, { may, selected: describe, several, visible: mark => list.visible(mark), stamped });
  const layer = origami.marksLayer(viewer, overlay, byId('marks'), marks, {
    skip: id => id === edit.id, hidden: mark => !list.visible(mark), strong: several.has,
  });
  const size = feature => (({ length, area }) => (area ? in_.area(area) : length ? in_.length(length) : ''))(geojson.figures(feature, in_.scale));
  const list = origami.marksList(viewer, overlay, marks, edit, several, { may, sizes: size, go, shown: () => { layer.changed(); remember(); } });
  const files = origami.marksFiles(marks, slide, name, did);

  // --- Drawing ------------------------------------------------------------------------------------------------------

  function press() {
    for (const button of byId('mark-tools').children) button.setAttribute('aria-pressed', String((button.value || null) === tool));
    byId('mark-how').textContent = tool ? TOOLS[tool].how : store?.may ? phrase`Click at a mark to choose it; drag it or its points to change it. Shift and a click choose several.` : '';
    byId('mark-keys').hidden = !tool;
  }

  function choose(which) {
    const again = which === tool;
    sketch.stop();
    byId('main').focus({ preventScroll: true });
    if (again || !which) return;
    edit.select(null);
    if (layer.hidden) show(true).catch(() => {});
    tool = which;
    const { kind } = TOOLS[tool];
    const few = least => { byId('mark-how').textContent = phrase`This takes ${least} points at least.`; };
    sketch.begin(kind, { done: draw, few, changed: press, ended: () => { tool = null; press(); }, label: long });
    press();
  }

  const long = points => (points.length > 1 ? in_.length(shapes.length(points, in_.scale)) : null);

  function draw(points) {
    const { geometry, shape } = TOOLS[tool];
    const own = { ...(shape && { shape }), ...(shape === 'text' && { text: phrase`Text` }) };
    const feature = {
      type: 'Feature', id: crypto.randomUUID(), geometry: geometry(points),
      properties: { objectType: 'annotation', ...classes.chosen(), isLocked: false, origami: own },
    };
    marks.change([[feature.id, geojson.made(feature, author(), now())]]);
    if (!author()) nameless(feature.id);
    // What it is called can be said at once; the tool goes on.
    edit.select(feature.id);
    if (shape !== 'text') return;
    sketch.stop();
    byId('mark-text').select();
  }

  // --- Whose marks they are -----------------------------------------------------------------------------------------

  const ASKED = 'origami-author-asked';
  // Marks that were drawn here before there was a name.
  const unsigned = new Set();

  // Asks once, beside the drawing.
  function nameless(id) {
    unsigned.add(id);
    byId('author-ask').hidden = Boolean(localStorage.getItem(ASKED));
  }

  function answered() {
    localStorage.setItem(ASKED, 'yes');
    byId('author-ask').hidden = true;
  }

  // The marks that were drawn before it get the name as well.
  function named() {
    localStorage.setItem('origami-author', author());
    if (!author()) return;
    answered();
    const own = [...unsigned].map(id => marks.get(id)?.feature).filter(feature => feature && !geojson.own(feature).author);
    unsigned.clear();
    if (own.length) marks.change(own.map(feature => [feature.id, geojson.made(feature, author(), geojson.own(feature).time)]));
  }

  // --- The chosen mark ----------------------------------------------------------------------------------------------

  function sizes(feature) {
    const { points, length, area } = geojson.figures(feature, in_.scale);
    if (area) return phrase`${in_.area(area)}, perimeter ${in_.length(length)}`;
    return length ? in_.length(length) : points > 1 ? phrase`${points} points` : '';
  }

  function describe(id) {
    const feature = marks.get(id)?.feature;
    byId('mark').hidden = !feature;
    byId('mark-class').disabled = !store.may;
    layer.changed();
    list.near();
    if (!feature) return;
    latest = id;
    const locked = feature.properties.isLocked === true;
    byId('mark-name').value = geojson.nameOf(feature);
    byId('mark-text').value = geojson.textOf(feature);
    byId('mark-lock').checked = locked;
    classes.show(geojson.classOf(feature));
    byId('mark-size').textContent = sizes(feature);
    byId('mark-by').textContent = geojson.history(feature).join('; ');
    for (const field of ['mark-name', 'mark-text', 'mark-remove', 'mark-class']) byId(field).disabled = locked || !store.may;
    byId('mark-keyboard').hidden = locked || !store.may;
    byId('mark-lock').disabled = !store.may;
  }

  // Changes the properties of what is chosen.
  function alter(change) {
    const features = edit.chosen().map(id => marks.get(id).feature).filter(feature => !several.size || feature.properties.isLocked !== true);
    if (!features.length || !store.may) return;
    marks.change(features.map(feature => [feature.id, stamped({ ...feature, properties: change({ ...feature.properties }) })]));
  }

  function go(mark) {
    // One without a shape is nowhere.
    if (!Number.isFinite(mark.minX)) return edit.select(mark.id);
    const margin = 60 / overlay.look().zoom;
    const [width, height] = [mark.maxX - mark.minX + 2 * margin, mark.maxY - mark.minY + 2 * margin];
    const { viewport } = viewer;
    viewport.fitBoundsWithConstraints(viewport.imageToViewportRectangle(mark.minX - margin, mark.minY - margin, width, height));
    // No nearer than the pixels of the slide.
    const full = viewport.imageToViewportZoom(1);
    if (viewport.getZoom() > full) viewport.zoomTo(full);
    edit.select(mark.id);
  }

  // --- What is said -----------------------------------------------------------------------------------------------------

  function told({ text = '', trouble = '' }) {
    byId('marks-said').textContent = trouble || text;
    byId('marks-said').classList.toggle('warn', Boolean(trouble));
  }

  // What was done at a word, which stays while marks are saved.
  function did({ text = '', trouble = '' }) {
    byId('marks-did').textContent = trouble || text;
    byId('marks-did').classList.toggle('warn', Boolean(trouble));
  }

  function changed(ids, how) {
    layer.changed();
    byId('undo').disabled = !store.may || !marks.canUndo;
    byId('redo').disabled = !store.may || !marks.canRedo;
    list.show();
    // What was said of the change before.
    if (how === 'undoable' || how === 'undo') did({});
  }

  // --- The panel ----------------------------------------------------------------------------------------------------

  function listen() {
    for (const button of byId('mark-tools').children) button.addEventListener('click', () => choose(button.value || null));
    const clicks = {
      undo: marks.undo, redo: marks.redo, 'mark-remove': edit.remove, 'marks-close': () => { toggle(); byId('mark-up').focus(); },
    };
    for (const [id, action] of Object.entries(clicks)) byId(id).addEventListener('click', () => action());
    byId('mark-name').addEventListener('change', ({ target }) => alter(({ name: _, ...rest }) => ({ ...rest, ...(target.value && { name: target.value }) })));
    byId('mark-text').addEventListener('change', ({ target }) => alter(all => {
      const { text: _, ...own } = geojson.own({ properties: all });
      return { ...all, origami: { ...own, ...(target.value && { text: target.value }) } };
    }));
    byId('mark-lock').addEventListener('change', ({ target }) => alter(all => ({ ...all, isLocked: target.checked })));
    byId('marks-shown').addEventListener('change', ({ target }) => show(target.checked).catch(() => {}));
    byId('author').value = localStorage.getItem('origami-author') ?? '';
    byId('author').addEventListener('change', named);
    byId('author-ask').addEventListener('submit', event => {
      event.preventDefault();
      byId('author').value = byId('author-first').value;
      named();
      answered();
    });
    byId('author-none').addEventListener('click', answered);
    // While something is drawn the class is that of what comes next.
    classes.listen(classification => tool || alter(({ classification: _, ...rest }) => ({ ...rest, ...(classification && { classification }) })));
    marks.listen(changed);
  }

  // Marks are read when they are first shown.
  function begin() {
    opened ??= store.begin().then(press, error => {
      opened = null;
      told({ trouble: phrase`The marks cannot be read: ${error.message}.` });
      throw error;
    });
    return opened;
  }

  // Marks can be seen without their panel. `wanted` is what the user says, `lent` what a picture has for as long as it is made.
  let [wanted, lent] = [false, null];
  function lay() {
    layer.hidden = !(lent ?? wanted);
    byId('marks-shown').checked = wanted;
    if (layer.hidden) edit.select(null);
    remember();
  }

  async function show(yes) {
    [wanted, lent] = [yes, null];
    lay();
    if (yes) await begin();
    remember();
  }

  async function lend(yes) {
    lent = yes;
    lay();
    if (yes) await begin();
    remember();
  }

  // The panel for those who change marks; they stay when it goes.
  function toggle(keep = false) {
    const open = byId('marking').hidden;
    byId('marking').hidden = !open;
    byId('mark-up').setAttribute('aria-pressed', String(open));
    edit.open = store.open = open;
    if (!open) sketch.stop();
    if (!open && !keep) closed();
    if (open) show(true).catch(() => {});
  }

  const ask = ({ slide: of, marks: count }) => confirm(of.width === slide.width && of.height === slide.height
    ? phrase`There are ${count} marks that were drawn on a slide of this name and size, which may be another one. Show them on this slide?`
    : phrase`There are ${count} marks that were drawn on another slide of this name, of ${of.width} by ${of.height} pixels. Show them on this slide?`);
  store = origami.marksStore(name, slide, marks, { say: told, decide: conflict => origami.markConflict(conflict, sizes), ask });
  for (const button of byId('mark-tools').children) button.disabled = !store.may;
  for (const id of ['marks-import', 'author']) byId(id).disabled = !store.may;
  listen();
  changed([], 'begin');
  press();
  const rest = () => { lent = null; lay(); };
  return {
    toggle, rest, show, lend, hide: list.hide, marks, edit, several, layer, store, choose, load: files.load, titles: list.titles,
    // The one that was chosen last.
    get latest() { return marks.get(latest) ? latest : null; },
    // Whether marks can be seen.
    get shown() { return !layer.hidden && marks.size > 0; },
    // The classes that are not.
    get hidden() { return list.hidden; },
    get open() { return !byId('marking').hidden; }, get loaded() { return opened; },
  };
};
