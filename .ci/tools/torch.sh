#!/bin/sh
# Torch into .tools/torch, a folder of packages for the tests that need it; .venv stays without. The wheel that pip gives
# on Linux is linked to CUDA's libraries, so those that are loaded at import come along (2.2 GB to fetch, 4 GB unpacked);
# what is loaded later or never (triton, cusolver, nvjitlink, bindings) does not. No graphics card is needed.
set -eu
cd "$(dirname "$0")/../.."
version=2.15.0
[ -f ".tools/torch/.$version" ] && exit 0

nvidia="nvidia-cublas==13.4.1.3 nvidia-cuda-cupti==13.2.86 nvidia-cuda-nvrtc==13.2.86 nvidia-cuda-runtime==13.2.86
 nvidia-cudnn-cu13==9.26.0.51 nvidia-cufft==12.2.0.57 nvidia-cufile==1.17.1.22 nvidia-cusparse==12.7.10.12
 nvidia-cusparselt-cu13==0.8.1 nvidia-nccl-cu13==2.30.7 nvidia-nvshmem-cu13==3.7.2"
[ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] || nvidia="" # elsewhere the wheel is for the processor alone
rm -rf .tools/torch .tools/torch.part
mkdir -p .tools
# a cache would keep it all a second time; .venv has the rest of what torch needs, or these bring it
# shellcheck disable=SC2086  # a list of packages
.venv/bin/uv pip install --quiet --no-cache --compile-bytecode --python .venv/bin/python \
    --target .tools/torch.part --no-deps \
    "torch==$version" filelock==3.20.0 fsspec==2025.10.0 jinja2==3.1.6 markupsafe==3.0.3 mpmath==1.3.0 \
    networkx==3.5 sympy==1.14.0 typing-extensions==4.15.0 $nvidia
touch ".tools/torch.part/.$version"
mv .tools/torch.part .tools/torch
