// Measures on the slide: lengths, areas and angles, a grid, and where the pointer is. The tab keeps what is measured until it is closed;
// marks are what others see.
'use strict';
// `key` is that of the slide in the tab's storage.
origami.measure = (viewer, slide, overlay, sketch, key, closed) => {
  const byId = id => document.getElementById(id);
  const in_ = units(slide.microns_per_pixel);
  const COLOUR = '#0b63ce';
  // CSS pixels that lines of the grid are apart, at least.
  const GRID_PX = 80;
  // Of each tool: the shape, what it says, and how it is used.
  const TOOLS = {
    ruler: {
      kind: 'segment', name: phrase`Length`, figures: points => in_.length(shapes.length(points, in_.scale)),
      how: phrase`Drag from one end to the other, or click at both.`,
    },
    area: {
      kind: 'freehand', name: phrase`Area`, closed: true,
      figures: points => phrase`${in_.area(shapes.area(points, in_.scale))}, perimeter ${in_.length(shapes.length(points, in_.scale, true))}`,
      how: phrase`Drag around it, or click around it: a click on the first point, or a double click, closes it.`,
    },
    angle: {
      kind: 'angle', name: phrase`Angle`, figures: ([from, tip, to]) => in_.angle(shapes.angle(from, tip, to, in_.scale)),
      how: phrase`Click at one side, at the tip, and at the other side.`,
    },
  };
  const all = [];
  // What there was before each change.
  const history = [];
  // `drawn`: whether measures are shown.
  let [tool, grid, drawn] = [null, false, false];

  // --- Tools --------------------------------------------------------------------------------------------------------

  function press() {
    for (const name of Object.keys(TOOLS)) byId(name).setAttribute('aria-pressed', String(name === tool));
    byId('measure-how').textContent = tool ? TOOLS[tool].how : '';
    byId('measure-keys').hidden = !tool;
  }

  function choose(name) {
    const again = name === tool;
    sketch.stop();
    if (again || !name) return;
    tool = name;
    const { kind, figures } = TOOLS[name];
    sketch.begin(kind, {
      done: points => add(name, points),
      label: points => (points.length >= (kind === 'segment' ? 2 : 3) ? figures(points) : null),
      ended: () => { tool = null; press(); },
    });
    press();
  }

  const keep = () => history.push([...all]);

  function undo() {
    if (!history.length) return;
    all.splice(0, all.length, ...history.pop());
    list();
  }

  // A measure with other points.
  function move(measure, points) {
    const moved = { ...measure, points, text: TOOLS[measure.name].figures(points) };
    all.splice(all.indexOf(measure), 1, moved);
    list();
    return moved;
  }

  function add(name, points) {
    keep();
    all.push({ name, points, text: TOOLS[name].figures(points) });
    list();
    byId('measured').lastElementChild.scrollIntoView({ block: 'nearest' });
  }

  function list() {
    byId('measured').replaceChildren(...all.map((each, index) => {
      const [item, text, button] = ['li', 'span', 'button'].map(name => document.createElement(name));
      text.textContent = `${TOOLS[each.name].name} ${each.text}`;
      Object.assign(button, { textContent: '✕', title: phrase`Remove`, className: 'small' });
      button.setAttribute('aria-label', phrase`Remove ${text.textContent}`);
      button.addEventListener('click', () => remove(index));
      item.append(text, button);
      return item;
    }));
    byId('measure-clear').disabled = !all.length;
    byId('measure-undo').disabled = !history.length;
    byId('measure-kept').hidden = !all.length;
    store();
    overlay.redraw();
  }

  function store() {
    try {
      if (all.length) sessionStorage.setItem(key, JSON.stringify(all.map(({ name, points }) => [name, points])));
      else sessionStorage.removeItem(key);
    } catch { /* A browser that keeps nothing: they stay until the page is left. */ }
  }

  // What the tab has kept; texts are in the language and the units of now.
  function recall() {
    try {
      for (const [name, points] of JSON.parse(sessionStorage.getItem(key) ?? '[]')) all.push({ name, points, text: TOOLS[name].figures(points) });
    } catch { /* What is kept there are no measures. */ }
  }

  function remove(index) {
    keep();
    all.splice(index, 1);
    list();
    (byId('measured').children[Math.min(index, all.length - 1)]?.querySelector('button') ?? byId('ruler')).focus();
  }

  // --- Picture ------------------------------------------------------------------------------------------------------

  function drawGrid(context, view) {
    const { minX, minY, maxX, maxY } = overlay.shown(view);
    const step = in_.step(GRID_PX / view.zoom * in_.scale[0] * 2);
    const clamp = (value, most) => Math.min(most, Math.max(0, value));
    const [left, right] = [clamp(minX, slide.width), clamp(maxX, slide.width)];
    const [top, bottom] = [clamp(minY, slide.height), clamp(maxY, slide.height)];
    const lines = [];
    for (let i = Math.ceil(left * in_.scale[0] / step); i * step / in_.scale[0] <= right; i++) {
      const x = i * step / in_.scale[0];
      lines.push([[x, top], [x, bottom]]);
    }
    for (let i = Math.ceil(top * in_.scale[1] / step); i * step / in_.scale[1] <= bottom; i++) {
      const y = i * step / in_.scale[1];
      lines.push([[left, y], [right, y]]);
    }
    for (const [style, width] of [['#ffffff99', 3], ['#18181b99', 1]]) {
      context.beginPath();
      for (const ends of lines) {
        const [[ax, ay], [bx, by]] = ends.map(view.screen);
        context.moveTo(ax, ay);
        context.lineTo(bx, by);
      }
      Object.assign(context, { strokeStyle: style, lineWidth: width });
      context.stroke();
    }
    const text = phrase`Grid: ${in_.length(step)}`;
    if (byId('grid-step').textContent !== text) byId('grid-step').textContent = text;
  }

  overlay.add((context, view) => {
    if (!drawn) return;
    if (grid) drawGrid(context, view);
    for (const { name, points, text } of all) {
      const screen = points.map(view.screen);
      origami.ink.line(context, screen, { colour: COLOUR, closed: TOOLS[name].closed, fill: TOOLS[name].closed ? '#0b63ce22' : null });
      for (const point of screen) origami.ink.dot(context, point, { colour: COLOUR, radius: 3 });
      if (TOOLS[name].closed) origami.ink.beside(context, text, screen, view);
      else origami.ink.label(context, text, screen[name === 'angle' ? 1 : screen.length - 1]);
    }
  });

  // --- The panel ----------------------------------------------------------------------------------------------------

  function where(event) {
    if (byId('measuring').hidden || event.pointerType === 'touch') return;
    const [x, y] = overlay.at(event);
    const within = x >= 0 && y >= 0 && x < slide.width && y < slide.height;
    byId('pointer').textContent = within ? in_.place([x, y]) : '';
  }

  // What is drawn may stay when the panel goes.
  function toggle(keep = false) {
    byId('measuring').hidden = !byId('measuring').hidden;
    const open = !byId('measuring').hidden;
    // Most come for a length.
    if (open) choose('ruler');
    drawn = open || keep;
    byId('measure').setAttribute('aria-pressed', String(open));
    if (!open) sketch.stop();
    if (!open && !keep) closed();
    overlay.redraw();
  }

  // Without the panel, while that is closed.
  function show(yes) {
    drawn = yes || !byId('measuring').hidden;
    overlay.redraw();
  }

  for (const name of Object.keys(TOOLS)) {
    byId(name).addEventListener('click', () => { choose(name); byId('main').focus({ preventScroll: true }); });
  }
  byId('grid').addEventListener('click', () => {
    grid = !grid;
    byId('grid').setAttribute('aria-pressed', String(grid));
    byId('grid-step').textContent = '';
    overlay.redraw();
  });
  byId('measure-clear').addEventListener('click', () => { keep(); all.length = 0; list(); byId('measure-undo').focus(); });
  byId('measure-undo').addEventListener('click', undo);
  document.addEventListener('keydown', event => {
    const wanted = (event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === 'z';
    if (!wanted || byId('measuring').hidden || sketch.count || event.target.closest('input:not([type="checkbox"]), select, textarea, dialog')) return;
    event.preventDefault();
    undo();
  });
  origami.measureEdit(viewer, overlay, sketch, { measures: () => (byId('measuring').hidden ? [] : all), begin: keep, move });
  byId('measure-close').addEventListener('click', () => { toggle(); byId('measure').focus(); });
  byId('measure-scale').hidden = in_.known;
  viewer.element.addEventListener('pointermove', where);
  viewer.element.addEventListener('pointerleave', () => { byId('pointer').textContent = ''; });
  recall();
  list();
  press();
  return { toggle, show, rest: () => show(false), all, get open() { return !byId('measuring').hidden; } };
};
