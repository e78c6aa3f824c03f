"""Deep Zoom as OpenSeadragon computes it against Deep Zoom as the server sends it.

OpenSeadragon loads the `.dzi` by its address and makes its own tile source of it; that source says how many tiles a level
has, where each lies and under which address it is. Compared with the server's manifest and with the images behind those
addresses, as the browser decodes them.

    deepzoom.py PNG WIDTH HEIGHT     writes a picture to make a slide of
"""

import json
import sys
import urllib.error
import urllib.parse
import urllib.request

import png

# Fetched of a slide at most. Those of scripts/browser.sh have fewer on their edges.
MOST_TILES = 600

# What the tile source of an address says of each level, and of the tiles on its edges and some between.
SOURCE = """(async address => {
    const source = await new Promise((done, fail) => {
        const loader = new OpenSeadragon.TileSource(address);
        loader.addHandler('ready', event => done(event.tileSource));
        loader.addHandler('open-failed', event => fail(new Error(event.message)));
    });
    const levels = [];
    for (let level = 0; level <= source.maxLevel; level++) {
        const { x: columns, y: rows } = source.getNumTiles(level);
        // Bounds come in units of the level's width, which OpenSeadragon does not round.
        const unit = source.dimensions.x * source.getLevelScale(level), tiles = [];
        for (let y = 0; y < rows; y++) for (let x = 0; x < columns; x++) {
            const edge = x === 0 || y === 0 || x === columns - 1 || y === rows - 1;
            if (!edge && (3 * x + 7 * y) % 11) continue;
            const bounds = source.getTileBounds(level, x, y);
            tiles.push({ x, y, url: source.getTileUrl(level, x, y), exists: source.tileExists(level, x, y),
                         box: [bounds.x, bounds.y, bounds.width, bounds.height].map(side => side * unit) });
        }
        const beyond = [[columns, 0], [0, rows], [columns, rows]].map(([x, y]) => source.getTileUrl(level, x, y));
        levels.push({ columns, rows, tiles, beyond });
    }
    return { deepZoom: source instanceof OpenSeadragon.DziTileSource, maxLevel: source.maxLevel, levels,
             width: source.dimensions.x, height: source.dimensions.y, overlap: source.tileOverlap,
             tile: [source.getTileWidth(0), source.getTileHeight(0)], format: source.fileFormat,
             above: source.getTileUrl(source.maxLevel + 1, 0, 0) };
})"""

# Status and natural size of the image behind each address, a few at a time.
SIZES = """(async addresses => {
    const sizes = [], todo = addresses.map((address, i) => [address, i]);
    const work = async () => {
        for (let next; (next = todo.shift());) {
            const answer = await fetch(next[0]);
            const image = answer.ok ? await createImageBitmap(await answer.blob()) : {};
            sizes[next[1]] = [answer.status, image.width, image.height];
        }
    };
    await Promise.all([...Array(6)].map(work));
    return sizes;
})"""


def die(*what):
    raise SystemExit("error: " + ": ".join(str(part) for part in what))


def rounded(box):
    """Left, top, width and height in pixels. Levels are halved rounding up, so the last tile has its broken pixel whole."""
    left, top = round(box[0]), round(box[1])
    if abs(box[0] - left) > 1e-3 or abs(box[1] - top) > 1e-3:
        die("a tile begins between two pixels", box)
    ceil = lambda edge: int(edge + 1 - 1e-6)
    return [left, top, ceil(box[0] + box[2]) - left, ceil(box[1] + box[3]) - top]


def status(url):
    """Outside the browser, which would complain of what is expected."""
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=60) as answer:
            return answer.status
    except urllib.error.HTTPError as answer:
        return answer.code


def check(browser, address, name):
    """All of a slide, and of its original where it has one; the page must have OpenSeadragon. Counts checks and tiles."""
    encoded = urllib.parse.quote(name, safe="")
    told = browser.eval(f"fetch('/api/slides/{encoded}').then(answer => answer.json())")
    checks = tiles = 0
    for side in ["dzi", *(["original"] if told["has_original"] else [])]:
        # What follows the question mark is to come back in the address of each tile.
        dzi = f"{address}/{side}/{encoded}.dzi?v=1"
        source = browser.eval(f"{SOURCE}({json.dumps(dzi)})")
        want = {"deepZoom": True, "maxLevel": told["levels"][-1]["level"], "width": told["width"], "height": told["height"],
                "overlap": 0, "tile": [told["tile_size"]] * 2, "format": told["format"]}
        for key, value in want.items():
            if source[key] != value:
                die(dzi, f"OpenSeadragon takes {key} as {source[key]}, the server says {value}")
        checks += len(want)
        addresses, boxes = [], []
        for level, (seen, said) in enumerate(zip(source["levels"], told["levels"], strict=True)):
            if (seen["columns"], seen["rows"]) != (said["columns"], said["rows"]) or said["level"] != level:
                die(dzi, f"level {level} has {seen['columns']}x{seen['rows']} tiles", said)
            right = bottom = 0
            for tile in seen["tiles"]:
                left, top, width, height = box = rounded(tile["box"])
                if not tile["exists"] or [left, top] != [tile["x"] * told["tile_size"], tile["y"] * told["tile_size"]]:
                    die(dzi, f"level {level}", tile)
                right, bottom = max(right, left + width), max(bottom, top + height)
                addresses.append(tile["url"])
                boxes.append(box)
            if (right, bottom) != (said["width"], said["height"]):
                die(dzi, f"level {level} ends at {right}x{bottom}", said)
            for url in seen["beyond"]:
                got = status(urllib.parse.urljoin(address, url))
                if got != 404:
                    die(url, f"{got}, expected 404")
            checks += 5
        if status(urllib.parse.urljoin(address, source["above"])) != 404:
            die(source["above"], "expected 404")
        if len(addresses) > MOST_TILES:
            die(name, f"{len(addresses)} tiles are too many to fetch: take a smaller slide")
        for url, box, (code, width, height) in zip(addresses, boxes, browser.eval(f"{SIZES}({json.dumps(addresses)})"), strict=True):
            if not url.endswith("?v=1") or (code, [width, height]) != (200, box[2:]):
                die(url, f"{code}, {width}x{height}", f"OpenSeadragon expects {box[2]}x{box[3]}")
        checks += 1 + len(addresses)
        tiles += len(addresses)
    return checks, tiles


def main():
    path, width, height = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    place = lambda x, y: bytes((255 * x // width, 255 * y // height, 40 * ((x // 8 + y // 8) % 5)))
    png.write(path, width, height, b"".join(place(x, y) for y in range(height) for x in range(width)))


if __name__ == "__main__":
    main()
