// The scale bar, the magnification, and magnifications to choose from. A magnification is by the slide's scale, as microscopes have it:
// 40x is 0.25 micrometres a CSS pixel, whatever the density of the screen.
'use strict';
origami.scale = (viewer, slide) => {
  const byId = id => document.getElementById(id);
  const MICRONS_AT_1X = 10;
  const PRESETS = [1.25, 2.5, 5, 10, 20, 40];
  const PERCENTS = [10, 25, 50, 100, 200];
  const round = (value, digits) => Number(value.toFixed(digits));
  const microns = slide.microns_per_pixel;
  // The magnification at one pixel of the slide a CSS pixel; null where the slide does not say it.
  const full = microns ? MICRONS_AT_1X * 2 / (microns[0] + microns[1]) : slide.objective_power;

  // Micrometres per CSS pixel, horizontally on the screen; the pixels of a slide need not be square.
  function micronsPerCssPixel(zoom) {
    if (!microns) return null;
    const angle = viewer.viewport.getRotation(true) * Math.PI / 180;
    return Math.hypot(microns[0] * Math.cos(angle), microns[1] * Math.sin(angle)) / zoom;
  }

  function show() {
    const zoom = viewer.viewport.viewportToImageZoom(viewer.viewport.getZoom(true));
    const shown = Number((zoom * (full ?? 100)).toPrecision(zoom < 0.1 ? 2 : 3));
    byId('power').textContent = full ? `${phrase.figure(shown)}×` : `${phrase.figure(shown)} %`;
    byId('power').setAttribute('aria-label', phrase`Magnification ${byId('power').textContent}; show full resolution`);
    const each = micronsPerCssPixel(zoom);
    byId('scale').hidden = !each;
    if (!each) return;
    // The longest of 1, 2, 5, 10, ... that fits.
    const most = each * Math.min(140, innerWidth / 4);
    const ten = 10 ** Math.floor(Math.log10(most));
    const length = [5, 2, 1].find(step => step * ten <= most) * ten;
    byId('bar').style.width = `${length / each}px`;
    const [value, unit] =
      length >= 1000 ? [length / 1000, 'mm'] : length >= 1 ? [length, 'µm'] : [length * 1000, 'nm'];
    byId('length').textContent = `${phrase.figure(round(value, 3))} ${unit}`;
  }

  // Zooms to CSS pixels a pixel of the slide.
  function zoomTo(zoom) {
    viewer.viewport.zoomTo(viewer.viewport.imageToViewportZoom(zoom));
    viewer.viewport.applyConstraints();
  }

  const choices = full ? PRESETS.map(power => new Option(`${phrase.figure(power)}×`, power / full)) : PERCENTS.map(part => new Option(`${part} %`, part / 100));
  byId('presets').append(...choices);
  byId('presets').selectedIndex = -1;
  byId('presets').addEventListener('change', event => {
    zoomTo(Number(event.target.value));
    event.target.selectedIndex = -1;
  });
  for (const event of ['update-viewport', 'open', 'resize']) viewer.addHandler(event, show);
  return { show, zoomTo };
};
