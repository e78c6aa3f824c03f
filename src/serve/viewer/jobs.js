// Jobs over HTTP, as docs/render-service.md describes them: asked for, refused, watched. Knows no page.
'use strict';
const jobs = (() => {
  const ENDED = { completed: phrase`completed`, failed: phrase`failed`, cancelled: phrase`cancelled` };
  const START = phrase`This server takes no jobs: start it with "origami serve --jobs".`;

  // Code, message, suggestion and context of an error as one text.
  function text(error) {
    if (!error) return '';
    if (typeof error === 'string') return error;
    const { suggestion, context } = error.details ?? {};
    const place = context ? ` (${context})` : '';
    return `${[error.code, error.message].filter(Boolean).join(': ')}${place}${suggestion ? `; ${suggestion}` : ''}`;
  }

  // The answer as JSON. What the server says of a refusal is the message of the error, and `status` its status.
  async function ask(address, body) {
    const post = body === undefined ? {} : {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body),
    };
    const answer = await fetch(signed(address), post)
      .catch(() => { throw new Error(phrase`the server does not answer`); });
    const said = await answer.json().catch(() => null);
    if (answer.ok && said) return said;
    throw Object.assign(new Error(text(said?.error) || phrase`the server answers ${answer.status}`), { status: answer.status });
  }

  const of = (id, what) => `/api/render/${encodeURIComponent(id)}/${what}`;

  // The queue; null where the server takes no jobs.
  async function queue() {
    try {
      return await ask('/queue/status');
    } catch (error) {
      if (error.status === 404) return null;
      throw error;
    }
  }

  // Where a job is, in words.
  function state(job) {
    if (job.status === 'queued') {
      if (job.error) return job.position ? phrase`queued, place ${job.position}, tried again` : phrase`queued, tried again`;
      return job.position ? phrase`queued, place ${job.position}` : phrase`queued`;
    }
    if (job.status !== 'processing') return ENDED[job.status] ?? job.status;
    const done = Math.floor(job.progress ?? 0);
    return job.estimated_time === null || job.estimated_time === undefined ? `${done} %` : phrase`${done} %, about ${seconds(job.estimated_time)} left`;
  }

  const seconds = count => (count < 90 ? `${Math.ceil(count)} s` : `${Math.ceil(count / 60)} min`);

  // The address of a result on this server; null where it is elsewhere.
  const result = job => (job.result?.download?.startsWith('/') ? signed(job.result.download) : null);

  return {
    START, queue, state, text, seconds, result,
    isFinal: job => job.status in ENDED,
    submit: request => ask('/render', request),
    status: id => ask(of(id, 'status')),
    cancel: id => ask(of(id, 'cancel'), {}),
  };
})();
