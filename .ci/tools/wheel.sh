#!/bin/sh
# wheel.sh NAME==VERSION FOLDER: the files of a wheel, unpacked and not installed. Exit status 1 if it can't be had.
set -eu
python=$(dirname "$0")/../../.venv/bin/python
[ -x "$python" ] || python=python3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest "$work" "$1" || exit 1
"$python" -m zipfile --extract "$work"/*.whl "$2"
