#!/bin/sh
# Encodes a slide by the default and by the lossless preset, and prints the sums of both bundles: every system and processor makes the same of the
# same slide. For dash, because bare systems have no more.
#
#   scripts/bundles.sh PROGRAM SLIDE FOLDER      FOLDER must not be there
set -eu
program=$1 slide=$2
mkdir "$3"
cd "$3"
"$program" encode --quiet "$slide" --out default
# Lossless are the JPEG tiles of a tree, which any slide becomes.
"$program" pyramid --quiet "$slide" --out tree
"$program" encode --quiet --pyramid tree --preset lossless --out lossless
sha256sum default/residual_packs/residuals.bundle lossless/residual_packs/residuals.bundle
