// How the pixels of slides are shown, brightness, contrast and gamma, also of slides side by side; and the view of one slide as a file: a
// picture with its scale bar and a caption. Snapshots of other resolutions are made in snapshot.js.
'use strict';
// The sliders of a page, and its filter, which does what they say. `changed()` is told that a user has moved one.
origami.adjusting = changed => {
  const byId = id => document.getElementById(id);
  // Of each slider: its name in the address, and its value where nothing is changed.
  const SLIDERS = { brightness: ['b', 0], contrast: ['k', 0], gamma: ['g', 100] };

  const value = id => Number(byId(id).value);

  // What becomes of a sample: factor * sample ^ exponent + offset, of samples from 0 to 1.
  function curve() {
    const factor = 2 ** (value('contrast') / 50);
    return { factor, exponent: 100 / value('gamma'), offset: (1 - factor) / 2 + value('brightness') / 200 };
  }

  // Of each sample of 8 bits. Samples are as they are stored, without undoing sRGB's curve, as in other viewers.
  function table() {
    const { factor, exponent, offset } = curve();
    return Uint8ClampedArray.from({ length: 256 }, (_, sample) => 255 * (factor * (sample / 255) ** exponent + offset));
  }

  // What is not as the slide has it, as parts of the address.
  function parts() {
    const all = Object.entries(SLIDERS).map(([id, [key, usual]]) => [key, value(id), usual]);
    return Object.fromEntries(all.filter(([, now, usual]) => now !== usual).map(([key, now]) => [key, now]));
  }

  const isChanged = () => Object.keys(parts()).length > 0;

  function show() {
    const { factor, exponent, offset } = curve();
    for (const channel of document.querySelectorAll('#adjust [type]')) {
      for (const [key, given] of Object.entries({ amplitude: factor, exponent, offset })) channel.setAttribute(key, given);
    }
    byId('stage').classList.toggle('adjusted', isChanged());
    for (const id of Object.keys(SLIDERS)) {
      byId(`${id}-is`).textContent = id === 'gamma' ? phrase.fixed(value(id) / 100, 2) : value(id) > 0 ? `+${value(id)}` : String(value(id));
    }
    byId('adjusted').hidden = !isChanged();
  }

  // Takes the parts of an address.
  function take(given) {
    for (const [id, [key, usual]] of Object.entries(SLIDERS)) byId(id).value = given[key] && Number.isFinite(Number(given[key])) ? given[key] : usual;
    show();
  }

  for (const id of Object.keys(SLIDERS)) byId(id).addEventListener('input', () => { show(); changed(); });
  show();
  return { table, parts, take, get changed() { return isChanged(); } };
};

