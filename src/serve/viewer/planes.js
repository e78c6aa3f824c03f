// The choice among the channels, focal planes and points in time of a slide. It is in the query of the page's URL: another choice is
// another page, at the same place of the slide. Names of channels come from files, so they enter the page only as text.
'use strict';
const planes = (() => {
  const byId = id => document.getElementById(id);
  const given = new URLSearchParams(location.search);
  const KEYS = ['channel', 'z', 'time', 'window'];
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

  function boxes(channels, shown) {
    return channels.map((_, number) => {
      const [label, box] = [document.createElement('label'), document.createElement('input')];
      Object.assign(box, { type: 'checkbox', value: number, checked: shown.includes(number) });
      label.append(box, ` ${titled(channels, number)}`);
      return label;
    });
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
    const checked = [...byId('channels').querySelectorAll('input:checked')].map(box => box.value);
    const pairs = [];
    if (checked.length) pairs.push(['channel', checked.join(',')]);
    for (const id of ['z', 'time']) if (!byId(id).hidden) pairs.push([id, byId(id).querySelector('select').value]);
    if (given.has('window')) pairs.push(['window', given.get('window')]);
    const address = signed(`${location.pathname}?${query(pairs)}`);
    location.assign(address + location.hash);
  }

  function describe({ planes: of }) {
    byId('planes').hidden = !of;
    if (!of) return;
    byId('planes').querySelector('summary').textContent = summary(of);
    byId('channels').hidden = !of.channels.length;
    byId('channels').append(...boxes(of.channels, of.shown.channels));
    byId('z').hidden = of.focal_planes < 2;
    byId('z').querySelector('select').append(...options(of.focal_planes, of.shown.z));
    byId('time').hidden = of.times < 2;
    byId('time').querySelector('select').append(...options(of.times, of.shown.time));
    byId('planes').querySelector('form').addEventListener('submit', show);
  }

  return { asked, describe };
})();
