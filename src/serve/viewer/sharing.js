// The address of the view for someone else, with the marks or without, and the code that shows the slide in another page.
'use strict';
// `fragment(withMarks)` is the view as part of an address, `marksShown()` whether marks can be seen, and `closed()` is told that the panel is.
origami.share = (viewer, slide, name, { fragment, marksShown, closed }) => {
  const byId = id => document.getElementById(id);
  const say = text => { byId('share-said').textContent = text; };

  const address = () => new URL(fragment(byId('share-marks').checked), location.href).href;

  function show() {
    byId('share-address').value = address();
    // What the server does not keep nobody else sees.
    byId('share-kept').hidden = Boolean(slide.annotations) || !byId('share-marks').checked;
  }

  // Browsers give the clipboard to pages by HTTPS and of this machine only; elsewhere what is chosen is copied.
  async function copy(text, done) {
    try {
      await navigator.clipboard.writeText(text);
      say(done);
    } catch {
      byId('share-address').value = text;
      byId('share-address').select();
      say(document.execCommand('copy') ? done : phrase`Copy the chosen text.`);
    }
  }

  // For a page of another server, which may show the slide in a frame.
  function embed() {
    const page = new URL(signed(`/embed/${encodeURIComponent(name)}${slide.view && `?${slide.view}`}`), location.origin);
    page.hash = new URLSearchParams(origami.viewOf(viewer));
    const frame = document.createElement('iframe');
    Object.assign(frame, { src: page.href, title: name, width: '800', height: '600' });
    return copy(frame.outerHTML, phrase`The code for a page is copied.`);
  }

  // What is drawn may stay when the panel goes.
  function toggle(keep = false) {
    const open = byId('sharing').hidden;
    byId('sharing').hidden = !open;
    byId('share').setAttribute('aria-pressed', String(open));
    say('');
    if (open) byId('share-marks').checked = marksShown();
    if (open) show();
    else if (!keep) closed();
  }

  byId('share-marks').addEventListener('change', () => { say(''); show(); });
  byId('share-address').addEventListener('focus', ({ target }) => target.select());
  byId('share-link').addEventListener('click', () => { show(); copy(address(), phrase`The address of this view is copied.`); });
  byId('share-embed').addEventListener('click', embed);
  byId('share-close').addEventListener('click', () => { toggle(); byId('share').focus(); });
  byId('share-embed').hidden = !slide.embed;
  byId('share-unframed').hidden = slide.embed;
  for (const event of ['animation-finish', 'rotate', 'flip']) viewer.addHandler(event, () => { if (!byId('sharing').hidden) show(); });
  return { toggle, get open() { return !byId('sharing').hidden; } };
};
