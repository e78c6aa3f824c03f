// Records a tour of the slide in the viewer: keyframes of the present view, captions, export and import. The document is drawn from
// `tour` after each change, and kept in the browser.
'use strict';
origami.recorder = (viewer, slide, name, toggled) => {
  const byId = id => document.getElementById(id);
  const scale = camera.scaleOf(slide);
  const drafts = tours.drafts(name);
  const kept = drafts.load();
  let [tour, job, begun] = [kept?.tour ?? tours.empty(slide), kept?.job ?? null, false];
  const preview = origami.preview(viewer, slide, scale, clock);
  const rendering = origami.rendering(name, job, id => { job = id; save(); });
  const say = text => { byId('tour-said').textContent = text; };

  function clock(time) {
    const end = camera.duration(tour);
    Object.assign(byId('seek'), { max: end, value: time });
    byId('clock').textContent = `${phrase.fixed(time, 1)} / ${phrase.fixed(end, 1)} s`;
    byId('play').setAttribute('aria-label', preview.playing ? phrase`Pause` : phrase`Play`);
    byId('play').setAttribute('aria-pressed', String(preview.playing));
  }

  function save() {
    if (!drafts.save(tour, job)) say(phrase`The browser keeps no draft of this tour: export it before you leave the page.`);
  }

  // --- Rows ---------------------------------------------------------------------------------------------------------

  const title = key => {
    const view = camera.path([key], scale, camera.formatOf(tour.options))[0];
    const power = camera.magnification(scale, view.downsample);
    // A video has other pixels than the screen, and so another magnification.
    return power ? phrase`${phrase.figure(Number(power.toPrecision(3)))}× in the video` : `1 : ${phrase.figure(Number(view.downsample.toPrecision(3)))}`;
  };

  function row(template, number) {
    const item = byId(template).content.firstElementChild.cloneNode(true);
    for (const element of item.querySelectorAll('[data-label]')) {
      element.setAttribute('aria-label', element.dataset.label.replace('{0}', number));
    }
    return [item, part => item.querySelector(`.${part}`)];
  }

  // Rows stay the same elements for as long as their number does: one that is replaced between press and release would lose the click.
  const rows = new WeakMap();
  function lay(list, all, make) {
    const items = all.map((of, index) => {
      const known = rows.get(of);
      if (known?.index === index && known.count === all.length) known.fill();
      else rows.set(of, { index, count: all.length, ...make(of, index) });
      return rows.get(of).item;
    });
    if (items.length !== list.children.length || items.some((item, index) => list.children[index] !== item)) list.replaceChildren(...items);
  }

  function keyframe(key, index) {
    const [item, part] = row('keyframe', index + 1);
    const fill = () => {
      part('go').textContent = `${index + 1} · ${title(key)}`;
      part('time').value = key.time;
    };
    fill();
    part('go').addEventListener('click', () => { preview.stop(); preview.at(key.time); });
    part('time').addEventListener('change', event => move(key, event.target));
    part('ease').append(...camera.EASES.map(ease => new Option(ease, ease)));
    part('ease').value = key.ease === undefined || key.ease === 'ease' ? camera.DEFAULT_EASE : key.ease;
    part('ease').closest('label').hidden = index === 0;
    part('ease').addEventListener('change', event => { key.ease = event.target.value; changed(); });
    part('take').addEventListener('click', () => {
      const { ease, id, label, note } = key;
      const before = Object.entries({ ease, id, label, note }).filter(([, value]) => value !== undefined);
      tour.camera[index] = { ...tours.keyframe(key.time, preview.current(), scale), ...Object.fromEntries(before) };
      changed(['keyframes', index, 'take']);
    });
    part('earlier').disabled = index === 0;
    part('earlier').addEventListener('click', () => swap(index - 1, index, index - 1, 'earlier'));
    part('later').disabled = index === tour.camera.length - 1;
    part('later').addEventListener('click', () => swap(index, index + 1, index + 1, 'later'));
    part('remove').addEventListener('click', () => remove('camera', 'keyframes', index));
    return { item, fill };
  }

  function caption(cue, index) {
    const [item, part] = row('cue', index + 1);
    const fill = () => {
      for (const field of ['text', 'speaker', 'emotion', 'start', 'end']) part(field).value = cue[field] ?? '';
    };
    fill();
    for (const field of ['text', 'speaker', 'emotion']) {
      part(field).addEventListener('change', event => { cue[field] = event.target.value; changed(); });
    }
    for (const field of ['start', 'end']) {
      part(field).addEventListener('change', event => {
        cue[field] = time(event.target) ?? cue[field];
        event.target.value = cue[field];
        changed();
      });
    }
    part('remove').addEventListener('click', () => remove('cues', 'cues', index));
    return { item, fill };
  }

  // The number of a field; null where it is none.
  function time(field) {
    const value = Number(field.value);
    return field.value !== '' && field.validity.valid ? tours.round(value, 3) : null;
  }

  // --- Changes ------------------------------------------------------------------------------------------------------

  function move(key, field) {
    key.time = time(field) ?? key.time;
    const before = tour.camera;
    tour.camera = tours.sorted(tour.camera);
    // A row that stays where it is keeps the keyboard, or has let go of it already.
    const stays = tour.camera.every((each, index) => each === before[index]);
    changed(stays ? null : ['keyframes', tour.camera.indexOf(key), 'time']);
  }

  // Two views change places; the times stay.
  function swap(first, second, index, part) {
    const keys = tour.camera;
    const [early, late] = [keys[first].time, keys[second].time];
    [keys[first], keys[second]] = [{ ...keys[second], time: early }, { ...keys[first], time: late }];
    changed(['keyframes', index, part]);
  }

  function remove(field, list, index) {
    tour[field].splice(index, 1);
    changed([list, Math.min(index, tour[field].length - 1), 'remove']);
    if (!tour[field].length) byId(list === 'cues' ? 'add-cue' : 'add-keyframe').focus();
  }

  function add() {
    preview.stop();
    const at = tours.nextTime(tour);
    tour.camera.push(tours.keyframe(at, preview.current(), scale));
    changed();
    clock(at);
    byId('keyframes').lastElementChild.scrollIntoView({ block: 'nearest' });
  }

  function addCue() {
    const start = tours.round(preview.time, 1);
    tour.cues.push({ text: '', start, end: tours.round(start + 2, 1) });
    changed(['cues', tour.cues.length - 1, 'text']);
  }

  // Draws and keeps what has changed. `focus` is where the keyboard was: list, number and part.
  function changed(focus) {
    save();
    draw();
    if (!focus) return;
    const [list, index, part] = focus;
    const field = byId(list).children[index]?.querySelector(`.${part}`);
    (field?.disabled ? byId(list).children[index].querySelector('.go') : field)?.focus();
  }

  function draw() {
    try {
      preview.take(tour);
      const faults = tours.faults(tour);
      say(faults.join(' '));
    } catch (error) {
      say(error.message);
    }
    lay(byId('keyframes'), tour.camera, keyframe);
    lay(byId('cues'), tour.cues, caption);
    byId('slide-file').value = tour.slide ?? '';
    const format = camera.formatOf(tour.options);
    byId('width').value = format.width;
    byId('height').value = format.height;
    byId('fps').value = tour.options.fps ?? camera.DEFAULT_FORMAT.fps;
    clock(Math.min(preview.time, camera.duration(tour)));
  }

  // --- Documents ----------------------------------------------------------------------------------------------------

  function download() {
    const text = `${JSON.stringify(tours.written(tour), null, 2)}\n`;
    const address = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
    const link = Object.assign(document.createElement('a'), { href: address, download: `${name.split('/').pop()}.tour.json` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  }

  async function load(file) {
    if (!file) return;
    try {
      const given = tours.read(await file.text());
      // Refuses what the slide does not allow, before it takes the place of the draft.
      camera.path(given.camera, scale, camera.formatOf(given.options));
      tour = { ...given, slide: given.slide ?? tour.slide };
      changed();
      if (!byId('tour-said').textContent) say(phrase`${file.name} is open.`);
    } catch (error) {
      say(`${file.name}: ${error.message}`);
      byId('tour-said').scrollIntoView({ block: 'nearest' });
    }
  }

  function clear() {
    if (!confirm(phrase`Remove all keyframes and captions?`)) return;
    tour = tours.empty(slide);
    changed();
  }

  function render() {
    const faults = tours.faults(tour);
    if (faults.length) say(faults.join(' '));
    else rendering.submit(tour);
  }

  // --- The panel ----------------------------------------------------------------------------------------------------

  // `wrong` is said of a value that is none, and the one before stays.
  function option(field, read, wrong) {
    byId(field).addEventListener('change', event => {
      const value = event.target.validity.valid && event.target.value !== '' ? read(event.target.value) : undefined;
      if (value !== undefined) tour.options[field] = value;
      changed();
      if (value === undefined) say(wrong);
    });
  }

  function listen() {
    const clicks = { 'add-keyframe': add, 'add-cue': addCue, export: download, clear, render, import: () => byId('file').click() };
    for (const [id, action] of Object.entries(clicks)) byId(id).addEventListener('click', action);
    byId('play').addEventListener('click', () => (preview.playing ? preview.stop() : preview.play()));
    byId('seek').addEventListener('input', event => {
      const wanted = Number(event.target.value);
      preview.stop();
      preview.at(wanted);
    });
    byId('file').addEventListener('change', async event => { await load(event.target.files[0]); event.target.value = ''; });
    byId('slide-file').addEventListener('change', event => { tour.slide = event.target.value.trim(); changed(); });
    for (const field of ['width', 'height']) option(field, Number, phrase`Width and height are even, 16 to 8192 pixels.`);
    // A fraction such as 30000/1001 stays a text.
    const frames = text => (Number(text) > 0 ? Number(text) : /^[1-9]\d*\/[1-9]\d*$/.test(text) ? text : undefined);
    option('fps', frames, phrase`Frames a second are a number above 0, or a fraction such as 30000/1001.`);
    byId('to-jobs').href = signed('/jobs');
  }

  function toggle() {
    const open = byId('tour').hidden;
    for (const id of ['tour', 'frame']) byId(id).hidden = !open;
    preview.stop();
    toggled(open);
    if (!open) return;
    draw();
    if (!begun) rendering.begin();
    begun = true;
  }

  listen();
  return { toggle, add, preview, get open() { return !byId('tour').hidden; }, get tour() { return tour; }, load };
};
