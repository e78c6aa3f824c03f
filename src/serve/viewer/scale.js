// The scale bar, the magnification, and magnifications to choose from. A magnification is by the slide's scale, as microscopes have it:
// 40x is 0.25 micrometres a CSS pixel, whatever the density of the screen.
'use strict';
// Of CSS pixels a pixel of the slide, at a magnification of `full` at one; in percent where that is unknown. What the screen shows larger
// than the slide was scanned is said to be so; scales are not exactly those of an objective.
origami.magnification = (zoom, full) => {
  const shown = phrase.figure(Number((zoom * (full || 100)).toPrecision(3)));
  if (!full) return `${shown} %`;
  return zoom > 1.05 ? phrase`${shown}× (enlarged)` : `${shown}×`;
};

origami.scale = (viewer, slide) => {
  const byId = id => document.getElementById(id);
  const MICRONS_AT_1X = 10;
  const PRESETS = [1.25, 2.5, 5, 10, 20, 40];
  const PERCENTS = [10, 25, 50, 100, 200];
  // The key of the first of them; that of full resolution comes before.
  const FIRST_KEY = 2;
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
    byId('power').textContent = origami.magnification(zoom, full);
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
    viewer.viewport.zoomTo(viewer.viewport.imageToViewportZoom(zoom), about());
    viewer.viewport.applyConstraints();
  }

  // --- Where it zooms -----------------------------------------------------------------------------------------------

  // Where on the slide the mouse is; once it has left, as for the menu, where it last rested.
  const RESTS_MS = 250;
  let [over, rested, timer] = [null, null, 0];
  const onSlide = ({ clientX, clientY }) => {
    const box = viewer.element.getBoundingClientRect();
    const x = viewer.viewport.getFlip() ? box.right - clientX : clientX - box.left;
    return viewer.viewport.pointFromPixel(new OpenSeadragon.Point(x, clientY - box.top), true);
  };
  viewer.element.addEventListener('pointermove', event => {
    clearTimeout(timer);
    if (event.pointerType === 'touch') return;
    over = event;
    timer = setTimeout(() => { rested = onSlide(event); }, RESTS_MS);
  });
  viewer.element.addEventListener('pointerleave', () => { clearTimeout(timer); over = null; });

  // That place, if it is in view and on the slide; else the zoom is about the centre.
  function about() {
    const at = over ? onSlide(over) : rested;
    if (!at || !viewer.gestureSettingsMouse.zoomToRefPoint) return null;
    const { x, y } = viewer.viewport.viewportToImageCoordinates(at);
    const seen = viewer.viewport.getBounds(true).containsPoint(at, 0);
    return seen && x >= 0 && y >= 0 && x < slide.width && y < slide.height ? at : null;
  }

  const choices = full ? PRESETS.map(power => new Option(origami.magnification(power / full, full), power / full)) : PERCENTS.map(part => new Option(`${part} %`, part / 100));
  byId('presets').append(...choices);
  byId('presets').selectedIndex = -1;
  byId('presets').addEventListener('change', event => {
    zoomTo(Number(event.target.value));
    event.target.selectedIndex = -1;
    viewer.canvas.focus({ preventScroll: true });
  });
  byId('presets').addEventListener('keydown', event => {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    viewer.canvas.focus({ preventScroll: true });
  });
  // By number as well, as the list of keys says. Who moves by arrows has left the place of the mouse.
  document.addEventListener('keydown', event => {
    if (event.key.startsWith('Arrow')) [over, rested] = [null, null];
    const choice = choices[event.key.length === 1 ? Number(event.key) - FIRST_KEY : -1];
    if (!choice || event.ctrlKey || event.metaKey || event.altKey || event.target.closest('input:not([type="checkbox"]), select, textarea, dialog') || byId('corner').hidden) return;
    zoomTo(Number(choice.value));
  });
  for (const list of document.querySelectorAll('.power-keys')) {
    list.append(...choices.flatMap((choice, i) => {
      const key = Object.assign(document.createElement('kbd'), { textContent: FIRST_KEY + i });
      return [key, ` ${choice.text} `];
    }));
  }
  for (const event of ['update-viewport', 'open', 'resize']) viewer.addHandler(event, show);
  return { show, zoomTo };
};
