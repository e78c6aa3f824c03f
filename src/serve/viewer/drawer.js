// Draws tiles without seams and without blur.
'use strict';
// Tiles without overlap show seams, so OpenSeadragon enlarges each tile by one pixel, which blurs it. Here each edge lies on
// a pixel of the screen instead: no seams, and at full resolution every pixel is the slide's own. That moves pixels by up to a
// half. The preview of a tour must not: with `exact`, tiles lie where they belong, over themselves slightly enlarged, which fills
// the seams, and are as smooth as in a video. Where the view is turned by no quarter no edge can lie on a pixel, so tiles lie the same way.
origami.SharpDrawer = class SharpDrawer extends OpenSeadragon.CanvasDrawer {
  // Pixels that a turned picture is moved by, between its own, to be as smooth as in a video, where it is resampled once more to be
  // turned. By measurement: scripts/tour_preview.py.
  static SMOOTHING = 0.2;

  minimumOverlapRequired() { return false; }

  _drawTiles(image) {
    const { context, canvas } = this;
    context.imageSmoothingQuality = this.exact ? 'medium' : 'low';
    const isTurned = Boolean(this.viewport.getRotation(true) % 90);
    this.margin = null;
    if (!this.exact && !isTurned) return super._drawTiles(image);
    const moved = this.exact && isTurned ? SharpDrawer.SMOOTHING : 0;
    context.save();
    context.translate(-moved, -moved);
    for (this.margin of [0.5, 0]) super._drawTiles(image);
    context.restore();
    if (!moved) return;
    context.save();
    context.globalCompositeOperation = 'copy';
    context.drawImage(canvas, moved, moved);
    context.restore();
  }

  _drawTile(tile, ...rest) {
    const { position, size } = tile;
    const ratio = OpenSeadragon.pixelDensityRatio;
    // Neighbours compute the same edge by different sums. The offset exceeds the rounding error, so that both round alike.
    const snap = point => new OpenSeadragon.Point(
      Math.round(point.x * ratio + 1e-6) / ratio, Math.round(point.y * ratio + 1e-6) / ratio);
    const margin = new OpenSeadragon.Point(this.margin, this.margin).divide(ratio);
    const snaps = this.margin === null;
    tile.position = snaps ? snap(position) : position.minus(margin);
    tile.size = snaps ? snap(position.plus(size)).minus(tile.position) : size.plus(margin.times(2));
    super._drawTile(tile, ...rest);
    Object.assign(tile, { position, size });
  }
};
