// Marks as files: GeoJSON that is written and read, and a table. What a file would replace is said before it is read in.
'use strict';
// `did({ text, trouble })` says what was done.
origami.marksFiles = (marks, slide, name, did) => {
  const byId = id => document.getElementById(id);
  const text = feature => JSON.stringify(geojson.canonical(feature));

  function download(content, type, suffix) {
    const href = URL.createObjectURL(new Blob([content], { type }));
    Object.assign(document.createElement('a'), { href, download: `${name.split('/').pop()}${suffix}` }).click();
    setTimeout(() => URL.revokeObjectURL(href), 10_000);
  }

  // Features of a file by what they would do here. One that does not say when it was changed is as old as its file.
  function sorted(features, file) {
    const found = { fresh: [], older: [], newer: [], same: [] };
    for (const feature of features) {
      const here = marks.get(feature.id)?.feature;
      const then = geojson.timeOf(feature);
      const kind = !here ? 'fresh' : text(here) === text(feature) ? 'same'
        : geojson.timeOf(here) > (Number.isNaN(then) ? file.lastModified : then) ? 'newer' : 'older';
      found[kind].push(feature);
    }
    return found;
  }

  // What a file says of the slide that its marks were drawn on, where that is not this one.
  function foreign(drawn, features) {
    if (drawn && (drawn.width !== slide.width || drawn.height !== slide.height)) {
      return phrase`They were drawn on another slide: ${drawn.name ?? '?'}, ${phrase.number(drawn.width)} × ${phrase.number(drawn.height)} pixels.`;
    }
    const outside = features.filter(({ geometry }) => {
      const { points, lines, polygons } = geojson.parts(geometry);
      const { minX, minY, maxX, maxY } = shapes.box([...points, ...lines.flat(), ...polygons.flat(2)]);
      // One without a shape is nowhere.
      return Number.isFinite(minX) && (maxX < 0 || maxY < 0 || minX > slide.width || minY > slide.height);
    }).length;
    return outside ? phrase`${phrase.number(outside)} of them lie outside of this slide.` : '';
  }

  // Resolves with what is to be read in, or with null.
  const asked = ({ fresh, older, newer }, warning, file) => new Promise(done => {
    const [count, replaced] = [fresh.length, older.length + newer.length].map(value => phrase.number(value));
    const some = older.length + newer.length > 0;
    const said = some ? phrase`${file.name}: new marks: ${count}. Would replace marks that are here: ${replaced}, of these newer here: ${phrase.number(newer.length)}.`
      : phrase`${file.name}: new marks: ${count}.`;
    byId('import-fresh').textContent = some ? phrase`Only new marks` : phrase`Import`;
    byId('importing-said').textContent = `${said} ${warning}`;
    byId('import-older').hidden = !newer.length;
    byId('import-fresh').hidden = !fresh.length;
    byId('import-all').hidden = !some;
    const choices = { all: [...fresh, ...older, ...newer], older: [...fresh, ...older], fresh };
    const dialog = byId('importing');
    dialog.returnValue = '';
    dialog.showModal();
    dialog.addEventListener('close', () => done(choices[dialog.returnValue] ?? null), { once: true });
  });

  async function load(file) {
    if (!file) return;
    try {
      const content = await file.text();
      const features = geojson.read(content);
      const found = sorted(features, file);
      const warning = foreign(geojson.drawnOn(content), features);
      const wanted = warning || found.older.length || found.newer.length ? await asked(found, warning, file) : found.fresh;
      if (!wanted) return did({ text: phrase`${file.name}: nothing was imported.` });
      if (wanted.length) marks.change(wanted.map(feature => [feature.id, feature]));
      const fresh = found.fresh.length;
      const [news, replaced, left] = [fresh, wanted.length - fresh, features.length - wanted.length].map(value => phrase.number(value));
      did({ text: phrase`${file.name}: ${news} new, ${replaced} replaced, ${left} left as they were. Undo takes it back.` });
    } catch (error) {
      did({ trouble: `${file.name}: ${error.message}.` });
    }
  }

  byId('marks-export').addEventListener('click', () => download(geojson.write(marks.features(), { name, width: slide.width, height: slide.height }), 'application/geo+json', '.geojson'));
  byId('marks-table').addEventListener('click', () => download(geojson.csv(marks.features(), slide.microns_per_pixel, name), 'text/csv', '.csv'));
  byId('marks-import').addEventListener('click', () => byId('marks-file').click());
  byId('marks-file').addEventListener('change', async event => { await load(event.target.files[0]); event.target.value = ''; });
  return { load };
};
