#!/usr/bin/env bash
# Frames of a tour a second, against a script of openslide-python and Pillow that makes the same frames (benches/tour.py): one camera path over the same slide,
# in turn in one run. Then the peak memory of frames and videos of one and of ten minutes.
#
#   benches/tour.sh [SLIDE]    a scan that OpenSlide reads; default: a made one in $ORIGAMI_BENCH_DIR
#
# ORIGAMI_BENCH_DIR  the folder to work in (default: target/bench-tour); needs about 2 GB
# ORIGAMI_MINUTES    lengths in minutes (default "1 10"); "" for none
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"

work=${ORIGAMI_BENCH_DIR:-$target_dir/bench-tour}
mkdir -p "$work"
slide=${1:-$work/tissue.tif}
[[ -x /usr/bin/time ]] || die "this needs /usr/bin/time (package 'time')"
have ffmpeg || die "this needs ffmpeg"
cargo build --release --locked
origami=$target_dir/release/origami
python_with "frames by Python" "$work" numpy==2.4.6 pillow==13.0.0 tifffile==2026.3.3 imagecodecs==2026.3.6 openslide-python==1.4.7 openslide-bin==4.0.1.2

step "frames without a video"
"$work/venv/bin/python" benches/tour.py "$origami" "$slide" --json "$work/frames.json"

# timed COMMAND...: runs it and says its peak memory and time.
timed() {
    /usr/bin/time -v -o "$work/time.txt" "$@"
    sed -n 's/.*Maximum resident set size (kbytes): /  peak of the program, KiB: /p; s/.*Elapsed (wall clock) time.*): /  elapsed: /p' "$work/time.txt"
}

for minutes in ${ORIGAMI_MINUTES-1 10}; do
    step "$minutes minutes"
    "$work/venv/bin/python" benches/tour.py "$origami" "$slide" --write "$work/tour.json" --seconds "$((60 * minutes))"
    timed "$origami" bench tour "$work/tour.json"
    timed "$origami" tour render "$work/tour.json" --out "$work/tour.mp4" --overwrite --encoder x264
    ffprobe -v error -select_streams v -count_packets -show_entries stream=nb_read_packets -of csv=p=0 "$work/tour.mp4" |
        sed 's/^/  frames by ffprobe: /'
done