// `changed()` is told that pixels look different, `closed()` that the panel is, and `showDrawn(yes)` shows marks and measures or puts them away.
origami.pictures = (viewer, slide, name, comparing, { changed, closed, showDrawn }) => {
  const byId = id => document.getElementById(id);
  const adjusting = origami.adjusting(() => { offer(); changed(); });
  // CSS pixels of the strip below a picture, with one line of caption, and of each line.
  const [STRIP, LINE] = [40, 18];
  // For the tiles of a view.
  const PATIENCE_MS = 20_000;
  // CSS pixels of a letter, beside the scale bar.
  const LETTER = 13;
  const INK = '#18181b';
  let busy = false;
  // Marks and measures on their way, and who is told that the panel opens and closes.
  let drawn = Promise.resolve();
  const listeners = [];

  // A tour is of the slide as it is.
  const isShown = () => adjusting.changed && byId('tour').hidden;

  // A view as the slide has it needs no way back.
  function offer() {
    byId('picture-reset').disabled = !adjusting.changed && !origami.turn(viewer.viewport.getRotation()) && !viewer.viewport.getFlip();
  }

  function reset() {
    take({});
    viewer.viewport.setFlip(false).setRotation(0);
    changed();
  }

  // Takes the parts of an address.
  function take(given) {
    adjusting.take(given);
    offer();
  }

  // --- The view as a file -------------------------------------------------------------------------------------------

  // What is over the slide, from below.
  function layers() {
    const drawn = byId('picture-drawn').checked ? ['#marks canvas', '#pen'] : [];
    return [viewer.drawer.canvas, ...(comparing.mode === 'compare' ? [comparing.second.drawer.canvas] : []),
      ...(comparing.mode === 'difference' ? [byId('heat')] : []),
      ...drawn.flatMap(selector => [...document.querySelectorAll(selector)]).filter(canvas => canvas.width && canvas.checkVisibility())];
  }

  const isSlide = canvas => Boolean(canvas.closest('#main, #other'));

  // A picture of the slide as it is seen, through the sliders.
  function adjusted(picture) {
    if (!isShown()) return picture;
    const copy = new OffscreenCanvas(picture.width, picture.height);
    const context = copy.getContext('2d');
    context.drawImage(picture, 0, 0);
    const [image, of] = [context.getImageData(0, 0, copy.width, copy.height), adjusting.table()];
    for (let i = 0; i < image.data.length; i += 4) for (let c = i; c < i + 3; c++) image.data[c] = of[image.data[c]];
    context.putImageData(image, 0, 0);
    return copy;
  }

  // Words under a picture: what it is, at which magnification, and what was done with it.
  function caption(power, what) {
    const title = byId('caption').value.trim() || name;
    // Not twice, where the caption has it.
    const said = [title, ...(title.replaceAll('x', '×').includes(power) ? [] : [power]), ...what];
    if (viewer.viewport.getFlip()) said.push(phrase`mirrored`);
    if (isShown()) said.push(phrase`brightness ${byId('brightness-is').textContent}, contrast ${byId('contrast-is').textContent}, gamma ${byId('gamma-is').textContent}`);
    return said;
  }

  const coding = () => (slide.lossy ? [phrase`lossy reconstruction`] : []);

  // What the stage shows.
  function compared() {
    if (comparing.mode === 'compare') return [phrase`left: original, right: reconstructed`];
    if (comparing.mode !== 'difference') return coding();
    return [phrase`difference from the original, in levels of 255: ${comparing.said.map(row => row.join(' ')).join(', ')}`];
  }

  const font = `${LETTER}px system-ui, sans-serif`;

  // What a scale bar of this length takes, with what is around it.
  const beside = bar => (bar === null ? LETTER : bar + 3 * LETTER);

  // The caption, broken between its parts.
  function lines(width, bar, said) {
    const context = new OffscreenCanvas(1, 1).getContext('2d');
    context.font = font;
    const found = [];
    for (const part of said) {
      const longer = found.length ? `${found.at(-1)} · ${part}` : part;
      if (found.length && context.measureText(longer).width <= width - beside(bar) - LETTER) found[found.length - 1] = longer;
      else found.push(part);
    }
    return found;
  }

  function strip(context, width, top, bar, captions) {
    context.fillStyle = '#fff';
    context.fillRect(0, top, width, stripOf(captions));
    Object.assign(context, { fillStyle: INK, font, textBaseline: 'middle' });
    if (bar !== null) {
      context.fillRect(LETTER, top + STRIP - 12, bar, 4);
      context.textAlign = 'center';
      context.fillText(byId('length').textContent, LETTER + bar / 2, top + STRIP / 2 - 5);
    }
    context.textAlign = 'left';
    captions.forEach((text, line) =>
      context.fillText(text, beside(bar), top + STRIP / 2 + LINE * line, Math.max(1, width - beside(bar) - LETTER)));
  }

  const stripOf = captions => STRIP + LINE * (captions.length - 1);

  // What the stage shows, at `ratio` pixels a CSS pixel, over the strip: how large that is. Letters are never smaller than on the screen.
  function planned(ratio, said) {
    const stage = byId('stage').getBoundingClientRect();
    const letters = Math.max(1, ratio);
    const [width, height] = [stage.width * ratio / letters, stage.height * ratio / letters];
    const bar = byId('scale').hidden ? null : parseFloat(byId('bar').style.width) * ratio / letters;
    const captions = lines(width, bar, said);
    const size = [Math.round(width * letters), Math.round((height + stripOf(captions)) * letters)];
    return { stage, letters, width, height, bar, captions, size };
  }

  // The same as a picture: `paint` draws in CSS pixels.
  function sheet(ratio, said, paint) {
    const { stage, letters, width, height, bar, captions, size } = planned(ratio, said);
    const picture = document.createElement('canvas');
    [picture.width, picture.height] = size;
    const context = picture.getContext('2d');
    context.scale(ratio, ratio);
    context.fillStyle = '#fff';
    context.fillRect(0, 0, stage.width, stage.height);
    paint(context, stage);
    context.setTransform(letters, 0, 0, letters, 0, 0);
    strip(context, width, height, bar, captions);
    return picture;
  }

  function paintView(context, stage) {
    for (const canvas of layers()) {
      const box = canvas.getBoundingClientRect();
      context.save();
      if (canvas.closest('#other')) {
        context.beginPath();
        context.rect(0, 0, stage.width * comparing.split, stage.height);
        context.clip();
        // What is compared hides what is below.
        context.fillRect(0, 0, stage.width, stage.height);
      }
      context.drawImage(isSlide(canvas) ? adjusted(canvas) : canvas, box.left - stage.left, box.top - stage.top, box.width, box.height);
      context.restore();
    }
  }

  // The view, in pixels of the screen.
  const draw = () => sheet(devicePixelRatio, caption(byId('power').textContent, compared()), paintView);

  // The page that is printed is the picture.
  function printed() {
    byId('printed')?.remove();
    document.body.append(Object.assign(draw(), { id: 'printed' }));
  }

  const say = text => { byId('picture-said').textContent = text; };

  // Everything in view, marks as well; what is still on its way at `until` has not arrived.
  async function arrived(until) {
    await drawn;
    await origami.settled();
    while (origami.marking && !origami.marking.layer.settled && performance.now() < until) await new Promise(done => setTimeout(done, 50));
  }

  // Does something with the view once it is complete; what is asked for meanwhile is not done twice.
  const whole = (failed, action) => async () => {
    if (busy) return;
    busy = true;
    say(phrase`Waiting for the tiles of this view.`);
    try {
      await Promise.race([arrived(performance.now() + PATIENCE_MS), new Promise((_, fail) => setTimeout(() => fail(new Error(phrase`its tiles do not arrive`)), PATIENCE_MS))]);
      await action();
    } catch (error) {
      say(failed(error.message));
    } finally {
      busy = false;
    }
  };

  async function download(picture, ending = '') {
    const blob = await new Promise(done => picture.toBlob(done, 'image/png'));
    if (!blob) throw new Error(phrase`it is too large for this browser`);
    keep(blob, ending);
  }

  // Writes a PNG that is there already.
  function keep(blob, ending) {
    const href = URL.createObjectURL(blob);
    Object.assign(document.createElement('a'), { href, download: `${name.split('/').pop()}${ending}.png` }).click();
    setTimeout(() => URL.revokeObjectURL(href), 60_000);
  }

  const save = whole(why => phrase`The picture is not saved: ${why}.`, async () => {
    await download(draw());
    say(phrase`The picture is saved.`);
  });

  const onPaper = whole(why => phrase`The picture is not printed: ${why}.`, () => { say(''); print(); });

  // `done` is what is said then, and `what` what it is.
  async function copy(what, done, text) {
    try {
      await navigator.clipboard.writeText(text);
      say(done);
    } catch {
      // Browsers give the clipboard to pages by HTTPS and of this machine only.
      say(`${what}: ${text}`);
    }
  }

  // The stage shows what will be in the picture.
  function draws() {
    drawn = showDrawn(byId('picture-drawn').checked);
    drawn.catch(error => say(phrase`Marks and measures cannot be shown: ${error.message}`));
  }

  // What is drawn may stay when the panel goes.
  function toggle(keepDrawn = false) {
    const open = byId('picturing').hidden;
    byId('picturing').hidden = !open;
    byId('picture').setAttribute('aria-pressed', String(open));
    say('');
    if (open) draws();
    else if (!keepDrawn) closed();
    for (const listener of listeners) listener();
  }

  const buttons = {
    'picture-reset': reset,
    'picture-save': save,
    'picture-close': () => toggle(), 'picture-print': onPaper,
  };
  for (const [id, action] of Object.entries(buttons)) byId(id).addEventListener('click', action);
  byId('picture-drawn').addEventListener('change', draws);
  for (const event of ['rotate', 'flip']) viewer.addHandler(event, offer);
  addEventListener('beforeprint', printed);
  addEventListener('afterprint', () => byId('printed')?.remove());
  byId('caption').placeholder = name;
  offer();
  return {
    toggle, take, parts: adjusting.parts, draw, print: onPaper, planned, sheet, adjusted, download, keep, copy, say, caption: power => caption(power, coding()),
    listen: listener => listeners.push(listener),
    get changed() { return adjusting.changed; },
    get open() { return !byId('picturing').hidden; },
  };
};
