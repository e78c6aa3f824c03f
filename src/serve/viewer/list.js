// The list of slides. Names come from files: they reach the page as text and as encoded addresses only.
'use strict';
(() => {
  const byId = id => document.getElementById(id);

  const bytes = n => {
    const units = ['B', 'kB', 'MB', 'GB', 'TB'];
    let i = 0;
    for (; n >= 1000 && i < units.length - 1; i++) n /= 1000;
    return `${i && n < 100 ? n.toPrecision(2) : Math.round(n)} ${units[i]}`;
  };

  function facts(slide) {
    const parts = [`${slide.width} × ${slide.height}`];
    if (slide.objective_power) parts.push(`${+slide.objective_power.toFixed(1)}×`);
    if (slide.stored_bytes) parts.push(bytes(slide.stored_bytes));
    return parts.join(' · ');
  }

  function note(slide) {
    if (slide.error) return `cannot be opened: ${slide.error}`;
    if (!slide.lossy) return 'original tiles';
    return slide.has_original ? 'reconstructed, lossy; original to compare' : 'reconstructed, lossy';
  }

  function card(slide) {
    const item = byId('card').content.firstElementChild.cloneNode(true);
    const part = name => item.querySelector(name);
    part('.name').textContent = slide.name;
    part('.note').textContent = note(slide);
    if (slide.error) {
      part('.note').classList.add('bad');
      part('img').remove();
      return item;
    }
    const name = encodeURIComponent(slide.name);
    part('a').href = signed(`/viewer/${name}`);
    part('img').src = signed(`/thumbnails/${name}`);
    part('.facts').textContent = facts(slide);
    return item;
  }

  async function list() {
    const answer = await fetch(signed('/api/slides'));
    if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
    const { slides } = await answer.json();
    const cards = slides.map(slide => ({ name: slide.name.toLowerCase(), item: card(slide) }));
    byId('slides').replaceChildren(...cards.map(each => each.item));
    byId('count').textContent = slides.length === 1 ? '1 slide' : `${slides.length} slides`;
    byId('message').textContent = slides.length ? ''
      : 'No slides here yet. They appear once they lie in the directory that the server was started with.';
    byId('search').hidden = slides.length < 7;
    byId('filter').addEventListener('input', event => {
      const wanted = event.target.value.trim().toLowerCase();
      for (const each of cards) each.item.hidden = !each.name.includes(wanted);
    });
    document.documentElement.dataset.ready = 'yes';
  }

  list().catch(error => {
    byId('message').textContent = `The list cannot be loaded: ${error.message}. Reload the page to try again.`;
  });
})();
