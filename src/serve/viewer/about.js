// What a slide is, in plain words: its size, its scale, how it is kept, and what is lossless of it. With the label and other images in
// its file, where the server shows them.
'use strict';
origami.about = (slide, kind, closed, original) => {
  const byId = id => document.getElementById(id);
  const number = value => phrase.number(value, { maximumFractionDigits: 4 });

  function size() {
    const pixels = phrase`${number(slide.width)} × ${number(slide.height)} pixels`;
    const scale = slide.microns_per_pixel;
    if (!scale) return pixels;
    const [across, down] = [slide.width * scale[0] / 1000, slide.height * scale[1] / 1000].map(length => phrase.figure(Number(length.toPrecision(3))));
    return `${pixels}, ${across} × ${down} mm`;
  }

  function scale() {
    if (!slide.microns_per_pixel) return phrase`The file does not say how large its pixels are.`;
    const [across, down] = slide.microns_per_pixel;
    return across === down ? phrase`${number(across)} µm a pixel` : phrase`${number(across)} × ${number(down)} µm a pixel`;
  }

  function colours() {
    if (!slide.icc) return phrase`No profile: shown as sRGB.`;
    if (slide.icc.problem) return phrase`The profile cannot be used: ${slide.icc.problem}.`;
    const to = { embed: phrase`Tiles carry it, and the browser converts.`, srgb: phrase`Tiles are converted to sRGB.`, none: phrase`It is not applied.` };
    return `${slide.icc.name || phrase`A profile without a name`}. ${to[slide.icc.tiles] ?? ''}`;
  }

  // How the two finest levels are kept.
  function coding() {
    const how = slide.lossy?.encode;
    if (!how) return null;
    const fine = how.chroma_residual_quality
      ? phrase`Colour has a residual of its own, of quality ${how.chroma_residual_quality}.` : phrase`Colour of these levels is that of the third, enlarged.`;
    return [
      phrase`Encoder ${how.encoder}: quality ${how.base_quality} of the third level, ${how.residual_quality} of the residual of the two finest.`, fine,
      how.subsamp === '444' ? '' : phrase`Colour of the third level has half its width and height.`, phrase`Entropy coder: ${how.entropy ?? 'huffman'}.`,
    ].filter(Boolean).join(' ');
  }

  function planes() {
    const { channels = [], focal_planes: layers = 1, times = 1 } = slide.planes ?? {};
    const many = [[channels.length, phrase`${channels.length} channels`], [layers, phrase`${layers} focal planes`], [times, phrase`${times} points in time`]];
    return many.filter(([count]) => count > 1).map(([, text]) => text).join(', ') || null;
  }

  // What of the source was encoded, as the archive says it.
  function made() {
    const of = new URLSearchParams(slide.made_of ?? '');
    const counted = text => text.split(',').map(value => Number(value) + 1);
    const parts = [];
    if (of.has('channel')) parts.push(phrase`channels ${phrase.list(counted(of.get('channel')).map(String))}`);
    if (of.has('z')) parts.push(phrase`focal plane ${counted(of.get('z'))}`);
    if (of.has('time')) parts.push(phrase`point in time ${counted(of.get('time'))}`);
    if (of.has('color')) parts.push(phrase`in colours that were chosen`);
    if (of.has('window')) parts.push(phrase`black and white that were chosen: ${of.get('window')}`);
    return parts.join(', ') || null;
  }

  // Whether anything is lost, in plain words.
  function kept() {
    const { stored_bytes: stored, represented_bytes: raw } = slide;
    const times = stored && raw ? phrase.figure(Number((raw / stored).toPrecision(2))) : null;
    if (!slide.encoded) return phrase`The scanned file itself, unchanged.`;
    if (slide.lossless) return times ? phrase`Lossless: about ${times} times smaller than the raw pixels.` : phrase`Lossless.`;
    if (!slide.lossy) return phrase`Tiles that another program has made, as they are.`;
    return times ? phrase`Lossy: about ${times} times smaller than the raw pixels.` : phrase`Lossy.`;
  }

  // The slide's own file beside this one.
  function from() {
    const { stored_bytes: stored, source_bytes: before } = slide;
    if (!stored || !before) return null;
    return phrase`a file of ${phrase.bytes(before, 3)}, ${phrase.figure(Number((before / stored).toPrecision(2)))} times as large`;
  }

  const rows = pairs => pairs.filter(([, text]) => text).flatMap(([name, text]) => {
    const [term, said] = ['dt', 'dd'].map(tag => document.createElement(tag));
    term.textContent = name;
    said.append(text);
    return [term, said];
  });

  function fill() {
    const [, sentence] = kind();
    const beside = document.createElement('span');
    if (slide.has_original) beside.append(phrase`Served beside it: c compares, d shows the difference.`);
    else original.sentence().then(said => beside.replaceChildren(said));
    byId('facts').replaceChildren(...rows([
      [phrase`What you see`, kept()], [phrase`File`, slide.file], [phrase`File size`, slide.stored_bytes && phrase.bytes(slide.stored_bytes, 3)],
      [phrase`Encoded from`, from()],
      [phrase`Size`, size()], [phrase`Scale`, scale()],
      [phrase`Objective`, slide.objective_power ? `${number(slide.objective_power)}×` : phrase`not recorded`], [phrase`Scanner`, slide.scanner || phrase`not recorded`],
      [phrase`Has`, planes()], [phrase`Made of`, made()], [phrase`Original`, slide.encoded ? beside : null], [phrase`Warning`, slide.warning],
    ]));
    byId('facts-coded').replaceChildren(...rows([
      [phrase`Kept`, sentence], [phrase`Coded`, coding()], [phrase`Colours`, colours()], [phrase`Version`, slide.version],
    ]));
  }

  // Names come from files, so they enter the page only as text and as encoded URLs.
  function pictures() {
    byId('beside').replaceChildren(...(slide.associated ?? []).map(name => {
      const [figure, image, said] = ['figure', 'img', 'figcaption'].map(tag => document.createElement(tag));
      said.textContent = name;
      image.alt = `${name} · ${slide.name}`;
      image.addEventListener('error', () => { image.hidden = true; said.textContent = phrase`${name}: it cannot be read`; });
      image.src = signed(`/associated/${encodeURIComponent(slide.name)}/${encodeURIComponent(name)}?v=${slide.version}`);
      figure.append(image, said);
      return figure;
    }));
  }

  // What is drawn may stay when the panel goes.
  function toggle(keep = false) {
    byId('about').hidden = !byId('about').hidden;
    byId('info').setAttribute('aria-pressed', String(!byId('about').hidden));
    if (byId('about').hidden && !keep) closed();
  }

  byId('about-close').addEventListener('click', () => { toggle(); byId('info').focus(); });
  fill();
  pictures();
  return { toggle, get open() { return !byId('about').hidden; } };
};
