// The queue of jobs, refreshed while the page is visible. What clients and the server write enters the page only as text.
'use strict';
(() => {
  const EVERY_MS = 2_000;
  const byId = id => document.getElementById(id);
  // Rows by name of their job, so that a video goes on playing and the focus stays.
  const rows = new Map();
  let [timer, asking] = [0, false];

  const put = (element, key, value) => { if (element[key] !== value) element[key] = value; };
  const say = text => put(byId('message'), 'textContent', text);

  function facts(job) {
    const parts = [job.kind ?? phrase`job`];
    if (job.frames_total) parts.push(job.kind === 'encode' ? phrase`${job.frames_done ?? 0} of ${job.frames_total} families` : phrase`${job.frames_done ?? 0} of ${job.frames_total} frames`);
    if (job.waiting_time !== undefined) parts.push(phrase`waited ${jobs.seconds(job.waiting_time)}`);
    if (job.attempt > 1) parts.push(phrase`attempt ${job.attempt}`);
    return parts.join(' · ');
  }

  function notes(job) {
    const warned = (job.warnings ?? []).map(({ place, problem }) => `${place}: ${problem}`);
    if (job.callback?.state === 'given up') warned.push(phrase`its callback was given up after ${job.callback.tries} tries`);
    return warned.join('; ');
  }

  function made(id) {
    const item = byId('job').content.firstElementChild.cloneNode(true);
    const part = name => item.querySelector(name);
    part('h2').textContent = id;
    for (const [name, label] of [['.cancel', phrase`Cancel ${id}`], ['.play', phrase`Play ${id}`], ['.download', phrase`Download ${id}`]]) {
      part(name).setAttribute('aria-label', label);
    }
    part('progress').setAttribute('aria-label', phrase`Progress of ${id}`);
    part('.cancel').addEventListener('click', async () => {
      await jobs.cancel(id).catch(error => say(`${id}: ${error.message}`));
      refresh();
    });
    part('.play').addEventListener('click', () => {
      part('video').hidden = false;
      part('video').src = part('.download').href;
      // Who pauses before it has begun wants no message.
      part('video').play().catch(error => { if (error.name !== 'AbortError') say(`${id}: ${error.message}`); });
    });
    return item;
  }

  function fill(item, job) {
    const part = name => item.querySelector(name);
    put(part('.facts'), 'textContent', facts(job));
    put(part('.state'), 'textContent', jobs.state(job));
    put(part('progress'), 'hidden', job.status !== 'processing');
    put(part('progress'), 'value', job.progress ?? 0);
    for (const [name, text] of [['.error', job.status === 'cancelled' ? '' : jobs.text(job.error)], ['.notes', notes(job)]]) {
      put(part(name), 'textContent', text);
      put(part(name), 'hidden', !text);
    }
    const address = job.status === 'completed' ? jobs.result(job) : null;
    if (address) put(part('.download'), 'href', new URL(address, location).href);
    put(part('.download'), 'hidden', !address);
    put(part('.play'), 'hidden', !address || job.kind === 'encode');
    put(part('.cancel'), 'hidden', jobs.isFinal(job));
  }

  function show({ jobs: waiting, recent }) {
    const all = [...waiting, ...recent];
    const known = new Set(all.map(job => job.job_id));
    for (const [id, item] of rows) {
      if (known.has(id)) continue;
      item.remove();
      rows.delete(id);
    }
    let next = byId('jobs').firstElementChild;
    for (const job of all) {
      const item = rows.get(job.job_id) ?? made(job.job_id);
      rows.set(job.job_id, item);
      fill(item, job);
      if (item === next) next = next.nextElementSibling;
      else byId('jobs').insertBefore(item, next);
    }
    const ended = recent.length;
    put(byId('count'), 'textContent', phrase`${waiting.length} under way or waiting, ${ended} ended`);
    say(all.length ? '' : phrase`No jobs yet. A tour that is recorded in the viewer of a slide is rendered as one.`);
  }

  async function refresh() {
    clearTimeout(timer);
    if (asking) return;
    asking = true;
    let again = true;
    try {
      const queue = await jobs.queue();
      if (queue) show(queue);
      else {
        say(jobs.START);
        again = false;
      }
    } catch (error) {
      if (error.status === 401) signed.logIn();
      say(phrase`The queue cannot be shown: ${error.message}. Asking again every ${EVERY_MS / 1000} seconds.`);
    }
    asking = false;
    document.documentElement.dataset.ready = 'yes';
    if (again && !document.hidden) timer = setTimeout(refresh, EVERY_MS);
  }

  byId('to-slides').href = signed('/');
  document.addEventListener('visibilitychange', () => (document.hidden ? clearTimeout(timer) : refresh()));
  refresh();
})();
