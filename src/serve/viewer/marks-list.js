// The lists in the panel of marks: classes with how many marks they have, marks in view or all, and those that are chosen together.
'use strict';
// `sizes(feature)` says how large a mark is, `go(mark)` shows it, and `shown()` is told that other classes are shown.
origami.marksList = (viewer, overlay, marks, edit, several, { may, sizes, go, shown }) => {
  const byId = id => document.getElementById(id);
  // Marks that are listed at a time.
  const MOST_LISTED = 100;
  const hidden = new Set();
  const visible = mark => !hidden.has(geojson.classOf(mark.feature));
  const element = (tag, values = {}) => Object.assign(document.createElement(tag), values);
  // Rows stay the same elements: one that is replaced between press and release of a button would lose the click.
  const [classRows, markRows] = [new Map(), new Map()];

  function lay(list, rows, wanted) {
    for (const key of rows.keys()) if (!wanted.includes(key)) rows.delete(key);
    wanted.forEach((key, at) => {
      const { item } = rows.get(key);
      if (list.children[at] !== item) list.insertBefore(item, list.children[at] ?? null);
    });
    while (list.children.length > wanted.length) list.lastElementChild.remove();
  }

  // What a mark is called: its name and text; one without them has a number in its class.
  function titles() {
    const counts = new Map();
    return new Map(marks.all().map(({ id, feature }) => {
      const { shape } = geojson.own(feature);
      const of = geojson.classOf(feature);
      const kind = origami.className(of) || shape || feature.geometry?.type || phrase`mark`;
      const number = (counts.get(kind) ?? 0) + 1;
      counts.set(kind, number);
      const named = [geojson.nameOf(feature), geojson.textOf(feature).split('\n')[0]].filter(Boolean);
      return [id, named.length ? [...named, origami.className(of)].filter(Boolean).join(' · ') : `${kind} ${phrase.number(number)}`];
    }));
  }

  // --- Classes ------------------------------------------------------------------------------------------------------

  function show() {
    byId('marks-count').textContent = marks.size === 1 ? phrase`1 mark` : phrase`${phrase.number(marks.size)} marks`;
    for (const id of ['marks-export', 'marks-table']) byId(id).disabled = !marks.size;
    byId('marks-all').hidden = marks.size < 2;
    const counts = new Map();
    for (const feature of marks.features()) {
      const of = geojson.classOf(feature);
      const known = counts.get(of) ?? { count: 0, colour: geojson.colourOf(feature) };
      counts.set(of, { ...known, count: known.count + 1 });
    }
    const names = [...counts.keys()].sort();
    for (const of of names) {
      if (!classRows.has(of)) classRows.set(of, classRow(of));
      classRows.get(of).fill(counts.get(of));
    }
    lay(byId('mark-classes'), classRows, names);
    near();
  }

  function classRow(of) {
    const [item, label, text] = ['li', 'label', 'span'].map(tag => element(tag));
    const box = element('input', { type: 'checkbox' });
    const swatch = element('i', { className: 'swatch' });
    const name = origami.className(of) || phrase`without a class`;
    box.addEventListener('change', () => {
      if (box.checked) hidden.delete(of);
      else hidden.add(of);
      if (!edit.chosen().every(id => visible(marks.get(id)))) edit.select(null);
      near();
      shown();
    });
    label.append(box, swatch, text);
    const button = element('button', { className: 'small', textContent: phrase`Choose` });
    button.setAttribute('aria-label', phrase`Choose all of ${name}`);
    button.addEventListener('click', () => {
      // What is not shown is not chosen unseen.
      hidden.delete(of);
      show();
      shown();
      edit.pick(marks.all().filter(mark => geojson.classOf(mark.feature) === of).map(mark => mark.id));
    });
    item.append(label, button);
    const fill = ({ count, colour }) => {
      box.checked = !hidden.has(of);
      swatch.style.background = geojson.css(colour);
      text.textContent = `${name}: ${phrase.number(count)}`;
    };
    return { item, fill };
  }

  // --- Marks --------------------------------------------------------------------------------------------------------

  // In the order in which they were drawn.
  function found() {
    if (byId('marks-everywhere').checked) return marks.all().filter(visible);
    const within = new Set(marks.within(overlay.shown(overlay.look())).map(mark => mark.id));
    return marks.all().filter(mark => within.has(mark.id) && visible(mark));
  }

  function near() {
    if (!byId('marks-list').open) return;
    const all = found();
    const listed = all.slice(0, MOST_LISTED);
    const [names, chosen] = [titles(), new Set(edit.chosen())];
    for (const { id, feature } of listed) {
      if (!markRows.has(id)) markRows.set(id, markRow(id));
      markRows.get(id).fill(names.get(id), feature, chosen.has(id));
    }
    lay(byId('marks-near'), markRows, listed.map(mark => mark.id));
    byId('marks-more').textContent = all.length > MOST_LISTED ? phrase`and ${phrase.number(all.length - MOST_LISTED)} more` : '';
  }

  // A button, and a box that chooses the mark together with others.
  function markRow(id) {
    const item = element('li');
    const box = element('input', { type: 'checkbox' });
    box.addEventListener('change', () => edit.together(id));
    const button = element('button');
    button.addEventListener('click', event => (event.shiftKey ? edit.together(id) : go(marks.get(id))));
    item.append(box, button);
    const fill = (title, feature, isChosen) => {
      box.checked = isChosen;
      box.setAttribute('aria-label', phrase`Choose ${title}`);
      button.textContent = [title, sizes(feature)].filter(Boolean).join(' · ');
    };
    return { item, fill };
  }

  // Those that are chosen together.
  function together() {
    byId('several').hidden = !several.size;
    byId('several-count').textContent = phrase`${phrase.number(several.size)} marks are chosen.`;
    byId('several-remove').disabled = !may();
    near();
  }

  byId('marks-all').addEventListener('click', edit.pickAll);
  byId('several-remove').addEventListener('click', () => several.remove());
  byId('several-none').addEventListener('click', () => edit.select(null));
  for (const event of ['toggle', 'change']) byId('marks-list').addEventListener(event, near);
  viewer.addHandler('animation-finish', near);
  // Shows all classes but these.
  function hide(classes) {
    hidden.clear();
    for (const of of classes) hidden.add(of);
    show();
    shown();
  }

  return { show, near, together, visible, titles, hide, get hidden() { return [...hidden].sort(); } };
};
