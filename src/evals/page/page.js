// Connects the parts of the page: filters, updates after a change, and the URL.
'use strict';
(() => {
  const byId = id => document.getElementById(id);
  const { state } = evals;
  const ALL = '*';

  // The image that the page opens on: tissue, if there is any, and of this the image with most runs. Curves of one image can be
  // compared, those of many are too many.
  const MIN_TISSUE = 0.2;
  function first(names) {
    const all = names.map(evals.imageOfRuns);
    const tissue = all.filter(image => image.tissue >= MIN_TISSUE);
    return (tissue.length ? tissue : all).reduce((best, image) => {
      const more = image.runs - best.runs || (image.tissue ?? 0) - (best.tissue ?? 0);
      return more > 0 ? image : best;
    });
  }

  // The picture of the shown image, and why the page opens on it.
  function picture() {
    const names = [...new Set(evals.runs.map(run => run.image))].sort(evals.compare);
    const image = state.image !== ALL ? evals.imageOfRuns(state.image) : names.length === 1 ? evals.imageOfRuns(names[0]) : null;
    byId('shown').hidden = !image?.picture;
    if (!image?.picture) return;
    const part = image.tissue === null ? [] : [`${Math.round(100 * image.tissue)} % of this picture is pink to violet, as tissue in H&E.`];
    const opens = names.length < 2 || first(names).name !== image.name ? []
      : image.tissue >= MIN_TISSUE ? ['The page opens on tissue, on the image with most runs.']
        : ['No image here is tissue in H&E. The page opens on the image with most runs.'];
    byId('shown-name').textContent = image.imageClass ? `${image.name} (${image.imageClass})` : image.name;
    byId('shown-text').textContent = [...part, ...opens].join(' ');
    const address = evals.address(image.picture);
    if (byId('shown-picture').getAttribute('src') !== address) byId('shown-picture').src = address;
    byId('shown-picture').alt = `Original of ${image.name}`;
  }

  // Called after the runs are loaded, because the URL may name an image that no longer exists.
  function images() {
    const names = [...new Set(evals.runs.map(run => run.image))].sort(evals.compare);
    const classOf = new Map(evals.runs.map(run => [run.image, run.image_class ?? '']));
    if (state.image !== ALL && !names.includes(state.image)) state.image = names.length > 1 ? first(names).name : ALL;
    const select = byId('image');
    select.replaceChildren();
    const option = (value, text, parent) => {
      const element = evals.make('option', text);
      element.value = value;
      parent.append(element);
    };
    option(ALL, names.length > 1 ? `all ${names.length}` : names[0] || 'all', select);
    const classes = [...new Set(names.map(name => classOf.get(name)))].sort(evals.compare);
    for (const each of names.length > 1 ? classes : []) {
      const parent = each ? document.createElement('optgroup') : select;
      if (each) {
        parent.label = each;
        select.append(parent);
      }
      for (const name of names.filter(name => classOf.get(name) === each)) option(name, name || 'without an image', parent);
    }
    select.value = state.image;
    select.closest('label').hidden = names.length < 2;
  }

  function metrics(shown) {
    const select = byId('y');
    const known = evals.metricsOf();
    if (!known.some(metric => metric.key === state.y)) state.y = known[0]?.key ?? 'y_psnr';
    select.replaceChildren();
    for (const metric of known) {
      const option = evals.make('option', metric.label);
      option.value = metric.key;
      select.append(option);
    }
    select.value = state.y;
    byId('of-tiles').hidden = !known.some(metric => metric.tiles);
    if (byId('of-tiles').hidden) state.tiles = false;
    byId('plot').hidden = !known.length || !shown.length;
  }

  const words = () => state.find.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const shown = () => evals.runs.filter(run => (state.image === ALL || run.image === state.image)
    && words().every(word => run.found.includes(word)));

  function tray() {
    const chosen = evals.chosen();
    byId('tray').hidden = !chosen.length;
    if (!chosen.length) return;
    const [a, b] = chosen.length === 2 ? chosen : [null, chosen[0]];
    const text = run => (run ? `${evals.title(run)}` : state.a ? 'original' : 'choose another run');
    for (const [name, run] of [['a', a], ['b', b]]) {
      byId(`name-${name}`).textContent = text(run);
      byId(`name-${name}`).title = run?.id ?? '';
    }
    const pictures = chosen.some(run => run.images.length);
    byId('open').disabled = !pictures;
    byId('open').title = pictures ? '' : 'These runs have no pictures';
  }

  // Updates everything from the state.
  let working = null;
  function changed() {
    const list = shown();
    const all = evals.runs.length;
    byId('count').textContent = list.length === all ? `${all} ${all === 1 ? 'run' : 'runs'}` : `${list.length} of ${all} runs`;
    byId('message').textContent = !all
      ? 'No runs here yet. A run is a directory with manifest.json, images/, decompress/ or compress/; it may lie in a folder for its image.'
      : list.length ? '' : 'Nothing is found.';
    byId('filters').hidden = !all;
    byId('figures-section').hidden = !list.length;
    for (const [id, value] of [['image', state.image], ['x', state.x]]) byId(id).value = value;
    if (document.activeElement !== byId('filter')) byId('filter').value = state.find;
    byId('tiles').checked = state.tiles;
    byId('log').checked = state.log;
    picture();
    metrics(list);
    evals.rates(list);
    evals.table(list);
    if (!byId('plot').hidden) evals.plot(list);
    byId('x').value = state.x;
    evals.details();
    tray();
    evals.remember();
    working = evals.comparing.update();
  }

  function listen() {
    for (const [id, key] of [['image', 'image'], ['x', 'x'], ['y', 'y']]) {
      byId(id).addEventListener('change', event => {
        state[key] = event.target.value;
        changed();
      });
    }
    for (const [id, key] of [['log', 'log'], ['tiles', 'tiles']]) {
      byId(id).addEventListener('change', event => {
        state[key] = event.target.checked;
        changed();
      });
    }
    byId('filter').addEventListener('input', event => {
      state.find = event.target.value;
      changed();
    });
    byId('filters').addEventListener('submit', event => event.preventDefault());
    byId('reload').addEventListener('click', reload);
    byId('clear').addEventListener('click', () => {
      [state.a, state.b] = [null, null];
      changed();
    });
    byId('open').addEventListener('click', () => {
      [state.open, state.view] = [true, null];
      changed();
    });
    addEventListener('hashchange', () => {
      evals.recall();
      images();
      changed();
    });
    let width = innerWidth;
    addEventListener('resize', () => {
      if (innerWidth !== width && !byId('plot').hidden) evals.plot(shown());
      width = innerWidth;
    });
  }

  async function reload() {
    try {
      const notes = await evals.load();
      evals.recall();
      byId('notes').replaceChildren(...notes.map(note => evals.make('li', note)));
      byId('notes').hidden = !notes.length;
      images();
      changed();
    } catch (error) {
      byId('message').textContent = `The runs cannot be listed: ${error.message}. Is the server still running?`;
      throw error;
    }
  }

  // Resolves when everything is loaded and drawn.
  async function settled() {
    const pause = ms => new Promise(done => setTimeout(done, ms));
    for (let calmFor = 0; calmFor < 2;) {
      await pause(40);
      await working;
      calmFor = evals.comparing.idle() ? calmFor + 1 : 0;
    }
  }

  const x = byId('x');
  for (const [value, text] of [['bpp', 'bits a pixel'], ['bytes', 'bytes']]) {
    const option = evals.make('option', text);
    option.value = value;
    x.append(option);
  }
  Object.assign(evals, { changed, settled, shown });
  listen();
  reload().then(settled).then(() => { document.documentElement.dataset.ready = 'yes'; }, () => {});
})();
