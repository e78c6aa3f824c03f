// The choice among the channels, focal planes and points in time of a slide, and of the colours and windows of channels. It is in the query of
// the page's URL: another choice is another page, at the same place of the slide. Names of channels come from files, so they enter the page only as text.
'use strict';
const planes = (() => {
  const byId = id => document.getElementById(id);
  const given = new URLSearchParams(location.search);
  const KEYS = ['channel', 'color', 'z', 'time', 'window'];
  const query = pairs => pairs.map(([key, value]) => `${key}=${value}`).join('&');
  const asked = query(KEYS.filter(key => given.has(key)).map(key => [key, given.get(key)]));

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

  // What the rows ask for, as parts of an address.
  function picked() {
    const [channels, colours, windows] = [[], [], []];
    for (const row of byId('channels').querySelectorAll('.line')) {
      const [box, colour, low, high] = row.querySelectorAll('input');
      if (!box.checked) continue;
      channels.push(box.value);
      if (colour.dataset.chosen) colours.push(`${box.value}:${colour.value.slice(1)}`);
      if (low.value !== '' && high.value !== '') windows.push(`${box.value}:${low.value}-${high.value}`);
    }
    return [['channel', channels], ['color', colours], ['window', windows]].filter(([, all]) => all.length).map(([key, all]) => [key, all.join(',')]);
  }

  // All channels as the file has them; which are shown stays.
  function reset() {
    for (const colour of byId('channels').querySelectorAll('[type=color]')) Object.assign(colour, { value: '#ffffff' }).dataset.chosen = '';
    for (const end of byId('channels').querySelectorAll('[type=number]')) end.value = '';
  }

  function options(count, shown) {
    return Array.from({ length: count }, (_, number) => {
      const option = new Option(number + 1, number);
      option.selected = number === shown;
      return option;
    });
  }

  function show(event) {
    event.preventDefault();
    const pairs = picked();
    for (const id of ['z', 'time']) if (!byId(id).hidden) pairs.push([id, byId(id).querySelector('select').value]);
    if (byId('channels').hidden && given.has('window')) pairs.push(['window', given.get('window')]);
    const address = signed(`${location.pathname}?${query(pairs)}`);
    location.assign(address + location.hash);
  }

  function describe({ planes: of }) {
    byId('planes').hidden = !of;
    if (!of) return;
    byId('planes').querySelector('summary').textContent = summary(of);
    byId('channels').hidden = !of.channels.length;
    byId('channels').append(...rows(of.channels, of.shown));
    byId('channels-reset').hidden = !of.channels.length;
    byId('channels-reset').addEventListener('click', reset);
    byId('z').hidden = of.focal_planes < 2;
    byId('z').querySelector('select').append(...options(of.focal_planes, of.shown.z));
    byId('time').hidden = of.times < 2;
    byId('time').querySelector('select').append(...options(of.times, of.shown.time));
    byId('planes').querySelector('form').addEventListener('submit', show);
  }

  return { asked, describe };
})();
