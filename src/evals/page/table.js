// The tables: numbers of all runs, sorted by any column, and all details of the selected ones.
'use strict';
(() => {
  const byId = id => document.getElementById(id);
  const { state } = evals;
  // Most rows that are shown before the user asks for all.
  const MAX_ROWS = 300;
  let all = false;

  function make(tag, text, className) {
    const element = document.createElement(tag);
    if (text !== undefined && text !== null) element.textContent = text;
    if (className) element.className = className;
    return element;
  }

  // Columns: label, value to sort by, text.
  function columns(shown) {
    const has = of => shown.some(run => of(run) !== null && of(run) !== undefined && of(run) !== '');
    const digits = n => value => evals.number(value, n);
    const list = [
      { key: 'name', label: 'Run', text: true, of: run => `${evals.series.get(run.series).label} ${run.name}` },
      { key: 'image', label: 'Image', text: true, of: run => run.image, when: new Set(shown.map(run => run.image)).size > 1 },
      { key: 'codec', label: 'Codec', text: true, of: run => run.codec },
      { key: 'quality', label: 'Quality', of: run => run.quality, show: digits(null) },
      { key: 'bytes', label: 'Bytes', of: run => run.bytes_total, show: evals.bytes },
      { key: 'bpp', label: 'Bits a pixel', of: run => run.bpp, show: digits(3) },
      { key: 'jpeg', label: 'Of JPEG', of: run => run.ofJpeg, show: digits(3),
        title: 'Bytes as a share of the JPEG 4:2:0 pyramid of the same Y-PSNR' },
    ];
    for (const metric of evals.metricsOf().filter(metric => metric.tiles === state.tiles)) {
      list.push({ key: metric.key, label: metric.label.replace(/, tiles$/, ''), of: run => run.metrics[metric.key] ?? null,
        show: digits(metric.digits), title: metric.less ? 'Less is better' : 'More is better' });
    }
    list.push(
      { key: 'encode', label: 'Encode, s', of: run => run.encode, show: digits(2) },
      { key: 'decode', label: 'Decode, s', of: run => run.decode, show: digits(2) });
    return list.filter(column => column.key === 'name' || (column.when !== false && has(column.of)));
  }

  // Unknown values come last in both orders.
  function sorted(shown, column) {
    const sign = state.down ? -1 : 1;
    return [...shown].sort((a, b) => {
      const [p, q] = [column.of(a), column.of(b)];
      const [none, other] = [p === null || p === undefined, q === null || q === undefined];
      if (none || other) return none - other || evals.compare(a.id, b.id);
      return sign * (column.text ? evals.compare(p, q) : p - q) || evals.compare(a.id, b.id);
    });
  }

  function heading(column) {
    const cell = make('th', null, column.text ? 'text' : '');
    cell.scope = 'col';
    const mine = state.sort === column.key;
    cell.setAttribute('aria-sort', mine ? (state.down ? 'descending' : 'ascending') : 'none');
    const button = make('button', column.label);
    button.type = 'button';
    button.dataset.sort = column.key;
    if (column.title) button.title = column.title;
    button.addEventListener('click', () => {
      [state.sort, state.down] = [column.key, state.sort === column.key ? !state.down : false];
      evals.changed();
      document.querySelector(`[data-sort="${CSS.escape(column.key)}"]`).focus();
    });
    cell.append(button);
    return cell;
  }

  const slotOf = run => {
    const chosen = evals.chosen();
    if (!chosen.includes(run)) return '';
    return chosen.length === 1 || chosen[1] === run ? 'b' : 'a';
  };

  // The first cell: the button that selects the run, and notes about faults of the run.
  function naming(run) {
    const cell = make('th', null, 'text');
    cell.scope = 'row';
    const slot = slotOf(run);
    const button = make('button');
    button.type = 'button';
    button.dataset.run = run.id;
    button.setAttribute('aria-pressed', String(Boolean(slot)));
    const { label } = evals.series.get(run.series);
    button.append(make('b', slot.toUpperCase(), `slot ${slot}`), make('span', label, 'label'));
    if (label !== run.name) button.append(make('span', run.name, 'folder'));
    button.title = run.id;
    cell.append(button);
    for (const note of run.notes) cell.append(make('p', note, 'note'));
    return cell;
  }

  function row(run, list) {
    const line = make('tr', null, slotOf(run) ? `chosen ${slotOf(run)}` : '');
    line.append(naming(run));
    for (const column of list.slice(1)) {
      const value = column.of(run);
      const cell = make('td', column.text ? value ?? '–' : column.show(value), column.text ? 'text' : '');
      if (column.key === 'bytes' && value !== null) cell.title = `${value.toLocaleString('en')} bytes`;
      line.append(cell);
    }
    line.addEventListener('click', () => {
      // Selecting text does not select the run.
      if (getSelection().toString()) return;
      evals.choose(run);
      evals.changed();
      const button = byId('table').querySelector(`[data-run="${CSS.escape(run.id)}"]`);
      button?.focus({ preventScroll: true });
    });
    return line;
  }

  function show(shown) {
    const list = columns(shown);
    const column = list.find(one => one.key === state.sort) ?? list[0];
    const rows = sorted(shown, column);
    const visible = all ? rows : rows.slice(0, MAX_ROWS);
    const [head, body] = [make('thead'), make('tbody')];
    head.append(make('tr'));
    head.firstChild.append(...list.map(heading));
    body.append(...visible.map(run => row(run, list)));
    byId('table').replaceChildren(head, body);
    byId('more').hidden = visible.length === rows.length;
    byId('more').textContent = `Show all ${rows.length} rows`;
  }

  byId('more').addEventListener('click', () => {
    all = true;
    evals.changed();
  });

  // --- Details of the selected runs --------------------------------------------------------------------------------

  // Flattens an object into names and texts.
  function flat(value, before, out) {
    if (value === null || value === undefined) return out;
    if (typeof value === 'object' && !Array.isArray(value)) {
      for (const [key, within] of Object.entries(value)) flat(within, before ? `${before}.${key}` : key, out);
    } else {
      out.set(before, Array.isArray(value) ? value.map(one => (typeof one === 'object' ? JSON.stringify(one) : one)).join(' ')
        : typeof value === 'number' ? evals.number(value) : String(value));
    }
    return out;
  }

  function facts(run) {
    const out = new Map([['Run', evals.title(run)], ['Directory', run.id]]);
    const put = (key, value) => { if (value !== null && value !== undefined && value !== '') out.set(key, value); };
    put('Image', run.image);
    put('Class of image', run.image_class);
    put('Codec', run.codec);
    put('Notes', run.notes.join(' '));
    if (run.bytes_total !== null) put('Bytes', run.bytes_total.toLocaleString('en'));
    if (run.bpp !== null) put('Bits a pixel', evals.number(run.bpp, 4));
    for (const metric of evals.metricsOf()) {
      if (run.metrics[metric.key] !== undefined) put(metric.label, evals.number(run.metrics[metric.key], metric.digits));
    }
    const { metrics, metrics_tiles, ...phase } = run.details.decompression_phase ?? {};
    const details = { ...run.details, decompression_phase: phase };
    for (const [key, value] of flat(details, '', new Map())) put(key.replaceAll('_', ' '), value);
    return out;
  }

  // One column for each selected run, and the difference of B's numbers from A's.
  function details() {
    const chosen = evals.chosen();
    byId('details').hidden = !chosen.length;
    if (!chosen.length) return;
    const both = chosen.map(facts);
    const keys = new Set(both.flatMap(one => [...one.keys()]));
    const table = byId('facts');
    table.replaceChildren();
    const plain = text => (/^[-\d.,]+$/.test(text ?? '') ? Number(text.replaceAll(',', '')) : NaN);
    for (const key of keys) {
      const line = make('tr');
      const name = make('th', key, 'text');
      name.scope = 'row';
      line.append(name, ...both.map(one => make('td', one.get(key) ?? '–', 'text')));
      if (both.length === 2) {
        const by = plain(both[1].get(key)) - plain(both[0].get(key));
        line.append(make('td', Number.isFinite(by) && by ? `${by > 0 ? '+' : '−'}${evals.number(Number(Math.abs(by).toPrecision(Number.isInteger(by) ? 15 : 4)))}` : '', 'by'));
      }
      table.append(line);
    }
  }

  Object.assign(evals, { table: show, details, make });
})();
