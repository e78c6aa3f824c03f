// Marks as GeoJSON in the form that QuPath documents, and back. A mark is a feature; members that are not known here stay as they are.
// What GeoJSON lacks stands in `properties.origami`: the `shape` that a polygon was drawn as, the `text` at a point, the `author` who drew
// it and the `time`, and in `changed` the same of the last change.
'use strict';
const geojson = (() => {
  // Members that come first in what is written, in this order; the others follow by name. So that the same marks give the same bytes.
  const FIRST = {
    feature: ['type', 'id', 'geometry', 'nucleusGeometry', 'properties'],
    properties: ['objectType', 'name', 'classification', 'isLocked', 'measurements', 'origami'],
    geometry: ['type', 'coordinates'],
  };
  // Of marks without a class: unlike any class that there is to begin with.
  const DEFAULT_COLOUR = [0, 130, 140];

  function sorted(value, first = []) {
    if (Array.isArray(value)) return value.map(each => sorted(each));
    if (!value || typeof value !== 'object') return value;
    const names = Object.keys(value);
    const rest = names.filter(name => !first.includes(name)).sort();
    return Object.fromEntries([...first.filter(name => names.includes(name)), ...rest]
      .map(name => [name, sorted(value[name], FIRST[name === 'nucleusGeometry' ? 'geometry' : name])]));
  }

  const canonical = feature => sorted(feature, FIRST.feature);

  // `slide` says what the marks were drawn on: its name, width and height.
  function write(features, slide = null) {
    const lines = features.map(feature => JSON.stringify(canonical(feature)));
    const member = slide ? `"origami":${JSON.stringify({ slide })},` : '';
    return `{"type":"FeatureCollection",${member}"features":[\n${lines.join(',\n')}\n]}\n`;
  }

  // What a file says of that, of a text that `read` takes.
  const drawnOn = text => JSON.parse(text).origami?.slide ?? null;

  // A FeatureCollection, an array of features, or a feature. The message of an error says what else it is.
  function read(text) {
    let given;
    try {
      given = JSON.parse(text);
    } catch {
      throw new Error(phrase`it is not GeoJSON, which Export and QuPath write`);
    }
    const list = Array.isArray(given) ? given : given?.type === 'FeatureCollection' ? given.features : [given];
    if (!Array.isArray(list)) throw new Error(phrase`its features are no list`);
    const seen = new Set();
    return list.map((feature, at) => {
      if (feature?.type !== 'Feature') throw new Error(phrase`item ${at + 1} is no feature of GeoJSON`);
      let id = feature.id === undefined || feature.id === null ? '' : String(feature.id);
      // As long as the server takes them.
      if (!id || seen.has(id) || id.length > 40 || /\p{Cc}/u.test(id)) id = crypto.randomUUID();
      seen.add(id);
      try {
        return mended(taken({ ...feature, id }));
      } catch (error) {
        throw new Error(phrase`item ${at + 1}: ${error.message}`);
      }
    });
  }

  // A feature as the rest of the page takes it, which always has properties. Throws where it cannot be drawn.
  function taken(feature) {
    const properties = feature.properties ?? {};
    if (typeof properties !== 'object' || Array.isArray(properties)) throw new Error(phrase`its properties are no object`);
    parts(feature.geometry);
    parts(nucleusOf(feature));
    return canonical({ ...feature, properties });
  }

  // Those of several that can be read, and those that cannot: one must never hide the others.
  function readable(features) {
    const [good, bad] = [[], []];
    for (const feature of features) {
      try {
        good.push(taken(feature));
      } catch {
        bad.push(feature);
      }
    }
    return { good, bad };
  }

  // --- Geometry -----------------------------------------------------------------------------------------------------

  const list = value => {
    if (!Array.isArray(value)) throw new Error(phrase`its coordinates are not numbers`);
    return value;
  };
  const isPoint = point => Array.isArray(point) && point.length >= 2 && Number.isFinite(point[0]) && Number.isFinite(point[1]);
  function checked(points) {
    if (!list(points).every(isPoint)) throw new Error(phrase`its coordinates are not numbers`);
    return points;
  }
  // GeoJSON repeats the first point of a ring at its end; here it stands once.
  function ring(points) {
    const [first, last] = [checked(points)[0], points.at(-1)];
    return points.length > 1 && first[0] === last[0] && first[1] === last[1] ? points.slice(0, -1) : points;
  }
  const some = each => each.length > 0;
  const rings = polygon => list(polygon).map(ring).filter(some);

  // A geometry as points, lines, and polygons of rings; none of these is empty.
  function parts(geometry, into = { points: [], lines: [], polygons: [] }) {
    const { type, coordinates } = geometry ?? {};
    // One by one: a call takes only so many arguments.
    const add = (to, found) => { for (const each of found) to.push(each); };
    if (type === 'Point') add(into.points, checked([coordinates]));
    else if (type === 'MultiPoint') add(into.points, checked(coordinates));
    else if (type === 'LineString') add(into.lines, [checked(coordinates)].filter(some));
    else if (type === 'MultiLineString') add(into.lines, list(coordinates).map(checked).filter(some));
    else if (type === 'Polygon') add(into.polygons, [rings(coordinates)].filter(some));
    else if (type === 'MultiPolygon') add(into.polygons, list(coordinates).map(rings).filter(some));
    else if (type === 'GeometryCollection') list(geometry.geometries).forEach(each => parts(each, into));
    else if (geometry) throw new Error(phrase`its geometry is a ${type}, which is not known here`);
    return into;
  }

  // A feature that was read, as the server takes it: a ring ends where it begins. Throws where there are too few points.
  function mended(feature) {
    const MOST_NESTED = 8;
    const enough = (points, least) => {
      if (points.length < least) throw new Error(phrase`it has too few points`);
      return points;
    };
    const closed = points => {
      const open = ring(points);
      return enough(open.length < points.length ? points : [...points, ...points.slice(0, 1)], 4);
    };
    const polygon = all => enough(all, 1).map(closed);
    const by = {
      LineString: points => enough(points, 2), MultiLineString: lines => lines.map(points => enough(points, 2)),
      Polygon: polygon, MultiPolygon: polygons => polygons.map(polygon),
    };
    const whole = (geometry, nested = MOST_NESTED) => {
      if (geometry?.type !== 'GeometryCollection') return by[geometry?.type] ? { ...geometry, coordinates: by[geometry.type](geometry.coordinates) } : geometry;
      if (!nested) throw new Error(phrase`its collections lie too deep within each other`);
      return { ...geometry, geometries: geometry.geometries.map(each => whole(each, nested - 1)) };
    };
    const nucleus = of => (of.nucleusGeometry ? { ...of, nucleusGeometry: whole(of.nucleusGeometry) } : of);
    return nucleus({ ...feature, geometry: whole(feature.geometry) ?? null, properties: nucleus(feature.properties) });
  }

  const rounded = ([x, y]) => [Math.round(x * 100) / 100, Math.round(y * 100) / 100];
  const point = at => ({ type: 'Point', coordinates: rounded(at) });
  const line = points => ({ type: 'LineString', coordinates: points.map(rounded) });
  const polygon = rings => ({ type: 'Polygon', coordinates: rings.map(each => [...each, each[0]].map(rounded)) });

  // --- Properties ---------------------------------------------------------------------------------------------------

  // The nucleus of a cell; some programs write it among the properties.
  const nucleusOf = feature => feature.nucleusGeometry ?? feature.properties?.nucleusGeometry;
  const own = feature => (typeof feature.properties?.origami === 'object' && feature.properties.origami) || {};
  // Other programs may put anything here: what is no text is none.
  const words = value => (['string', 'number', 'boolean'].includes(typeof value) ? String(value) : '');
  const nameOf = feature => words(feature.properties?.name);
  const textOf = feature => words(own(feature).text);
  function classOf(feature) {
    const { name, names } = feature.properties?.classification ?? {};
    return words(name) || (Array.isArray(names) ? names.map(words).join(': ') : '');
  }

  // A feature that `author` has made, or has changed since, at a `time`. A mark keeps who made it.
  const stamp = (who, time) => (who ? { author: who, time } : { time });
  const withOwn = (feature, values) => ({ ...feature, properties: { ...feature.properties, origami: { ...own(feature), ...values } } });
  const made = (feature, who, time) => withOwn(feature, stamp(who, time));
  const changed = (feature, who, time) => withOwn(feature, { changed: stamp(who, time) });
  // In words: who made it and when, and who changed it last.
  function history(feature) {
    const { author, time, changed: last } = own(feature);
    const when = text => (text && !Number.isNaN(Date.parse(text)) ? phrase.moment(new Date(text)) : '');
    const by = (made, who, at) => (who || at ? made([who, at].filter(Boolean).join(', ')) : '');
    return [by(text => (author ? phrase`made by ${text}` : phrase`made ${text}`), author, when(time)),
      last ? by(text => (last.author ? phrase`changed by ${text}` : phrase`changed ${text}`), last.author, when(last.time)) : ''].filter(Boolean);
  }
  // When it was last made or changed, in milliseconds since 1970; NaN where it does not say so.
  const timeOf = feature => Date.parse(own(feature).changed?.time ?? own(feature).time);

  // As in older files, a colour may be one number: alpha, red, green and blue.
  function colourOf(feature) {
    const { classification, color, colorRGB } = feature.properties ?? {};
    const packed = classification?.colorRGB ?? colorRGB;
    const given = color ?? classification?.color ?? (Number.isInteger(packed) ? [packed >> 16 & 255, packed >> 8 & 255, packed & 255] : null);
    return Array.isArray(given) && given.length >= 3 && given.every(Number.isFinite) ? given.slice(0, 3) : DEFAULT_COLOUR;
  }
  const css = ([r, g, b], alpha = 1) => `rgb(${r} ${g} ${b} / ${alpha})`;

  // --- Tables -------------------------------------------------------------------------------------------------------

  // Points, length and area of a mark, in pixels by `scale` 1.
  function figures(feature, scale) {
    const { points, lines, polygons } = parts(feature.geometry);
    const area = polygons.reduce((sum, [outer, ...holes]) =>
      sum + shapes.area(outer, scale) - holes.reduce((all, hole) => all + shapes.area(hole, scale), 0), 0);
    const length = lines.reduce((sum, each) => sum + shapes.length(each, scale), 0)
      + polygons.flat().reduce((sum, each) => sum + shapes.length(each, scale, true), 0);
    return { points: points.length, length, area };
  }

  // Text that a spreadsheet would take for a formula gets an apostrophe.
  const cell = value => {
    const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value ?? '');
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };

  function csv(features, microns, slide = '') {
    const unit = microns ? 'um' : 'px';
    const digits = value => Number(value.toFixed(3));
    const head = ['id', 'class', 'name', 'text', 'type', 'shape', 'points', `length_${unit}`, `area_${unit}2`, 'x_px', 'y_px',
      ...(microns ? ['x_um', 'y_um'] : []), 'author', 'time', 'changed_by', 'changed', 'locked', 'slide'];
    const rows = features.map(feature => {
      const { points, length, area } = figures(feature, microns ?? undefined);
      const { shape, author, time, changed: last } = own(feature);
      const [x, y] = shapes.centre(parts(feature.geometry)) ?? [];
      const place = x === undefined ? ['', ''] : [digits(x), digits(y)];
      const inMicrons = microns ? (x === undefined ? ['', ''] : [digits(x * microns[0]), digits(y * microns[1])]) : [];
      return [feature.id, classOf(feature), nameOf(feature), textOf(feature), feature.geometry?.type, shape, points || '',
        length ? digits(length) : '', area ? digits(area) : '', ...place, ...inMicrons, author, time, last?.author, last?.time,
        feature.properties?.isLocked === true, slide];
    });
    return [head, ...rows].map(row => `${row.map(cell).join(',')}\r\n`).join('');
  }

  return { read, readable, write, drawnOn, canonical, parts, point, line, polygon, nucleusOf, own, nameOf, textOf, classOf, made, changed, history, timeOf, colourOf, css, figures, csv, DEFAULT_COLOUR };
})();
