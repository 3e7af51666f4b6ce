#!/bin/sh
# Prometheus, promtool, Alertmanager and amtool from Debian: the programs alone, so that no service is ever set up.
# Where they can't be had that is said, and the tests of the alerts are skipped.
set -eu
cd "$(dirname "$0")/../.."
TOOLS=$PWD/.tools
TEMPLATES=/usr/share/prometheus/alertmanager # where Debian's Alertmanager looks for its own, and nowhere else
mkdir -p "$TOOLS/bin"

missing=""
for tool in prometheus promtool alertmanager amtool; do
    [ -x "$TOOLS/bin/$tool" ] || command -v "$tool" >/dev/null || missing="$missing $tool"
done
[ -d "$TEMPLATES" ] || missing="$missing Alertmanager's templates"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "no$missing here, and no way to install it: tests of the alerts will be skipped" >&2
    exit 0
fi

apt-get update -qq
cd "$(mktemp -d)"
trap 'rm -rf "$PWD"' EXIT
apt-get -o APT::Sandbox::User=root download -qq prometheus prometheus-alertmanager
for package in ./*.deb; do
    dpkg-deb --extract "$package" unpacked
done
mv unpacked/usr/bin/prometheus unpacked/usr/bin/promtool unpacked/usr/bin/amtool "$TOOLS/bin/"
mv unpacked/usr/bin/prometheus-alertmanager "$TOOLS/bin/alertmanager"
mkdir -p "$TEMPLATES"
cp unpacked/usr/share/prometheus/alertmanager/*.tmpl "$TEMPLATES/"
