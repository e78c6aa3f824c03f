// The choice among the channels, focal planes and points in time of a slide, and of the colours and windows of channels. It is in the query of
// the page's URL: another choice is another page, at the same place of the slide. Slides side by side have a choice each. Names of channels come
// from files, so they enter the page only as text.
'use strict';
const planes = (() => {
  const byId = id => document.getElementById(id);
  const KEYS = ['channel', 'color', 'z', 'time', 'window'];
  const query = pairs => pairs.map(([key, value]) => `${key}=${value}`).join('&');
  // Of a query the part that is a view.
  const only = given => query(KEYS.filter(key => given.has(key)).map(key => [key, given.get(key)]));
  const asked = only(new URLSearchParams(location.search));

  // As in "channel DAPI, 1 of 3".
  const titled = (names, number) => {
    const place = phrase`${number + 1} of ${names.length}`;
    return names[number] ? `${names[number]}, ${place}` : place;
  };

  function summary({ channels, focal_planes: layers, times, shown }) {
    const parts = [];
    if (shown.channels.length === 1 && channels.length) parts.push(phrase`channel ${titled(channels, shown.channels[0])}`);
    if (shown.channels.length > 1) {
      const names = shown.channels.map(number => channels[number] || number + 1);
      parts.push(phrase`channels ${names.join(', ')}, ${names.length} of ${channels.length}`);
    }
    if (layers > 1) parts.push(phrase`focal plane ${shown.z + 1} of ${layers}`);
    if (times > 1) parts.push(phrase`time ${shown.time + 1} of ${times}`);
    return parts.join(' · ');
  }

  const field = (type, name, value) => {
    const input = Object.assign(document.createElement('input'), { type, value, title: name });
    input.setAttribute('aria-label', name);
    return input;
  };

  // A channel: whether it is shown, in which colour, and which stored values are black and white.
  function rows(channels, shown) {
    return channels.map((_, number) => {
      const [row, label, box] = ['div', 'label', 'input'].map(tag => document.createElement(tag));
      const title = titled(channels, number);
      row.className = 'line';
      Object.assign(box, { type: 'checkbox', value: number, checked: shown.channels.includes(number) });
      label.append(box, ` ${title}`);
      const chosen = shown.colors[number];
      const colour = field('color', phrase`Colour of ${title}`, `#${chosen ?? 'ffffff'}`);
      colour.dataset.chosen = chosen ? 'yes' : '';
      colour.addEventListener('input', () => { colour.dataset.chosen = 'yes'; });
      const window = shown.windows[number] ?? shown.window ?? ['', ''];
      const ends = [phrase`Black of ${title}`, phrase`White of ${title}`].map((name, at) => {
        const end = field('number', name, window[at]);
        return Object.assign(end, { min: 0, max: 65535, placeholder: at ? phrase`white` : phrase`black` });
      });
      row.append(label, colour, ...ends);
      return row;
    });
  }

  const part = (root, name) => root.querySelector(`.${name}`);

  // What the rows ask for, as parts of an address.
  function picked(root) {
    const [channels, colours, windows] = [[], [], []];
    for (const row of part(root, 'channels').querySelectorAll('.line')) {
      const [box, colour, low, high] = row.querySelectorAll('input');
      if (!box.checked) continue;
      channels.push(box.value);
      if (colour.dataset.chosen) colours.push(`${box.value}:${colour.value.slice(1)}`);
      if (low.value !== '' && high.value !== '') windows.push(`${box.value}:${low.value}-${high.value}`);
    }
    return [['channel', channels], ['color', colours], ['window', windows]].filter(([, all]) => all.length).map(([key, all]) => [key, all.join(',')]);
  }

  // All channels as the file has them; which are shown stays.
  function reset(root) {
    for (const colour of part(root, 'channels').querySelectorAll('[type=color]')) Object.assign(colour, { value: '#ffffff' }).dataset.chosen = '';
    for (const end of part(root, 'channels').querySelectorAll('[type=number]')) end.value = '';
  }

  function options(count, shown) {
    return Array.from({ length: count }, (_, number) => {
      const option = new Option(number + 1, number);
      option.selected = number === shown;
      return option;
    });
  }

  // The view that the form asks for. A window of a slide without channels has no field, so it stays as it was.
  function chosen(root, before) {
    const pairs = picked(root);
    for (const key of ['z', 'time']) if (!part(root, key).hidden) pairs.push([key, part(root, key).querySelector('select').value]);
    const window = new URLSearchParams(before).get('window');
    if (part(root, 'channels').hidden && window !== null) pairs.push(['window', window]);
    return query(pairs);
  }

  // Fills the form in `root` with what a slide has. `before` is the view that is shown, and `go(view)` is told what is asked for.
  function offer(root, of, before, go) {
    part(root, 'channels').hidden = !of.channels.length;
    part(root, 'channels').append(...rows(of.channels, of.shown));
    part(root, 'channels-reset').hidden = !of.channels.length;
    part(root, 'channels-reset').addEventListener('click', () => reset(root));
    part(root, 'z').hidden = of.focal_planes < 2;
    part(root, 'z').querySelector('select').append(...options(of.focal_planes, of.shown.z));
    part(root, 'time').hidden = of.times < 2;
    part(root, 'time').querySelector('select').append(...options(of.times, of.shown.time));
    root.querySelector('form').addEventListener('submit', event => {
      event.preventDefault();
      go(chosen(root, before));
    });
  }

  // On the page of one slide.
  function describe({ planes: of }) {
    const root = byId('planes');
    root.hidden = !of;
    if (!of) return;
    root.querySelector('summary').textContent = summary(of);
    offer(root, of, asked, view => location.assign(signed(`${location.pathname}?${view}`) + location.hash));
  }

  return { asked, only, summary, offer, describe };
})();
