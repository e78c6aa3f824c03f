// The path of a tour's camera: from keyframes to the view at a time. The formulas are those of docs/tours.md, in the order in which the
// renderer computes them, so that a preview shows what the video will. Knows no page.
'use strict';
const camera = (() => {
  // Micrometres per pixel at a magnification of 1.
  const MICRONS_AT_1X = 10;
  const EASES = {
    linear: t => t,
    'ease-in': t => t * t,
    'ease-out': t => t * (2 - t),
    'ease-in-out': t => t * t * (3 - 2 * t),
    ease: t => t * t * (3 - 2 * t),
    hold: () => 0,
  };
  const DEFAULT_EASE = 'ease-in-out';
  const DEFAULT_FORMAT = { width: 1920, height: 1080, fps: 30 };

  // What a camera must know of a slide as the server describes it.
  function scaleOf(slide) {
    const microns = slide.microns_per_pixel;
    return {
      width: slide.width, height: slide.height, objective: slide.objective_power ?? null,
      microns: microns ? (microns[0] + microns[1]) / 2 : null,
    };
  }

  // Width and height of the video in pixels. A side that is not given follows the other one.
  function formatOf(options = {}) {
    const even = length => Math.max(1, Math.round(length / 2)) * 2;
    const { width, height, fps = DEFAULT_FORMAT.fps } = options;
    // A number, or a fraction in a text.
    const [frames, seconds = 1] = String(fps).split('/').map(Number);
    const by = DEFAULT_FORMAT.width / DEFAULT_FORMAT.height;
    return {
      width: width ?? (height ? even(height * by) : DEFAULT_FORMAT.width),
      height: height ?? (width ? even(width / by) : DEFAULT_FORMAT.height),
      fps: frames > 0 && seconds > 0 ? frames / seconds : DEFAULT_FORMAT.fps,
    };
  }

  function sinCos(degrees) {
    const angle = ((degrees % 360) + 360) % 360;
    const exact = { 0: [0, 1], 90: [1, 0], 180: [0, -1], 270: [-1, 0] }[angle];
    return exact ?? [Math.sin(angle * Math.PI / 180), Math.cos(angle * Math.PI / 180)];
  }

  // Magnification at a number of pixels of the full resolution per pixel of the video; null without a scale.
  function magnification(scale, downsample) {
    const full = scale.microns ? MICRONS_AT_1X / scale.microns : scale.objective;
    return full ? full / downsample : null;
  }

  function downsampleOf(key, scale, format) {
    if (key.downsample !== undefined) return key.downsample;
    if (key.mpp !== undefined) {
      if (!scale.microns) throw new Error(phrase`the slide does not say its micrometres per pixel; give downsample instead of mpp`);
      return key.mpp / scale.microns;
    }
    if (key.magnification !== undefined) {
      const full = magnification(scale, 1);
      if (!full) throw new Error(phrase`the slide says neither its micrometres per pixel nor its objective; give downsample instead of magnification`);
      return full / key.magnification;
    }
    const [sin, cos] = sinCos(key.rotation ?? 0).map(Math.abs);
    const across = scale.width * cos + scale.height * sin;
    const down = scale.width * sin + scale.height * cos;
    return Math.max(across / format.width, down / format.height);
  }

  // Keyframes as views: centre in pixels of the full resolution, pixels of the full resolution per pixel of the video, degrees.
  function path(keys, scale, format) {
    return keys.map((key, index) => {
      try {
        const [x, y] = Array.isArray(key.center) ? key.center : key.center
          ? [key.center.x, key.center.y] : [scale.width / 2, scale.height / 2];
        const ease = EASES[key.ease ?? DEFAULT_EASE];
        return { time: key.time, ease, x, y, downsample: downsampleOf(key, scale, format), rotation: key.rotation ?? 0 };
      } catch (error) {
        throw new Error(`camera[${index}]: ${error.message}`);
      }
    });
  }

  // The view at a progress from 0 to 1.
  function between(from, to, progress) {
    const ratio = to.downsample / from.downsample;
    const downsample = from.downsample * ratio ** progress;
    // Near 1 the quotient is 0 / 0, and its limit is the progress.
    const moved = Math.abs(ratio - 1) < 1e-6 ? progress
      : (downsample - from.downsample) / (to.downsample - from.downsample);
    const mix = (a, b, part) => a + (b - a) * part;
    return {
      x: mix(from.x, to.x, moved), y: mix(from.y, to.y, moved), downsample,
      rotation: mix(from.rotation, to.rotation, progress),
    };
  }

  // The view of a path at a time in seconds: before the first keyframe that of the first, after the last that of the last.
  function at(views, time) {
    const after = views.findIndex(view => view.time > time);
    if (after === 0) return views[0];
    if (after < 0) return views[views.length - 1];
    const [from, to] = [views[after - 1], views[after]];
    return between(from, to, to.ease((time - from.time) / (to.time - from.time)));
  }

  // Seconds of a document's video.
  function duration({ camera: keys = [], cues = [], highlights = [], pointer = [], title, options = {} }) {
    if (options.duration !== undefined) return options.duration;
    const ends = [...cues, ...highlights].map(part => part.end);
    const times = [...keys, ...pointer].map(key => key.time);
    return Math.max(0, ...ends, ...times, title ? title.duration ?? 3 : 0);
  }

  return { EASES: Object.keys(EASES).filter(name => name !== 'ease'), DEFAULT_EASE, DEFAULT_FORMAT, scaleOf, formatOf, magnification, path, at, duration };
})();
