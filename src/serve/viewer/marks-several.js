// Marks that are chosen together, to be removed or given a class at once.
'use strict';
// `may()` says whether marks can be changed, `changed()` is told that others are chosen, and `did(text)` what was done.
origami.marksSeveral = (marks, { may, changed, did }) => {
  const ids = new Set();

  function choose(wanted) {
    if (!ids.size && !wanted.length) return;
    ids.clear();
    for (const id of wanted) ids.add(id);
    changed();
  }

  // Locked ones stay, and stay chosen.
  function remove() {
    if (!may()) return;
    const isLocked = id => marks.get(id).feature.properties?.isLocked === true;
    const gone = [...ids].filter(id => !isLocked(id));
    const left = ids.size - gone.length;
    if (gone.length) marks.change(gone.map(id => [id, null]));
    const said = phrase`${phrase.number(gone.length)} marks are removed. Undo brings them back.`;
    did(left ? `${said} ${phrase`${phrase.number(left)} are locked and stay.`}` : said);
  }

  // What is removed is no longer chosen.
  marks.listen(changedIds => {
    const before = ids.size;
    for (const id of changedIds) if (!marks.get(id)) ids.delete(id);
    if (ids.size !== before) changed();
  });

  return {
    choose, remove,
    has: id => ids.has(id),
    get ids() { return [...ids]; },
    get size() { return ids.size; },
  };
};
