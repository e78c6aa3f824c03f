// Marks that are kept in this browser: a record for each slide, by its name, its size and what identifies it. A record of a slide that may be
// another one is never shown without asking.
'use strict';
// `slide` has the width, the height and the sources of the slide that is open.
origami.marksDrawer = (name, slide) => {
  // Most sources that are remembered of a slide, as on the server.
  const MOST_SOURCES = 16;
  const key = JSON.stringify([name, slide.width, slide.height, slide.sources[0] ?? '']);
  // With what an earlier record knew of the same slide.
  let known = slide;
  let database = null;

  const answer = request => new Promise((done, fail) => {
    request.onsuccess = () => done(request.result);
    request.onerror = () => fail(request.error);
  });

  function opened() {
    const request = indexedDB.open('origami-marks', 1);
    request.onupgradeneeded = () => request.result.createObjectStore('slides');
    return answer(request);
  }

  // All of `work` or nothing; it waits for nothing but the database.
  async function within(mode, work) {
    database ??= await opened();
    const transaction = database.transaction('slides', mode);
    const ended = new Promise((done, fail) => {
      transaction.oncomplete = done;
      transaction.onabort = () => fail(transaction.error);
    });
    const [result] = await Promise.all([work(transaction.objectStore('slides')), ended]);
    return result;
  }

  // --- Records ------------------------------------------------------------------------------------------------------

  // An earlier version kept the text alone, by name and size.
  function record(at, value) {
    const [, width, height] = JSON.parse(at);
    const old = typeof value === 'string';
    return { key: at, old, slide: old ? { width, height, sources: [] } : value.slide, features: JSON.parse(old ? value : value.text).features };
  }

  const records = () => within('readonly', async slides => {
    const keys = (await answer(slides.getAllKeys())).filter(each => JSON.parse(each)[0] === name);
    return Promise.all(keys.map(async each => record(each, await answer(slides.get(each)))));
  });

  // As the server has it. Of an old record the size is all that was compared, and it was shown: once more, and then its source is known.
  const isSame = ({ old, slide: { width, height, sources } }) => width === slide.width && height === slide.height
    && (old || sources.some(source => slide.sources.includes(source)) || !(sources.length || slide.sources.length));

  const put = (slides, features) => answer(slides.put({ slide: known, text: geojson.write(features) }, key));

  // --- What is done with them ---------------------------------------------------------------------------------------

  // The features of this slide. Those of another one only where `ask({ slide, marks })` says so, and then they are this one's.
  async function find(ask) {
    const all = (await records()).filter(({ features }) => features.length);
    const own = all.filter(isSame);
    for (const other of own.length ? [] : all) {
      if (!(await ask({ slide: other.slide, marks: other.features.length }))) continue;
      own.push({ ...other, slide });
      break;
    }
    if (!own.length) return [];
    known = { ...slide, sources: [...new Set([...own.flatMap(each => each.slide.sources), ...slide.sources])].slice(0, MOST_SOURCES) };
    const features = [...new Map(own.flatMap(each => each.features.map(feature => [feature.id, feature]))).values()];
    if (own.length > 1 || own[0].key !== key) await within('readwrite', async slides => {
      for (const each of own) await answer(slides.delete(each.key));
      await put(slides, features);
    });
    return features;
  }

  // Keeps changes, pairs of id and feature or null. What another window has kept meanwhile stays.
  const change = changes => within('readwrite', async slides => {
    const value = await answer(slides.get(key));
    const features = new Map((value ? JSON.parse(value.text).features : []).map(feature => [feature.id, feature]));
    for (const [id, feature] of changes) {
      if (feature) features.set(id, feature);
      else features.delete(id);
    }
    await put(slides, [...features.values()]);
  });

  return { find, change };
};
