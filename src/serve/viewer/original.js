// What to say of a slide that has no original: that none lies beside it, and which slide of its name can be compared with it.
'use strict';
origami.original = name => {
  const byId = id => document.getElementById(id);
  const SHOWN_MS = 8_000;
  let [timer, asked] = [0, null];

  // The name of a slide that stands beside this one as its original; null where there is none, and for who may see this slide alone.
  async function beside() {
    const wanted = `${name}-original`;
    if (signed.count) return null;
    const answer = await fetch(`/api/slides?${new URLSearchParams({ search: wanted, limit: 20 })}`);
    const { slides = [] } = answer.ok ? await answer.json() : {};
    return slides.some(slide => slide.name === wanted) ? wanted : null;
  }

  const find = () => (asked ??= beside().catch(() => null));

  // The sentence, with a way to the comparison where there is one.
  async function sentence() {
    const other = await find();
    const said = document.createElement('span');
    said.append(phrase`No original is served with this slide.`);
    if (!other) return said;
    const link = document.createElement('a');
    // In the view that this page shows; the other one may not have it.
    const view = planes.asked && `&views=${encodeURIComponent(planes.asked)}`;
    Object.assign(link, { textContent: phrase`Compare with ${other}`, href: `/compare?slides=${[name, other].map(encodeURIComponent).join(',')}${view}` });
    said.append(' ', link);
    return said;
  }

  // On the page for a while.
  async function tell() {
    const said = await sentence();
    clearTimeout(timer);
    byId('message').replaceChildren(said);
    timer = setTimeout(() => { if (said.isConnected) said.remove(); }, SHOWN_MS);
  }

  // In the list of keys, in place of those that would do nothing.
  async function list() {
    const said = await sentence();
    byId('no-original').replaceChildren(said);
    byId('no-original').hidden = false;
  }

  return { tell, list, sentence };
};
