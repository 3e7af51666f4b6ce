#!/bin/sh
# image.sh TAG: the container image, on a Debian machine that can reach no registry of images.
# The base is Debian with Python, made by debootstrap; the wheels are fetched here, and the build itself fetches nothing.
set -eu
cd "$(dirname "$0")/../.."
tag=${1:-holdback:dev}
bin=.venv/bin
kept=$PWD/.tools/image
store() {
    buildah --root "$kept/storage" --runroot "$kept/run" --storage-driver vfs "$@"
}

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "the image needs root and apt here; with Docker or Podman use: docker build --tag $tag ." >&2
    exit 1
fi
missing=""
for tool in buildah debootstrap; do
    command -v "$tool" >/dev/null || missing="$missing $tool"
done
if [ -n "$missing" ]; then
    apt-get update -qq
    # shellcheck disable=SC2086  # a list of packages
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
fi
rm -rf dist/wheels
mkdir -p "$kept" dist/wheels

# shellcheck disable=SC1091  # of every Debian machine
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
if ! store inspect --type image "holdback-base:$release" >/dev/null 2>&1; then
    # shellcheck disable=SC2016  # a variable of apt's
    mirror=$(apt-get indextargets --format '$(REPO_URI)' "Codename: $release" 'Component: main' 'Created-By: Packages' | head -n 1)
    rm -rf "$kept/base"
    # shellcheck disable=SC2086  # no mirror: debootstrap has its own
    debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv "$release" "$kept/base" $mirror >"$kept/base.log"
    # documentation, caches, and what debootstrap took from this machine
    (cd "$kept/base" && rm -rf usr/share/doc usr/share/man usr/share/locale var/cache/apt/archives/*.deb var/lib/apt/lists/* \
        var/log/* etc/apt/sources.list etc/resolv.conf etc/hostname)
    printf 'FROM scratch\nCOPY base /\n' |
        store build --isolation chroot --quiet --tag "holdback-base:$release" --file - "$kept"
    rm -rf "$kept/base"
fi
container=$(store from "holdback-base:$release")
python=$(store run --isolation chroot "$container" -- python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
glibc=$(store run --isolation chroot "$container" -- getconf GNU_LIBC_VERSION | sed 's/.*\.//')
store rm "$container" >/dev/null

# Markers are resolved for the base's Python and not for this machine's; hatchling builds the project's own wheel.
arch=$(uname -m)
platforms=""
for minor in $(seq 17 "$glibc"); do
    platforms="$platforms --platform manylinux_2_${minor}_$arch"
done
echo hatchling | "$bin/uv" pip compile --quiet --no-header --no-annotate --no-emit-index-url --constraint requirements/dev.txt \
    --python-version "$python" --python-platform "$arch-manylinux_2_28" requirements/run.txt - >"$kept/wheels.txt"
# shellcheck disable=SC2086  # a list of options
"$bin/python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --dest dist/wheels \
    --python-version "$python" --implementation cp $platforms --platform "manylinux2014_$arch" -r "$kept/wheels.txt"

store build --isolation chroot --quiet --build-arg "BASE=holdback-base:$release" --build-arg PIP_NO_INDEX=1 \
    --tag "$tag" .
store rmi --prune >/dev/null 2>&1 || true # the one that had the tag before

# What was built must answer, as the chart runs it: by that user, and it has no torch.
container=$(store from "$tag")
trap 'store rm "$container" >/dev/null' EXIT
inside() {
    store run --isolation chroot "$container" -- "$@"
}
printf 'model: loan\npromise: {max_error: 5%%, false_pages: 1 per 90d}\n' | inside sh -c 'cat >/tmp/config.yaml'
inside holdback --version
inside holdback check -c /tmp/config.yaml
inside python3 -c 'import importlib.util, os; assert os.getuid() == 65532; assert not importlib.util.find_spec("torch")'
