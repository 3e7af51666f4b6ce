#!/bin/sh
# A Kubernetes API server without a cluster: etcd from Debian, kube-apiserver built from its Go module (minutes, once).
# Both are what `tests/helm` installs the chart on. What can't be had is said, and its tests are skipped.
set -eu
cd "$(dirname "$0")/../.."
VERSION=v1.34.2
STAGED=v0.34.2 # of the modules that Kubernetes keeps in its own repository
TOOLS=$PWD/.tools
mkdir -p "$TOOLS/bin"

if [ ! -x "$TOOLS/bin/etcd" ] && ! command -v etcd >/dev/null; then
    if command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null; then
        # root's lists are brought up to date; anyone else takes them as they are
        [ "$(id -u)" != 0 ] || apt-get update -qq
        (
            # the program alone: the package, installed, would start a service
            cd "$(mktemp -d)"
            trap 'rm -rf "$PWD"' EXIT
            apt-get -o APT::Sandbox::User=root download -qq etcd-server
            dpkg-deb --extract etcd-server_*.deb unpacked
            mv unpacked/usr/bin/etcd "$TOOLS/bin/etcd"
        )
    else
        echo "no etcd here, and no way to fetch it: tests against an API server will be skipped" >&2
    fi
fi

[ ! -x "$TOOLS/bin/kube-apiserver" ] || exit 0
if ! command -v go >/dev/null; then
    echo "no go here to build kube-apiserver: tests against an API server will be skipped" >&2
    exit 0
fi

# Its own go.mod is taken as it is, but for the staged modules: there they are folders, here their published versions.
mkdir -p "$TOOLS/kube-apiserver"
cd "$TOOLS/kube-apiserver"
module=$(go mod download -json "k8s.io/kubernetes@$VERSION" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
{
    echo "module holdback.test/kube-apiserver"
    sed -e '/^module /d' -e '/^\/\/ /d' -e "s|=> \./staging/src/\(.*\)|=> \1 $STAGED|" "$module/go.mod"
    echo "require k8s.io/kubernetes $VERSION"
} >go.mod
cat "$module/go.sum" >go.sum
chmod u+w go.mod go.sum
go build -mod=mod -trimpath -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$VERSION" \
    -o "$TOOLS/bin/kube-apiserver" k8s.io/kubernetes/cmd/kube-apiserver
