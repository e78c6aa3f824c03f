// The classes that marks can have, with their colours: those of the marks, those that were made here, and some to begin with.
'use strict';
// What a user reads of a class: those to begin with are in the language of the page. Files have the English name.
origami.className = name => {
  const own = { Tumor: phrase`Tumor`, Stroma: phrase`Stroma`, 'Immune cells': phrase`Immune cells`, Necrosis: phrase`Necrosis`, Other: phrase`Other` };
  return Object.hasOwn(own, name) ? own[name] : name;
};

origami.markClasses = marks => {
  const byId = id => document.getElementById(id);
  const KEY = 'origami-classes';
  const hex = rgb => `#${rgb.map(value => value.toString(16).padStart(2, '0')).join('')}`;
  const rgb = text => [1, 3, 5].map(at => parseInt(text.slice(at, at + 2), 16));
  const known = new Map([
    ['Tumor', [200, 0, 0]], ['Stroma', [60, 140, 60]], ['Immune cells', [160, 90, 160]], ['Necrosis', [50, 50, 50]], ['Other', [230, 150, 0]],
  ]);
  let changed = () => {};

  try {
    for (const [name, colour] of JSON.parse(localStorage.getItem(KEY) ?? '[]')) known.set(name, colour);
  } catch { /* What is kept there is no list of classes: begin anew. */ }

  function options() {
    const chosen = byId('mark-class').value;
    byId('mark-class').replaceChildren(new Option(phrase`none`, ''), ...[...known.keys()].sort().map(name => new Option(origami.className(name), name)));
    byId('mark-class').value = known.has(chosen) ? chosen : '';
    colour();
  }

  function colour() {
    const of = known.get(byId('mark-class').value) ?? geojson.DEFAULT_COLOUR;
    byId('class-colour').value = hex(of);
    byId('class-colour').disabled = !byId('mark-class').value;
  }

  const classification = () => {
    const name = byId('mark-class').value;
    return name ? { name, color: known.get(name) } : null;
  };

  function keep() {
    localStorage.setItem(KEY, JSON.stringify([...known]));
    options();
  }

  // A new class is chosen at once.
  function add() {
    const name = byId('class-name').value.trim();
    if (!name) return;
    if (!known.has(name)) known.set(name, rgb(byId('class-new-colour').value));
    keep();
    byId('mark-class').value = name;
    byId('class-name').value = '';
    byId('class-new').open = false;
    colour();
    changed(classification());
    byId('mark-class').focus();
  }

  // The colour of a class is that of all its marks.
  function recolour() {
    const name = byId('mark-class').value;
    known.set(name, rgb(byId('class-colour').value));
    keep();
    const of = marks.features().filter(feature => geojson.classOf(feature) === name);
    const painted = feature => ({ ...feature, properties: { ...feature.properties, classification: { ...feature.properties.classification, color: known.get(name) } } });
    if (of.length) marks.change(of.map(feature => [feature.id, painted(feature)]));
  }

  // Classes of marks that come from elsewhere.
  marks.listen(ids => {
    const before = known.size;
    for (const id of ids) {
      const feature = marks.get(id)?.feature;
      const name = feature && geojson.classOf(feature);
      if (name && !known.has(name)) known.set(name, geojson.colourOf(feature));
    }
    if (known.size > before) options();
  });

  byId('mark-class').addEventListener('change', () => { colour(); changed(classification()); });
  byId('class-colour').addEventListener('change', recolour);
  byId('class-add').addEventListener('click', add);
  byId('class-name').addEventListener('keydown', event => { if (event.key === 'Enter') add(); });
  options();
  return {
    chosen: () => (classification() ? { classification: classification() } : {}),
    show(name) { byId('mark-class').value = name; colour(); },
    listen(listener) { changed = listener; },
  };
};

// Shows both versions of a mark that two have changed. Resolves with 'mine', 'theirs' or 'both'.
origami.markConflict = ({ mine, theirs }, sizes) => new Promise(done => {
  const byId = id => document.getElementById(id);
  const COLOURS = { mine: '#b0177a', theirs: '#0b63ce' };
  const versions = { mine, theirs };

  // Both, each in its colour, this one in front.
  function picture(canvas, which) {
    const context = canvas.getContext('2d');
    context.clearRect(0, 0, canvas.width, canvas.height);
    const outlines = each => (({ points, lines, polygons }) => ({ dots: points, paths: [...lines, ...polygons.flat()], closed: polygons.length > 0 }))(geojson.parts(each.geometry));
    const all = Object.entries(versions).filter(([, each]) => each?.geometry).map(([name, each]) => [name, outlines(each)]);
    const { minX, minY, maxX, maxY } = shapes.box(all.flatMap(([, { dots, paths }]) => [...dots, ...paths.flat()]));
    const zoom = Math.min((canvas.width - 40) / (maxX - minX || 1), (canvas.height - 40) / (maxY - minY || 1));
    const to = ([x, y]) => [canvas.width / 2 + (x - (minX + maxX) / 2) * zoom, canvas.height / 2 + (y - (minY + maxY) / 2) * zoom];
    for (const [name, { dots, paths, closed }] of all.sort(([name]) => (name === which ? 1 : -1))) {
      context.globalAlpha = name === which ? 1 : 0.3;
      for (const path of paths) origami.ink.line(context, path.map(to), { colour: COLOURS[name], closed });
      for (const dot of dots) origami.ink.dot(context, to(dot), { colour: COLOURS[name] });
    }
    context.globalAlpha = 1;
  }

  function facts(feature) {
    if (!feature) return [phrase`removed`];
    return [geojson.classOf(feature), geojson.nameOf(feature), geojson.textOf(feature), sizes(feature), ...geojson.history(feature)].filter(Boolean);
  }

  for (const which of ['mine', 'theirs']) {
    picture(byId(`${which}-picture`), which);
    byId(`${which}-facts`).textContent = facts(versions[which]).join(', ');
  }
  byId('keep-both').disabled = !mine || !theirs;
  const dialog = byId('conflict');
  dialog.returnValue = '';
  dialog.showModal();
  // Without an answer nothing that someone drew is lost.
  dialog.addEventListener('close', () => done(dialog.returnValue || (mine && theirs ? 'both' : mine ? 'mine' : 'theirs')), { once: true });
});
