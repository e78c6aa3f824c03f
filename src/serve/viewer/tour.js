// The tour that is being made: a document as "origami tour" reads it, kept in the browser's storage. Fields that the recorder does not
// show (styles, title, pointer, ...) are kept as they are. Knows no page.
'use strict';
const tours = (() => {
  const STEP_S = 2;
  const MAX_S = 21600;
  const round = (value, digits) => Number(value.toFixed(digits));
  const isObject = value => value !== null && typeof value === 'object' && !Array.isArray(value);

  function empty(slide) {
    return { version: '1.3', slide: slide.file ?? slide.name, camera: [], cues: [], options: {} };
  }

  // A document of someone else's, in the form that is edited here. What is wrong with it is the message of the error.
  function read(text) {
    let given;
    try {
      given = JSON.parse(text);
    } catch {
      throw new Error(phrase`it is no tour: Export writes one`);
    }
    if (!isObject(given)) throw new Error(phrase`it is no tour: a tour is an object`);
    // As a request to a render service, with the scenario one level down.
    const { scenario = {}, jobId, callbackUrl, segments, ...top } = given;
    if (!isObject(scenario)) throw new Error(phrase`scenario: it is not an object`);
    const { segments: inner, ...rest } = scenario;
    const tour = { version: '1.3', camera: [], cues: segments ?? inner ?? [], options: {}, ...present(rest), ...present(top) };
    if (tour.video !== undefined || tour.videoUrl !== undefined) throw new Error(phrase`it captions a video, and this page shows slides`);
    check(tour);
    tour.camera = sorted(tour.camera);
    return tour;
  }

  // A field that is null is one that is not there.
  const present = fields => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));

  const isTime = value => typeof value === 'number' && value >= 0 && value <= MAX_S;

  // What would make the editor or the preview fail; the rest is for "origami tour check".
  function check(tour) {
    for (const name of ['camera', 'cues']) {
      if (!Array.isArray(tour[name])) throw new Error(phrase`${name}: it is not a list`);
      tour[name].forEach((part, index) => { if (!isObject(part)) throw new Error(phrase`${name}[${index}]: it is not an object`); });
    }
    if (!isObject(tour.options)) throw new Error(phrase`options: it is not an object`);
    tour.camera.forEach((key, index) => {
      const wrong = what => { throw new Error(`camera[${index}].${what}`); };
      if (!isTime(key.time)) wrong(phrase`time: it is not a time in seconds, 0 to 21600`);
      for (const name of ['mpp', 'magnification', 'downsample']) {
        if (key[name] !== undefined && !(key[name] > 0)) wrong(phrase`${name}: it is not a number above 0`);
      }
      if (key.rotation !== undefined && !Number.isFinite(key.rotation)) wrong(phrase`rotation: it is not an angle in degrees`);
      if (key.ease !== undefined && ![...camera.EASES, 'ease'].includes(key.ease)) wrong(phrase`ease: it is none of ${camera.EASES.join(', ')}`);
      const center = isObject(key.center) ? [key.center.x, key.center.y] : key.center;
      if (center !== undefined && !(Array.isArray(center) && center.length === 2 && center.every(Number.isFinite))) wrong(phrase`center: it is not [x, y]`);
    });
    checkMarks(tour);
    tour.cues.forEach((cue, index) => {
      if (typeof cue.text !== 'string') throw new Error(phrase`cues[${index}].text: it is not a text`);
      if (!isTime(cue.start) || !isTime(cue.end)) throw new Error(phrase`cues[${index}]: start and end are times in seconds, 0 to 21600`);
    });
  }

  // What lies over the slide.
  function checkMarks({ title, pointer = [], highlights = [], styles = {}, overlays = {} }) {
    const isPlace = at => [at, at?.x !== undefined ? [at.x, at.y] : null].some(pair => Array.isArray(pair) && pair.length === 2 && pair.every(Number.isFinite));
    const must = (good, what) => { if (!good) throw new Error(what); };
    must(title === undefined || typeof title?.text === 'string', phrase`title.text: it is not a text`);
    must(title?.duration === undefined || isTime(title.duration), phrase`title.duration: it is not a time in seconds, 0 to 21600`);
    must(isObject(styles) && isObject(overlays), phrase`styles and overlays: they are not objects`);
    for (const [name, list] of Object.entries({ pointer, highlights })) must(Array.isArray(list), phrase`${name}: it is not a list`);
    pointer.forEach((key, index) => {
      must(isObject(key) && isTime(key.time) && (key.at === undefined || isPlace(key.at)), phrase`pointer[${index}]: it is not a time and a place, [x, y]`);
    });
    highlights.forEach((mark, index) => {
      must(isObject(mark) && isTime(mark.start) && isTime(mark.end) && isPlace(mark.center) && mark.radius > 0,
        phrase`highlights[${index}]: it has no start, end, center or radius`);
    });
  }

  const sorted = keys => [...keys].sort((a, b) => a.time - b.time);

  // A keyframe of a view: centre in pixels of the full resolution, the scale in the unit that the slide has.
  function keyframe(time, view, scale) {
    const power = camera.magnification(scale, view.downsample);
    const zoom = scale.microns ? { mpp: Number((view.downsample * scale.microns).toPrecision(6)) }
      : power ? { magnification: Number(power.toPrecision(6)) } : { downsample: Number(view.downsample.toPrecision(6)) };
    const turned = round(view.rotation, 3);
    return { time, center: [round(view.x, 1), round(view.y, 1)], ...zoom, ...(turned && { rotation: turned }) };
  }

  // The time of the next keyframe.
  const nextTime = tour => (tour.camera.length ? round(tour.camera.at(-1).time + STEP_S, 3) : 0);

  // The shape to keep: what is empty is left out, so that the server and "origami tour check" see no empty names.
  function written(tour) {
    const cues = tour.cues.map(cue => Object.fromEntries(Object.entries(cue).filter(([, value]) => value !== '')));
    return { ...tour, cues };
  }

  // What keeps the document from being rendered; empty if nothing does.
  function faults(tour) {
    const found = [];
    if (!tour.camera.length) found.push(phrase`Add a keyframe.`);
    else if (camera.duration(tour) <= 0) found.push(phrase`The tour has no length: add a second keyframe.`);
    tour.camera.forEach((key, index) => {
      if (index && key.time <= tour.camera[index - 1].time) found.push(phrase`Keyframes ${index} and ${index + 1} have the same time.`);
    });
    tour.cues.forEach((cue, index) => {
      if (!cue.text.trim()) found.push(phrase`Caption ${index + 1} has no text.`);
      if (cue.end <= cue.start) found.push(phrase`Caption ${index + 1} does not end after its start.`);
    });
    const { width, height } = camera.formatOf(tour.options);
    if ([width, height].some(side => side % 2 || side < 16 || side > 8192)) found.push(phrase`Width and height are even, 16 to 8192 pixels.`);
    return found;
  }

  // The request for a rendering: the document's fields, those of the scenario in their place.
  function request(id, tour) {
    const { slide, options, ...scenario } = written(tour);
    return { jobId: id, slide, scenario, options };
  }

  // Drafts by slide. A browser may refuse storage; then a draft lives as long as the page.
  function drafts(name) {
    const key = `origami tour of ${name}`;
    return {
      load() {
        try {
          const { tour, job } = JSON.parse(localStorage.getItem(key)) ?? {};
          return tour ? { tour: read(JSON.stringify(tour)), job: typeof job === 'string' ? job : null } : null;
        } catch {
          return null;
        }
      },
      // Whether it is kept.
      save(tour, job) {
        try {
          localStorage.setItem(key, JSON.stringify({ tour, job }));
          return true;
        } catch {
          return false;
        }
      },
    };
  }

  return { empty, read, written, sorted, keyframe, nextTime, faults, request, drafts, round };
})();
