// Plane geometry of what is drawn on a slide. Points are [x, y] in pixels of the full resolution; `scale` is the size of such a pixel
// in x and y, in whatever unit is wanted. Knows no page.
'use strict';
const shapes = (() => {
  const PIXELS = [1, 1];
  const ELLIPSE_POINTS = 64;

  const apart = ([ax, ay], [bx, by], [sx, sy] = PIXELS) => Math.hypot((bx - ax) * sx, (by - ay) * sy);

  function length(points, scale = PIXELS, closed = false) {
    let sum = closed && points.length > 1 ? apart(points.at(-1), points[0], scale) : 0;
    for (let i = 1; i < points.length; i++) sum += apart(points[i - 1], points[i], scale);
    return sum;
  }

  // Of a ring, whether its first point is repeated at its end or not.
  function area(ring, [sx, sy] = PIXELS) {
    let sum = 0;
    for (let i = 0, last = ring.length - 1; i < ring.length; last = i++) {
      // Relative to the first point, for the sake of digits.
      const [ax, ay, bx, by] = [ring[last][0] - ring[0][0], ring[last][1] - ring[0][1], ring[i][0] - ring[0][0], ring[i][1] - ring[0][1]];
      sum += ax * by - bx * ay;
    }
    return Math.abs(sum) / 2 * sx * sy;
  }

  // At `tip`, in degrees from 0 to 180.
  function angle(from, tip, to, [sx, sy] = PIXELS) {
    const [ax, ay, bx, by] = [(from[0] - tip[0]) * sx, (from[1] - tip[1]) * sy, (to[0] - tip[0]) * sx, (to[1] - tip[1]) * sy];
    return Math.abs(Math.atan2(ax * by - ay * bx, ax * bx + ay * by)) * 180 / Math.PI;
  }

  function box(points) {
    let [minX, minY, maxX, maxY] = [Infinity, Infinity, -Infinity, -Infinity];
    for (const [x, y] of points) {
      if (x < minX) minX = x;
      if (x > maxX) maxX = x;
      if (y < minY) minY = y;
      if (y > maxY) maxY = y;
    }
    return { minX, minY, maxX, maxY };
  }

  // Whether a point lies in a polygon: an outer ring and its holes.
  function inside(rings, [x, y]) {
    let within = false;
    for (const ring of rings) {
      for (let i = 0, last = ring.length - 1; i < ring.length; last = i++) {
        const [[ax, ay], [bx, by]] = [ring[last], ring[i]];
        if ((ay > y) !== (by > y) && x < (bx - ax) * (y - ay) / (by - ay) + ax) within = !within;
      }
    }
    return within;
  }

  // From a point to a segment.
  function fromSegment([x, y], [ax, ay], [bx, by]) {
    const [dx, dy] = [bx - ax, by - ay];
    const square = dx * dx + dy * dy;
    const along = square ? Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / square)) : 0;
    return Math.hypot(x - ax - along * dx, y - ay - along * dy);
  }

  // The nearest segment of a line, as [distance, index of its first point].
  function nearest(points, point, closed = false) {
    let best = points.length === 1 ? [apart(points[0], point), 0] : [Infinity, 0];
    for (let i = 0; i + 1 < points.length + (closed ? 1 : 0); i++) {
      const distance = fromSegment(point, points[i], points[(i + 1) % points.length]);
      if (distance < best[0]) best = [distance, i];
    }
    return best;
  }

  // Ramer, Douglas and Peucker: fewer points, none of those that go farther than `tolerance` from the line.
  function simplified(points, tolerance) {
    const keep = new Uint8Array(points.length);
    keep[0] = keep[points.length - 1] = 1;
    const parts = [[0, points.length - 1]];
    for (let part; (part = parts.pop());) {
      const [first, last] = part;
      let [far, at] = [tolerance, -1];
      for (let i = first + 1; i < last; i++) {
        const distance = fromSegment(points[i], points[first], points[last]);
        if (distance > far) [far, at] = [distance, i];
      }
      if (at < 0) continue;
      keep[at] = 1;
      parts.push([first, at], [at, last]);
    }
    return points.filter((_, i) => keep[i]);
  }

  // The middle of what weighs most: of areas, else of lines, else of points.
  function centre({ points, lines, polygons }) {
    let [sum, x, y] = [0, 0, 0];
    const add = (weight, at) => { [sum, x, y] = [sum + weight, x + weight * at[0], y + weight * at[1]]; };
    const segments = ring => ring.map((point, i) => [ring.at(i - 1), point]);
    for (const [outer, ...holes] of polygons) {
      for (const [ring, sign] of [[outer, 1], ...holes.map(hole => [hole, -1])]) {
        // Triangles with the first point, which all turn the same way or count against it.
        const [ox, oy] = ring[0];
        const triangles = segments(ring).map(([a, b]) => [((a[0] - ox) * (b[1] - oy) - (b[0] - ox) * (a[1] - oy)) / 2, [(ox + a[0] + b[0]) / 3, (oy + a[1] + b[1]) / 3]]);
        const turn = Math.sign(triangles.reduce((all, [weight]) => all + weight, 0));
        for (const [weight, at] of triangles) add(sign * turn * weight, at);
      }
    }
    if (!sum) {
      const ends = [...lines.flatMap(line => segments(line).slice(1)), ...polygons.flatMap(rings => rings.flatMap(segments))];
      for (const [a, b] of ends) add(apart(a, b), [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2]);
    }
    if (!sum) for (const point of [...points, ...lines.flat(), ...polygons.flat(2)]) add(1, point);
    return sum ? [x / sum, y / sum] : null;
  }

  const rectangle = ([ax, ay], [bx, by]) => {
    const [left, top, right, bottom] = [Math.min(ax, bx), Math.min(ay, by), Math.max(ax, bx), Math.max(ay, by)];
    return [[left, top], [right, top], [right, bottom], [left, bottom]];
  };

  // The ellipse in a box, as a polygon.
  function ellipse({ minX, minY, maxX, maxY }) {
    return Array.from({ length: ELLIPSE_POINTS }, (_, i) => {
      const turn = 2 * Math.PI * i / ELLIPSE_POINTS;
      return [(minX + maxX) / 2 + (maxX - minX) / 2 * Math.cos(turn), (minY + maxY) / 2 + (maxY - minY) / 2 * Math.sin(turn)];
    });
  }

  return { apart, length, area, angle, box, centre, inside, nearest, simplified, rectangle, ellipse };
})();
