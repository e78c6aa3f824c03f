// Keeps marks: on the server, where that keeps them, else in the browser. What was changed here and elsewhere is put together; a mark
// that was changed by both is a conflict, which someone has to decide.
'use strict';
// `say({ text, trouble })` says how things stand, `decide(conflict)` asks which version stays, `ask(other)` whether marks of another
// slide are shown.
origami.marksStore = (name, slide, marks, { say, decide, ask }) => {
  const PAUSE_MS = 700;
  const LOOK_MS = 15_000;
  // What a request holds at most: the server takes 8 MiB.
  const MOST_BYTES = 4 << 20;
  const address = more => signed(`/api/slides/${encodeURIComponent(name)}/annotations${more ?? ''}`);
  const kept = Boolean(slide.annotations);
  const may = !kept || slide.annotations.write;
  // The revision of each mark on the server, and those that are not saved yet.
  let [revisions, changed, tag, other] = [new Map(), new Set(), null, null];
  let [timer, sending, open, wait] = [0, false, false, PAUSE_MS];
  // Marks that are kept and cannot be read here. They stay as they are.
  const unread = new Set();

  function told({ text = '', trouble = '' }) {
    const left = unread.size === 1 ? phrase`1 mark cannot be read and is not shown.` : phrase`${phrase.number(unread.size)} marks cannot be read and are not shown.`;
    say({ text, trouble: unread.size ? [trouble || text, left].filter(Boolean).join(' ') : trouble });
  }

  // --- The browser --------------------------------------------------------------------------------------------------

  let drawer = null;

  // What is kept is shown before anything is added to it.
  function ready() {
    drawer ??= fromBrowser().catch(error => {
      drawer = null;
      throw error;
    });
    return drawer;
  }

  async function fromBrowser() {
    const answer = await answered(fetch(signed(`/api/slides/${encodeURIComponent(name)}?sources=1`)));
    const { sources = [] } = await answer.json();
    const found = origami.marksDrawer(name, { width: slide.width, height: slide.height, sources });
    const { good, bad } = geojson.readable(await found.find(ask));
    for (const { id } of bad) unread.add(id);
    marks.change(good.map(feature => [feature.id, feature]), 'elsewhere');
    return found;
  }

  async function toBrowser() {
    const batch = [...changed];
    changed.clear();
    try {
      await (await ready()).change(batch.map(id => [id, marks.get(id)?.feature ?? null]));
    } catch (error) {
      for (const id of batch) changed.add(id);
      throw error;
    }
    told({ text: marks.size ? phrase`Kept in this browser only: export what others should see.` : '' });
  }

  // --- The server ---------------------------------------------------------------------------------------------------

  async function answered(request) {
    const answer = await request;
    if (answer.ok || answer.status === 304) return answer;
    const said = await answer.json().catch(() => ({}));
    throw Object.assign(new Error(said.error ?? phrase`the server answered ${answer.status}`), { status: answer.status });
  }

  async function load() {
    const answer = await answered(fetch(address(other === 'show' ? '?other=show' : ''), { cache: 'no-cache', ...(tag && { headers: { 'If-None-Match': tag } }) }));
    if (answer.status === 304) return;
    const given = await answer.json();
    if (given.origami.other) return another(given.origami.other);
    tag = answer.headers.get('ETag');
    take(given);
  }

  function take({ features, origami: { marks: list } }) {
    const now = new Map(list.map(([id, revision]) => [id, revision]));
    const by = new Map(features.map(feature => [feature.id, feature]));
    const [news, before] = [[], unread.size];
    for (const [id, revision] of now) {
      if (revisions.get(id) === revision || changed.has(id)) continue;
      const { good: [feature = null] } = geojson.readable([by.get(id)]);
      unread[feature ? 'delete' : 'add'](id);
      if (feature || marks.get(id)) news.push([id, feature]);
    }
    for (const id of revisions.keys()) {
      if (now.has(id)) continue;
      unread.delete(id);
      if (!changed.has(id)) news.push([id, null]);
    }
    // Of what is changed here the revision that it was based on stays, so that the server sees a conflict.
    for (const id of changed) if (revisions.has(id)) now.set(id, revisions.get(id));
    revisions = now;
    if (unread.size !== before) told({});
    if (!news.length) return;
    for (const [id] of news) marks.forget(id);
    marks.change(news, 'elsewhere');
  }

  async function another(found) {
    if (other !== null) return;
    other = 'asked';
    if (!(await ask(found))) return;
    other = 'show';
    if (may) {
      await answered(send({ changes: [], adopt: true }));
      other = null;
    }
    await load();
  }

  const send = body => fetch(address(), { method: 'PATCH', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });

  // Some of what is not saved yet.
  function next(most) {
    const [batch, list] = [[], [...changed]];
    for (let bytes = 0; list.length && bytes < most;) {
      const id = list.shift();
      const feature = marks.get(id)?.feature ?? null;
      bytes += feature ? JSON.stringify(feature).length : 100;
      batch.push({ id, revision: revisions.get(id) ?? 0, feature });
    }
    return batch;
  }

  async function toServer() {
    let most = MOST_BYTES;
    while (changed.size) {
      const batch = next(most);
      for (const { id } of batch) changed.delete(id);
      try {
        const said = await (await answered(send({ changes: batch }))).json();
        const conflicts = new Set(said.conflicts.map(({ id }) => id));
        for (const { id, feature } of batch) {
          if (conflicts.has(id)) continue;
          if (feature) revisions.set(id, said.marks[id]);
          else revisions.delete(id);
        }
        for (const conflict of said.conflicts) await resolve(conflict);
      } catch (error) {
        for (const { id } of batch) changed.add(id);
        // So many of them may have been changed elsewhere that one answer cannot show them.
        if (error.status !== 413 || batch.length === 1) throw error;
        most /= 2;
      }
    }
  }

  // Mine, theirs, or both; what is mine is saved again, based on theirs.
  async function resolve({ id, revision, feature }) {
    const mine = marks.get(id)?.feature ?? null;
    const [theirs = null] = feature ? geojson.readable([feature]).good : [];
    const choice = await decide({ id, mine, theirs });
    if (revision) revisions.set(id, revision);
    else revisions.delete(id);
    if (choice === 'mine') changed.add(id);
    else {
      marks.forget(id);
      marks.change([[id, theirs]], 'elsewhere');
      if (choice === 'both' && mine) marks.change([[crypto.randomUUID(), mine]].map(([fresh, of]) => [fresh, { ...of, id: fresh }]), 'again');
    }
  }

  // --- When ---------------------------------------------------------------------------------------------------------

  async function save() {
    if (sending || !changed.size || !may) return;
    sending = true;
    told({ text: phrase`Saving …` });
    try {
      await (kept ? toServer() : toBrowser());
      wait = PAUSE_MS;
      if (kept) told({ text: phrase`Saved on the server.` });
    } catch (error) {
      wait = Math.min(30_000, wait * 2);
      // A failed fetch has no status.
      told({ trouble: error.status || !kept ? phrase`Not saved: ${error.message}` : phrase`Not saved: the server does not answer. It is tried again.` });
      later();
    }
    sending = false;
    if (changed.size) later();
  }

  function later() {
    clearTimeout(timer);
    timer = setTimeout(save, wait);
  }

  async function look() {
    if (open && kept && !document.hidden && !sending) await load().catch(() => {});
    setTimeout(look, LOOK_MS);
  }

  marks.listen((ids, how) => {
    if (how === 'elsewhere') return;
    for (const id of ids) changed.add(id);
    told({ text: phrase`Not saved yet.` });
    later();
  });
  addEventListener('beforeunload', event => { if (changed.size && may) event.preventDefault(); });
  // Now rather than later: the page may be about to go.
  document.addEventListener('visibilitychange', () => (document.hidden ? save() : open && kept && load().catch(() => {})));

  async function begin() {
    if (kept) await load();
    else await ready();
    told({ text: !may ? phrase`To look at only: changing marks takes another address or a token.` : kept ? '' : marks.size ? phrase`Kept in this browser only: export what others should see.` : '' });
    setTimeout(look, LOOK_MS);
  }

  return {
    begin, save, load, may, kept,
    set open(value) { open = value; },
    get saved() { return !changed.size && !sending; },
  };
};
