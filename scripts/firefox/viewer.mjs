// Drives headless Firefox through the viewer: opens, pans, measures, marks, compares. What scripts/firefox.sh runs against a server.
//
//     viewer.mjs PACKAGES FIREFOX ADDRESS SCREENSHOTS SLIDE OTHER
//
// PACKAGES is the folder with puppeteer-core, SLIDE the name of a slide with its original and a scale, OTHER that of another one.
import { launch } from './user.mjs';

const [packages, program, address, out, slide, other] = process.argv.slice(2);
const quoted = encodeURIComponent;
const viewer = `${address}/viewer/${quoted(slide)}`;
const CENTRE = "(p => [p.x, p.y])(origami.viewer.viewport.viewportToImageCoordinates(origami.viewer.viewport.getCenter()))";

// By mouse, wheel and keys; the address holds the view.
async function pans(user) {
  await user.open(`${viewer}#x=1110&y=1500&z=1`);
  await user.check(`document.getElementById('name').textContent === ${JSON.stringify(slide)}`, 'the name of the slide');
  await user.check("document.getElementById('trouble').hidden", 'its tiles arrive');
  await user.picture('firefox-viewer');
  await user.drag([700, 500], [500, 400]);
  await user.eval('origami.settled()');
  await user.check(`(([x, y]) => Math.abs(x - 1310) < 20 && Math.abs(y - 1600) < 20)(${CENTRE})`, 'dragging moves the slide with the pointer');
  const zoom = await user.eval('origami.viewer.viewport.getZoom()');
  await user.page.mouse.wheel({ deltaY: -240 });
  await user.check(`origami.viewer.viewport.getZoom() > ${zoom}`, 'the wheel zooms');
  await user.key('ArrowRight');
  await user.key('r');
  await user.check('origami.viewer.viewport.getRotation() === 90', 'r turns');
  await user.eval('origami.settled()');
  await user.check("/r=90/.test(location.hash)", 'the address holds the view');
  const seen = await user.eval(CENTRE);
  await user.open(await user.eval('location.href'));
  await user.check(`(([x, y]) => Math.hypot(x - ${seen[0]}, y - ${seen[1]}) < 1)(${CENTRE})`, 'the address brings the view back');
}

// A length of so many CSS pixels, which the scale of the slide makes micrometres of.
async function measures(user) {
  await user.open(`${viewer}#x=1110&y=1500&z=0.5`);
  await user.key('m');
  await user.wait('Boolean(origami.measuring?.open)', 'the panel of measures');
  await user.drag([600, 400], [900, 400]);
  const microns = await user.eval(`fetch('/api/slides/${quoted(slide)}').then(answer => answer.json()).then(said => said.microns_per_pixel[0])`);
  const said = await user.eval('origami.measuring.all.at(-1).text');
  const length = parseFloat(said);
  const right = 300 / 0.5 * microns;
  await user.check(String(/^[\d.]+ µm$/.test(said) && Math.abs(length / right - 1) < 0.01), `a length of ${right} µm: ${said}`);
  await user.picture('firefox-measure');
  await user.key('Escape');
}

// By mouse and by keys; the server keeps them.
async function marks(user) {
  await user.open(`${viewer}#x=1110&y=1500&z=1`);
  await user.key('a');
  await user.wait('Boolean(origami.marking?.open && origami.marking.loaded)', 'the panel of marks');
  await user.eval('origami.marking.loaded');
  await user.click('#mark-tools [value=rectangle]');
  await user.drag([700, 300], [850, 420]);
  await user.click('#mark-tools [value=point]');
  await user.page.mouse.click(600, 500);
  await user.wait('origami.marking.store.saved', 'marks to be saved');
  const kinds = `fetch('/api/slides/${quoted(slide)}/annotations').then(answer => answer.json()).then(said => said.features.map(f => f.geometry.type).join())`;
  await user.check(`${kinds}.then(kinds => kinds === 'Polygon,Point')`, 'what the server keeps');
  await user.picture('firefox-marks');
  await user.key('Escape');
  await user.page.mouse.click(775, 360);
  await user.check("!document.getElementById('mark').hidden", 'a click chooses a mark');
  await user.key('Delete');
  await user.wait('origami.marking.store.saved', 'the removal to be saved');
  await user.check(`${kinds}.then(kinds => kinds === 'Point')`, 'what is removed is gone');
}

// With the original, as a difference, and side by side with another slide.
async function compares(user) {
  await user.open(`${viewer}#x=1110&y=2100&z=1`);
  await user.key('c');
  await user.eval('origami.settled()');
  await user.check("origami.comparing.mode === 'compare' && !document.getElementById('divider').hidden", 'c compares');
  await user.drag([640, 440], [320, 440]);
  await user.check('Math.abs(origami.comparing.split - 0.25) < 0.01', 'the slider follows the pointer');
  await user.picture('firefox-compare');
  await user.key('d');
  await user.eval('origami.settled()');
  await user.check("!document.getElementById('heat').hidden && document.querySelectorAll('#figures dt').length > 3", 'd shows the difference');
  await user.picture('firefox-difference');
  await user.open(`${address}/compare?slides=${quoted(slide)},${quoted(other)}`);
  await user.check('origami.viewers.length === 2', 'two slides');
  await user.drag([300, 400], [360, 430]);
  await user.eval('origami.settled()');
  const places = 'origami.viewers.map(({ viewport }) => viewport.viewportToImageCoordinates(viewport.getCenter(true)))';
  await user.check(`(([a, b]) => Math.hypot(a.x - b.x, a.y - b.y) < 1)(${places})`, 'both show the same place');
  await user.picture('firefox-side-by-side');
}

const user = await launch(packages, program, out);
try {
  for (const part of [pans, measures, marks, compares]) await part(user);
  if (user.faults.length) throw new Error('the browser complained');
  console.log(`${await user.browser.version()}: ${user.checks} checks, ${user.pictures} pictures, no error on the console, no failed request`);
} catch (error) {
  console.error(`error: ${error.message}`);
  for (const fault of user.faults) console.error(`  ${fault}`);
  process.exitCode = 1;
} finally {
  await user.browser.close();
}
