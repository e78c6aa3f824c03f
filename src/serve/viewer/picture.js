// How the slide's pixels are shown, brightness, contrast and gamma, and the view as a file: a picture with its scale bar and a caption.
'use strict';
origami.pictures = (viewer, slide, name, comparing, changed, closed) => {
  const byId = id => document.getElementById(id);
  // Of each slider: its name in the address, and its value where nothing is changed.
  const SLIDERS = { brightness: ['b', 0], contrast: ['k', 0], gamma: ['g', 100] };
  // CSS pixels of the strip below a picture, with one line of caption, and of each line.
  const [STRIP, LINE] = [40, 18];
  // For the tiles of a view.
  const PATIENCE_MS = 20_000;
  // CSS pixels of a letter, beside the scale bar.
  const LETTER = 13;
  const INK = '#18181b';
  let busy = false;

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
  // A tour is of the slide as it is.
  const isShown = () => isChanged() && byId('tour').hidden;

  function show() {
    const { factor, exponent, offset } = curve();
    for (const channel of document.querySelectorAll('#adjust [type]')) {
      for (const [key, given] of Object.entries({ amplitude: factor, exponent, offset })) channel.setAttribute(key, given);
    }
    byId('stage').classList.toggle('adjusted', isChanged());
    for (const id of Object.keys(SLIDERS)) {
      byId(`${id}-is`).textContent = id === 'gamma' ? (value(id) / 100).toFixed(2) : value(id) > 0 ? `+${value(id)}` : String(value(id));
    }
    byId('picture-reset').disabled = !isChanged();
    byId('adjusted').hidden = !isChanged();
  }

  // Takes the parts of an address.
  function take(given) {
    for (const [id, [key, usual]] of Object.entries(SLIDERS)) byId(id).value = given[key] && Number.isFinite(Number(given[key])) ? given[key] : usual;
    show();
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

  // A canvas as it is seen, through the sliders.
  function adjusted(canvas) {
    if (!isSlide(canvas) || !isShown()) return canvas;
    const copy = new OffscreenCanvas(canvas.width, canvas.height);
    const context = copy.getContext('2d');
    context.drawImage(canvas, 0, 0);
    const [image, of] = [context.getImageData(0, 0, canvas.width, canvas.height), table()];
    for (let i = 0; i < image.data.length; i += 4) for (let c = i; c < i + 3; c++) image.data[c] = of[image.data[c]];
    context.putImageData(image, 0, 0);
    return copy;
  }

  // Words under the picture: what it is, and what was done with it.
  function caption() {
    const said = [byId('caption').value.trim() || name, byId('power').textContent];
    if (comparing.mode === 'compare') said.push('left: original, right: reconstructed');
    else if (comparing.mode === 'difference') said.push(`difference from the original, in levels of 255: ${comparing.said.map(row => row.join(' ')).join(', ')}`);
    else if (slide.lossy) said.push('lossy reconstruction');
    if (viewer.viewport.getFlip()) said.push('mirrored');
    if (isShown()) said.push(`brightness ${byId('brightness-is').textContent}, contrast ${byId('contrast-is').textContent}, gamma ${byId('gamma-is').textContent}`);
    return said;
  }

  const font = `${LETTER}px system-ui, sans-serif`;

  // CSS pixels that the scale bar takes, with what is around it.
  const beside = () => (byId('scale').hidden ? LETTER : parseFloat(byId('bar').style.width) + 3 * LETTER);

  // The caption, broken between its parts.
  function lines(width) {
    const context = new OffscreenCanvas(1, 1).getContext('2d');
    context.font = font;
    const found = [];
    for (const part of caption()) {
      const longer = found.length ? `${found.at(-1)} · ${part}` : part;
      if (found.length && context.measureText(longer).width <= width - beside() - LETTER) found[found.length - 1] = longer;
      else found.push(part);
    }
    return found;
  }

  function strip(context, width, top, captions) {
    const height = stripOf(captions);
    context.fillStyle = '#fff';
    context.fillRect(0, top, width, height);
    Object.assign(context, { fillStyle: INK, font, textBaseline: 'middle' });
    if (!byId('scale').hidden) {
      const length = parseFloat(byId('bar').style.width);
      context.fillRect(LETTER, top + STRIP - 12, length, 4);
      context.textAlign = 'center';
      context.fillText(byId('length').textContent, LETTER + length / 2, top + STRIP / 2 - 5);
    }
    context.textAlign = 'left';
    captions.forEach((text, line) =>
      context.fillText(text, beside(), top + STRIP / 2 + LINE * line, Math.max(1, width - beside() - LETTER)));
  }

  const stripOf = captions => STRIP + LINE * (captions.length - 1);

  // The view, in pixels of the screen.
  function draw() {
    const [stage, ratio] = [byId('stage').getBoundingClientRect(), devicePixelRatio];
    const picture = document.createElement('canvas');
    const captions = lines(stage.width);
    [picture.width, picture.height] = [Math.round(stage.width * ratio), Math.round((stage.height + stripOf(captions)) * ratio)];
    const context = picture.getContext('2d');
    context.scale(ratio, ratio);
    context.fillStyle = '#fff';
    context.fillRect(0, 0, stage.width, stage.height);
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
      context.drawImage(adjusted(canvas), box.left - stage.left, box.top - stage.top, box.width, box.height);
      context.restore();
    }
    strip(context, stage.width, stage.height, captions);
    return picture;
  }

  // The page that is printed is the picture.
  function printed() {
    byId('printed')?.remove();
    document.body.append(Object.assign(draw(), { id: 'printed' }));
  }

  const say = text => { byId('picture-said').textContent = text; };

  // Everything in view, marks as well.
  async function arrived() {
    await origami.settled();
    while (origami.marking && !origami.marking.layer.settled) await new Promise(done => setTimeout(done, 50));
  }

  // Does something with the view once it is complete; what is asked for meanwhile is not done twice.
  const whole = (failed, action) => async () => {
    if (busy) return;
    busy = true;
    say('Waiting for the tiles of this view.');
    try {
      await Promise.race([arrived(), new Promise((_, fail) => setTimeout(() => fail(new Error('its tiles do not arrive')), PATIENCE_MS))]);
      await action();
    } catch (error) {
      say(`${failed}: ${error.message}.`);
    } finally {
      busy = false;
    }
  };

  const save = whole('The picture is not saved', async () => {
    const blob = await new Promise(done => draw().toBlob(done, 'image/png'));
    const href = URL.createObjectURL(blob);
    Object.assign(document.createElement('a'), { href, download: `${name.split('/').pop()}.png` }).click();
    setTimeout(() => URL.revokeObjectURL(href), 60_000);
    say('The picture is saved.');
  });

  const onPaper = whole('The picture is not printed', () => { say(''); print(); });

  async function link() {
    try {
      await navigator.clipboard.writeText(location.href);
      say('The address of this view is copied.');
    } catch {
      // Browsers give the clipboard to pages by HTTPS and of this machine only.
      say(`The address of this view: ${location.href}`);
    }
  }

  function toggle() {
    byId('picturing').hidden = !byId('picturing').hidden;
    byId('picture').setAttribute('aria-pressed', String(!byId('picturing').hidden));
    say('');
    if (byId('picturing').hidden) closed();
  }

  for (const id of Object.keys(SLIDERS)) byId(id).addEventListener('input', () => { show(); changed(); });
  const buttons = {
    'picture-reset': () => { take({}); changed(); },
    'picture-save': save,
    'picture-link': link, 'picture-close': toggle, 'picture-print': onPaper,
  };
  for (const [id, action] of Object.entries(buttons)) byId(id).addEventListener('click', action);
  addEventListener('beforeprint', printed);
  addEventListener('afterprint', () => byId('printed')?.remove());
  byId('caption').placeholder = name;
  show();
  return { toggle, take, parts, draw, print: onPaper, get open() { return !byId('picturing').hidden; } };
};
