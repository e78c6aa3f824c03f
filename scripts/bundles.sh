#!/bin/sh
# Encodes a slide by the default and by the lossless preset, and prints the sums of both bundles: every system and processor makes the same of the
# same slide. For dash, because bare systems have no more.
#
#   scripts/bundles.sh PROGRAM SLIDE FOLDER      FOLDER must not be there
set -eu
program=$1 slide=$2
mkdir "$3"
cd "$3"
# By the program's own reader: OpenSlide, which some systems have and others not, names the format of a slide by its vendor, and a bundle keeps that name.
"$program" encode --quiet --openslide never "$slide" --out default
# Lossless are the JPEG tiles of a tree, which any slide becomes.
"$program" pyramid --quiet --openslide never "$slide" --out tree
"$program" encode --quiet --pyramid tree --preset lossless --out lossless
sha256sum default/residual_packs/residuals.bundle lossless/residual_packs/residuals.bundle
