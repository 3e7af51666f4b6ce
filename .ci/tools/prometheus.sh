#!/bin/sh
# Prometheus, promtool, Alertmanager and amtool from Debian: the programs alone, so that no service is ever set up.
# Where they can't be had that is said, and the tests of the alerts are skipped.
set -eu
cd "$(dirname "$0")/../.."
TOOLS=$PWD/.tools
mkdir -p "$TOOLS/bin"

missing=""
for tool in prometheus promtool alertmanager amtool; do
    [ -x "$TOOLS/bin/$tool" ] || command -v "$tool" >/dev/null || missing="$missing $tool"
done
[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
    echo "no$missing here, and no way to fetch it: tests of the alerts will be skipped" >&2
    exit 0
fi

# root's lists are brought up to date; anyone else takes them as they are
[ "$(id -u)" != 0 ] || apt-get update -qq
cd "$(mktemp -d)"
trap 'rm -rf "$PWD"' EXIT
apt-get -o APT::Sandbox::User=root download -qq prometheus prometheus-alertmanager
for package in ./*.deb; do
    dpkg-deb --extract "$package" unpacked
done
mv unpacked/usr/bin/prometheus unpacked/usr/bin/promtool unpacked/usr/bin/amtool "$TOOLS/bin/"
mv unpacked/usr/bin/prometheus-alertmanager "$TOOLS/bin/alertmanager"
