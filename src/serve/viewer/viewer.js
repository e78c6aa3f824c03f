// Shows one slide in OpenSeadragon: tools, keys, scale bar, and the view in the URL's fragment. For scripts that drive the
// page: `origami.ready` (the first view is complete), `origami.settled()` (so is the current one) and `origami.viewer`.
'use strict';
(() => {
  const byId = id => document.getElementById(id);
  const name = origami.named();
  // Panels that lie over the slide, one at a time.
  const PANELS = ['measuring', 'marking', 'picturing', 'sharing', 'informing'];
  let [viewer, comparison, slide, recorder, scale] = [null, null, null, null, null];

  const say = text => { byId('message').textContent = text; };
  const round = (value, digits) => Number(value.toFixed(digits));
  const bytes = n => phrase.bytes(n, 3);

  // --- Description -------------------------------------------------------------------------------------------------

  function describe() {
    document.title = `${name} · ORIGAMI`;
    byId('name').textContent = name;
    byId('name').title = name;
    for (const each of document.querySelectorAll('#compare,#difference,.original')) each.hidden = !slide.has_original;
    const [summary, text] = kind();
    const said = [text, slide.warning].filter(Boolean).join(' ');
    byId('note').hidden = !summary;
    byId('note').querySelector('summary').textContent = summary;
    byId('note').querySelector('p').textContent = said;
    planes.describe(slide);
  }

  // In a word and in a sentence: what the tiles are.
  function kind() {
    if (!slide.encoded) {
      return [phrase`original, not encoded`, phrase`This is the scanned file itself: every tile is made of its pixels when it is asked for.`];
    }
    const [stored, raw] = [slide.stored_bytes, slide.represented_bytes];
    const times = stored && raw ? phrase.figure(Number((raw / stored).toPrecision(2))) : null;
    const size = times ? phrase`Stored are ${bytes(stored)}; the pixels of all levels as raw 8-bit RGB would be ${bytes(raw)}, ${times} times as much.` : '';
    const whole = (what, sentence) => [times ? phrase`${what} · ${times} times smaller` : what, `${sentence} ${size}`.trim()];
    if (slide.lossless) return whole(phrase`lossless`, phrase`The tiles of the full resolution are those of the source, byte for byte.`);
    if (!slide.lossy) return slide.warning ? [phrase`original tiles`, ''] : ['', ''];
    return whole(phrase`reconstructed, lossy`,
      phrase`The two finest levels are predicted from the third and corrected by a coded residual: close to the original, not equal to it.`);
  }

  // --- The view in the URL ---------------------------------------------------------------------------------------------------

  const marksShown = () => Boolean(origami.marking?.shown);

  // The fragment of the address of this view, with marks or without.
  function fragment(withMarks) {
    const parts = origami.viewOf(viewer);
    Object.assign(parts, origami.picturing?.parts() ?? adjustments(new URLSearchParams(location.hash.slice(1))));
    if (withMarks) parts.a = 1;
    if (comparison.mode !== 'one') parts.m = comparison.mode;
    if (comparison.mode === 'compare') parts.s = round(comparison.split, 3);
    if (comparison.mode === 'difference') parts.d = comparison.span;
    const text = new URLSearchParams(parts);
    // Classes of marks that are not shown, one each.
    if (withMarks) for (const of of origami.marking?.hidden ?? []) text.append('h', of);
    return `#${text}`;
  }

  function remember() {
    clearTimeout(remember.timer);
    remember.timer = setTimeout(() => history.replaceState(null, '', fragment(marksShown())), 200);
  }

  // What is open, beside the marks, for the same page in another language.
  function isOpen() {
    history.replaceState(null, '', fragment(marksShown()));
    return { panels: ['measuring', 'picturing', 'sharing', 'informing', 'recording'].filter(each => origami[each]?.open), caption: byId('caption').value };
  }

  function reopen({ panels, caption }) {
    byId('caption').value = caption;
    const ways = { measuring: actions.measure, picturing: actions.picture, sharing: actions.share, informing: actions.info, recording: actions.record };
    for (const each of panels) ways[each]?.();
  }

  // Brightness, contrast and gamma in an address.
  const adjustments = given => Object.fromEntries(['b', 'k', 'g'].filter(key => given.has(key)).map(key => [key, given.get(key)]));

  function recall() {
    const given = new URLSearchParams(location.hash.slice(1));
    const number = key => (given.has(key) && Number.isFinite(Number(given.get(key))) ? Number(given.get(key)) : null);
    if (recorder?.open) given.delete('f');
    origami.show(viewer, given);
    // To be seen; the panel is for those who change them.
    const marked = Boolean(number('a'));
    if (marked !== marksShown()) marking().then(panel => panel.show(marked)).catch(error => say(error.message));
    if (marked || origami.marking) marking().then(panel => panel.hide(given.getAll('h'))).catch(() => {});
    const adjusted = adjustments(given);
    if (origami.picturing || Object.keys(adjusted).length) picturing().then(panel => panel.take(adjusted)).catch(() => {});
    if (number('s') !== null) comparison.place(number('s'));
    if (number('d') !== null) comparison.spread(given.get('d'));
    const mode = given.get('m');
    comparison.set(slide.has_original && ['compare', 'difference'].includes(mode) ? mode : 'one');
  }

  // --- Actions ----------------------------------------------------------------------------------------------

  const zoomBy = factor => { viewer.viewport.zoomBy(factor); viewer.viewport.applyConstraints(); };
  const turnBy = degrees => origami.turnBy(viewer, degrees);
  const toggle = mode => {
    if (slide.has_original) comparison.set(comparison.mode === mode ? 'one' : mode);
    else original().then(({ tell }) => tell()).catch(() => {});
  };
  // By a fifth of the view.
  const move = (right, down) => origami.move(viewer, right / 5, down / 5);
  const fullScreen = () => {
    const done = document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen();
    // A browser may refuse.
    done.catch(() => {});
  };
  const actions = {
    in: () => zoomBy(1.6),
    out: () => zoomBy(1 / 1.6),
    home: () => { viewer.viewport.setFlip(false).setRotation(0); viewer.viewport.goHome(); },
    power: () => scale.zoomTo(1),
    measure: () => only('measuring', measuring),
    marks: async () => {
      await only('marking', marking);
      if (origami.marking.open) showMeasures(true);
    },
    picture: () => only('picturing', picturing),
    share: () => only('sharing', sharing),
    info: () => only('informing', informing),
    turn: () => turnBy(90),
    back: () => turnBy(-90),
    // A tour is of the slide as it is.
    flip: () => { if (!recorder?.open) viewer.viewport.toggleFlip(); },
    compare: () => toggle('compare'),
    difference: () => toggle('difference'),
    full: fullScreen,
    record: async () => {
      await recording();
      if (!recorder.open) closeBut(null);
      viewer.viewport.setFlip(false);
      recorder.toggle();
    },
    keyframe: () => recorder?.open && recorder.add(),
    help: () => {
      byId('keys').showModal();
      if (!slide.has_original) original().then(({ list }) => list()).catch(() => {});
    },
    left: () => move(-1, 0), right: () => move(1, 0), up: () => move(0, -1), down: () => move(0, 1),
  };
  const keys = {
    '+': 'in', '=': 'in', '-': 'out', _: 'out', 0: 'home', 1: 'power', r: 'turn', R: 'back', h: 'flip', f: 'full', c: 'compare',
    d: 'difference', m: 'measure', a: 'marks', p: 'picture', s: 'share', i: 'info', t: 'record', k: 'keyframe', '?': 'help', ArrowLeft: 'left', ArrowRight: 'right', ArrowUp: 'up', ArrowDown: 'down',
  };

  // Closes what is open over the slide: a note, else the panel. Says whether there was one.
  function leave() {
    const opened = ['note', 'planes'].map(byId).find(each => each.open);
    if (opened) {
      opened.open = false;
      return true;
    }
    const panel = PANELS.find(each => origami[each]?.open);
    if (panel) origami[panel].toggle();
    return Boolean(panel);
  }

  // Tools that are loaded when they are first used. What they draw on lies over the slide.
  const once = make => { let made; return () => (made ??= make().catch(error => { made = null; say(error.message); throw error; })); };
  const drawing = once(async () => {
    await load('measure.css', 'shapes.js', 'units.js', 'overlay.js', 'sketch.js');
    const overlay = origami.overlay(viewer, byId('pen'));
    return { overlay, sketch: origami.sketch(viewer, overlay) };
  });
  const measuring = once(async () => {
    const { overlay, sketch } = await drawing();
    await load('measure.js', 'measure-edit.js');
    return (origami.measuring = origami.measure(viewer, slide, overlay, sketch, MEASURES, rest));
  });
  const MEASURES = `origami-measures ${name}`;

  // Those that there are, without their panel.
  async function showMeasures(yes) {
    if (origami.measuring || (yes && sessionStorage.getItem(MEASURES))) (await measuring()).show(yes);
  }

  const marking = once(async () => {
    const { overlay, sketch } = await drawing();
    await load('marks.css', 'rbush.min.js', 'geojson.js', 'marks.js', 'marks-layer.js', 'marks-edit.js', 'marks-store.js', 'marks-classes.js',
      'marks-several.js', 'marks-drawer.js', 'marks-files.js', 'marks-list.js', 'marks-panel.js');
    return (origami.marking = origami.marksPanel(viewer, slide, name, overlay, sketch, remember, rest));
  });
  // Marks and measures in a picture, or none.
  async function showDrawn(yes) {
    await showMeasures(yes);
    if (origami.marking || yes) await (await marking()).lend(yes);
  }
  const picturing = once(async () => {
    await load('measure.css', 'picture.js', 'snapshot.js', 'region.js');
    origami.picturing = origami.pictures(viewer, slide, name, comparison, { changed: remember, closed: rest, showDrawn });
    const { limits } = origami.snapshots(viewer, slide, origami.picturing);
    origami.regions(viewer, slide, origami.picturing, limits);
    return origami.picturing;
  });
  const sharing = once(async () => {
    await load('measure.css', 'sharing.js');
    return (origami.sharing = origami.share(viewer, slide, name, { fragment, marksShown, closed: rest }));
  });
  const recording = once(async () => {
    await load('tour.css', 'camera.js', 'jobs.js', 'tour.js', 'looks.js', 'tour-overlay.js', 'preview.js', 'rendering.js', 'recorder.js');
    recorder = origami.recorder(viewer, slide, name, open => {
      byId('record').setAttribute('aria-pressed', String(open));
      byId('mirror').disabled = open;
      viewer.drawer.exact = open;
      viewer.forceRedraw();
    });
    origami.recording = recorder;
  });
  const original = once(async () => {
    await load('original.js');
    return origami.original(name);
  });
  const informing = once(async () => {
    await load('measure.css', 'about.js', ...(slide.has_original ? [] : ['original.js']));
    return (origami.informing = origami.about(slide, kind, rest, slide.has_original ? null : await original()));
  });
  // What others have left drawn goes with the panel that is closed.
  const rest = () => ['measuring', 'marking'].forEach(each => origami[each]?.rest());
  // One panel at a time. What is drawn stays until the last one is closed.
  async function only(wanted, get) {
    const panel = await get();
    closeBut(wanted);
    panel.toggle();
  }

  function closeBut(wanted) {
    for (const each of PANELS) {
      if (each !== wanted && origami[each]?.open) origami[each].toggle(true);
    }
  }

  // Degrees, in the panel of the picture and, once the view is turned, beside the magnification. What is being typed stays.
  function turned() {
    const degrees = origami.turn(viewer.viewport.getRotation());
    for (const field of ['degrees', 'rotation'].map(byId)) if (document.activeElement !== field) field.value = round(degrees, 2);
    if (document.activeElement !== byId('degrees')) byId('turned').hidden = !degrees;
  }

  function flipped() {
    const is = viewer.viewport.getFlip();
    byId('flip').setAttribute('aria-pressed', String(is));
    byId('mirror').checked = is;
  }

  function listen() {
    for (const id of ['in', 'out', 'home', 'power', 'turn', 'flip', 'compare', 'difference', 'measure', 'picture', 'share', 'record', 'info', 'full', 'help']) {
      byId(id).addEventListener('click', actions[id]);
    }
    byId('mark-up').addEventListener('click', actions.marks);
    byId('full').hidden = !document.fullscreenEnabled;
    document.addEventListener('fullscreenchange', () =>
      byId('full').setAttribute('aria-pressed', String(Boolean(document.fullscreenElement))));
    document.addEventListener('keydown', event => {
      if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === 'p') {
        event.preventDefault();
        picturing().then(panel => panel.print()).catch(() => {});
        return;
      }
      const typing = event.target.closest('input, select, textarea, video, dialog');
      const step = origami.step(event);
      if (!typing && step) {
        event.preventDefault();
        origami.nudge(viewer, ...step);
        return;
      }
      if (event.key === 'Escape' && !event.target.closest('dialog')) {
        if (typing) (typing.closest('[tabindex="-1"]') ?? byId('main')).focus({ preventScroll: true });
        else leave();
        return;
      }
      if (typing || event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
      if (keys[event.key] === 'full' && byId('full').hidden) return;
      event.preventDefault();
      actions[keys[event.key]]();
    });
    // A click elsewhere closes an open note.
    document.addEventListener('pointerdown', event => {
      for (const id of ['note', 'planes']) if (!byId(id).contains(event.target)) byId(id).open = false;
    });
    addEventListener('hashchange', recall);
    viewer.addHandler('animation-start', () => { byId('note').open = false; });
    origami.panels(['measuring', 'marking', 'picturing', 'sharing', 'about', 'tour'], () => byId('main'));
    for (const event of ['animation-finish', 'rotate', 'flip', 'pan', 'zoom']) viewer.addHandler(event, remember);
    viewer.addHandler('flip', flipped);
    viewer.addHandler('rotate', turned);
    for (const field of ['degrees', 'rotation'].map(byId)) {
      field.addEventListener('change', () => {
        const degrees = origami.turn(Number(field.value) || 0);
        viewer.viewport.setRotation(degrees);
        field.value = round(degrees, 2);
      });
      field.addEventListener('blur', turned);
    }
    byId('mirror').addEventListener('change', actions.flip);
    turned();
  }

  // Resolves when everything in view is loaded at full quality and nothing moves.
  const settled = () => origami.still(() => comparison?.settled());

  async function begin() {
    document.querySelector('a.back').href = signed('/');
    origami.trouble(() => [viewer, comparison?.second].filter(Boolean));
    slide = await origami.early.described;
    const before = phrase.keep(isOpen);
    describe();
    for (const id of ['tools', 'corner', 'navigator']) byId(id).hidden = false;
    // As large as its corner allows, with the slide's aspect ratio.
    const corner = Math.min(170, Math.max(90, innerWidth / 6)) / Math.max(slide.width, slide.height);
    byId('navigator').style.width = `${Math.max(24, slide.width * corner)}px`;
    byId('navigator').style.height = `${Math.max(24, slide.height * corner)}px`;
    viewer = origami.open(byId('main'), 'dzi', slide, {
      showNavigator: true, navigatorId: 'navigator', navigatorAutoFade: false, navigatorOpacity: 1,
      navigatorDisplayRegionColor: '#d6336c',
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
    });
    comparison = origami.comparison(
      viewer, slide,
      // The second viewer has no limits of its own, so that it can follow the first everywhere.
      element => origami.open(element, 'original', slide, {
        visibilityRatio: 0, minZoomLevel: 1e-6, maxZoomLevel: 1e6, mouseNavEnabled: false, animationTime: 0, tabIndex: -1,
      }),
      remember);
    viewer.addOnceHandler('tile-drawn', origami.early.end);
    await origami.opens(viewer);
    Object.assign(origami, { viewer, settled, comparing: comparison });
    scale = origami.scale(viewer, slide);
    listen();
    recall();
    scale.show();
    say('');
    if (before) reopen(before);
    await settled();
    document.documentElement.dataset.ready = 'yes';
  }

  origami.ready = begin().catch(error => {
    byId('name').textContent = name;
    say(phrase`This slide cannot be shown: ${error.message}`);
    byId('message').append(' ', origami.toList());
    throw error;
  });
  // The error is shown already, so it needs no other handler.
  origami.ready.catch(() => {});
})();
