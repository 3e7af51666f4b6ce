#!/bin/sh
# kubeconform, and what it compares with: the schemas of some Kubernetes versions (from a wheel) and the resource
# definitions of the Prometheus operator (from its Go module): the check itself needs no network.
set -eu
cd "$(dirname "$0")/../.."
here=$PWD/.ci/tools
tools=$PWD/.tools
mkdir -p "$tools/bin"
work=$tools/kubeconform.part
rm -rf "$work"
mkdir "$work"
trap 'rm -rf "$work"' EXIT

if [ ! -d "$tools/schemas" ]; then
    if "$here/wheel.sh" kubernetes-validate==1.37.0 "$work/wheel"; then
        mkdir "$work/schemas"
        for version in 1.29.0 1.34.0 1.37.0; do # the oldest with native sidecars, the one of `make kube`, the newest
            mv "$work/wheel/kubernetes_validate/kubernetes-json-schema/v$version-local-strict" "$work/schemas/$version"
        done
        # They refer to each other below an address; here they lie beside each other.
        # shellcheck disable=SC2016  # $id is a key
        sed -i 's|"/api/_definitions.json#|"_definitions.json#|; s|"\$id":|"x-id":|' "$work"/schemas/*/*.json
        mv "$work/schemas" "$tools/schemas"
    else
        echo "no schemas here, and no way to fetch them: the chart's manifests will not be checked against them" >&2
    fi
fi

if ! command -v go >/dev/null; then
    [ -x "$tools/bin/kubeconform" ] || echo "no go here to build kubeconform: its tests will be skipped" >&2
    exit 0
fi
[ -x "$tools/bin/kubeconform" ] || GOBIN="$tools/bin" go install github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0
if [ ! -d "$tools/crds" ]; then
    module=$(go mod download -json github.com/prometheus-operator/prometheus-operator@v0.85.0 \
        | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
    mkdir "$work/crds"
    for name in podmonitors prometheusrules; do
        cat "$module/example/prometheus-operator-crd/monitoring.coreos.com_$name.yaml" >"$work/crds/$name.yaml"
    done
    mv "$work/crds" "$tools/crds"
fi
