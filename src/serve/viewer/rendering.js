// A tour's rendering as the recorder shows it: submitted, watched, cancelled, played.
'use strict';
origami.rendering = (name, kept, keep) => {
  const PERIOD_MS = 1_000;
  const byId = id => document.getElementById(id);
  const NONE = phrase`This server makes no videos. Ask who runs it, or export the tour: "origami tour" renders the file.`;
  const say = text => { byId('job-said').textContent = text; };
  let [id, timer, final] = [kept, 0, true];

  function show(job) {
    final = jobs.isFinal(job);
    byId('cancel').hidden = final;
    byId('job-bar').hidden = final;
    byId('job-bar').value = job.progress ?? 0;
    const error = job.status === 'cancelled' ? '' : jobs.text(job.error);
    say([`${jobs.state(job)}.`, error].filter(Boolean).join(' '));
    const address = job.status === 'completed' ? jobs.result(job) : null;
    byId('result').hidden = !address;
    if (!address || byId('video').getAttribute('src') === address) return;
    byId('video').src = address;
    byId('download').href = address;
  }

  async function watch() {
    clearTimeout(timer);
    if (!id) return;
    try {
      show(await jobs.status(id));
    } catch (error) {
      if (error.status === 404) return forget();
      say(phrase`${error.message}. Asking again.`);
      final = false;
    }
    if (!final) timer = setTimeout(watch, PERIOD_MS);
  }

  // The service does not know it any more.
  function forget() {
    id = null;
    keep(null);
    for (const part of ['cancel', 'job-bar', 'result']) byId(part).hidden = true;
    say('');
  }

  async function submit(tour) {
    byId('render').disabled = true;
    say(phrase`Sending …`);
    try {
      const request = tours.request(`${name.slice(0, 100)} ${new Date().toISOString()}`, tour);
      id = (await jobs.submit(request)).job_id;
      keep(id);
      await watch();
    } catch (error) {
      say(error.status === 404 ? NONE : error.message);
    }
    byId('render').disabled = false;
  }

  async function cancel() {
    try {
      show(await jobs.cancel(id));
    } catch (error) {
      say(error.message);
    }
  }

  // Asked once, when the recorder is opened.
  async function begin() {
    try {
      const offered = await jobs.queue();
      byId('render').disabled = !offered;
      if (!offered) return say(NONE);
      say('');
    } catch (error) {
      return say(error.message);
    }
    return watch();
  }

  byId('cancel').addEventListener('click', cancel);
  return { begin, submit };
};
