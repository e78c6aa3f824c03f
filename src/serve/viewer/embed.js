// One slide in a frame of another page: it pans and zooms, and has a scale bar. The view is in the fragment, which the page that frames it gives.
'use strict';
(() => {
  const byId = id => document.getElementById(id);
  const name = origami.named();
  let [viewer, scale] = [null, null];

  const say = text => { byId('message').textContent = text; };
  const recall = () => origami.show(viewer, new URLSearchParams(location.hash.slice(1)));

  const zoomBy = factor => { viewer.viewport.zoomBy(factor); viewer.viewport.applyConstraints(); };
  const move = (right, down) => origami.move(viewer, right / 5, down / 5);
  const actions = {
    in: () => zoomBy(1.6), out: () => zoomBy(1 / 1.6), power: () => scale.zoomTo(1),
    home: () => { viewer.viewport.setFlip(false).setRotation(0); viewer.viewport.goHome(); },
    left: () => move(-1, 0), right: () => move(1, 0), up: () => move(0, -1), down: () => move(0, 1),
  };
  const keys = {
    '+': 'in', '=': 'in', '-': 'out', _: 'out', 0: 'home', 1: 'power', ArrowLeft: 'left', ArrowRight: 'right', ArrowUp: 'up', ArrowDown: 'down',
  };

  // To the slide's own page, in the view that is shown.
  function link() {
    const address = signed(`/viewer/${encodeURIComponent(name)}${planes.asked && `?${planes.asked}`}`);
    byId('name').querySelector('a').href = `${address}#${new URLSearchParams(origami.viewOf(viewer))}`;
  }

  function listen() {
    for (const id of ['in', 'out', 'home', 'power']) byId(id).addEventListener('click', actions[id]);
    document.addEventListener('keydown', event => {
      if (event.target.closest('select') || event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
      event.preventDefault();
      actions[keys[event.key]]();
    });
    addEventListener('hashchange', recall);
    for (const event of ['animation-finish', 'rotate', 'flip']) viewer.addHandler(event, link);
  }

  async function begin() {
    origami.trouble(() => [viewer]);
    const slide = await origami.early.described;
    document.title = `${name} · ORIGAMI`;
    Object.assign(byId('name').querySelector('a'), { textContent: name, title: phrase`${name}: open in a page of its own` });
    byId('note').hidden = !slide.lossy;
    byId('note').textContent = phrase`reconstructed, lossy`;
    viewer = origami.open(byId('main'), 'dzi', slide, { gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true } });
    viewer.addOnceHandler('tile-drawn', origami.early.end);
    await origami.opens(viewer);
    for (const id of ['tools', 'corner']) byId(id).hidden = false;
    scale = origami.scale(viewer, slide);
    Object.assign(origami, { viewer, settled: () => origami.still(() => origami.isWhole(viewer)) });
    listen();
    recall();
    link();
    scale.show();
    say('');
    await origami.settled();
  }

  origami.ready = begin().catch(error => say(phrase`This slide cannot be shown: ${error.message}`)).finally(() => { document.documentElement.dataset.ready = 'yes'; });
})();
