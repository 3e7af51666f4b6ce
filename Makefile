# `make` alone lists what there is. Everything works on a fresh machine that has python3 with venv, and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
IMAGE ?= holdback:dev
CHROMIUM := $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)

.DEFAULT_GOAL := help
.PHONY: help demo test real slow check fmt lint type docs bench bench-short tools peers torch test-torch kube image chart lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-11s %s\n", $$1, $$2}'

$(READY): requirements/dev.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python -r requirements/dev.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	touch $@

demo: $(READY)  ## watch a classifier go wrong, and Holdback hold it back: http://127.0.0.1:8088
	$(BIN)/holdback demo

test: $(READY)  ## every test but the slow ones
	$(BIN)/python -m pytest

real: $(READY)  ## tests on real parts that take minutes: brokers that are killed, pages, images
	$(BIN)/python -m pytest -m "real and not slow and not torch" || { echo "what failed is tried once more:" && \
	  $(BIN)/python -m pytest -m "real and not slow and not torch" --last-failed --last-failed-no-failures none; }

test-torch: torch  ## the tests that need torch
	PYTHONPATH=$(CURDIR)/.tools/torch $(BIN)/python -m pytest -m torch

slow: $(READY)  ## the slow tests alone: statistical, minutes
	$(BIN)/python -m pytest -m slow

check: $(READY)  ## formatting, lint and types; changes nothing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

fmt: $(READY)  ## format, and fix what can be fixed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(READY)  ## ruff alone
	$(BIN)/ruff check .

type: $(READY)  ## mypy alone
	$(BIN)/mypy

docs: $(READY)  ## examples in docstrings, and links between the pages
	$(BIN)/python -m pytest --doctest-modules detectors fallback monitor
	$(BIN)/python -m pytest tests/test_docs.py

bench: $(READY)  ## every benchmark, each beside a peer in the same run; writes docs/benchmarks.md anew (minutes)
	$(BIN)/python -m benchmarks

peers: $(READY)  ## what we are measured against, each in an environment of its own (5 GB)
	@.ci/tools/peers.sh

bench-short: $(READY)  ## the same in two minutes; fails where a ratio is far from what is claimed
	BENCH_SHORT=1 $(BIN)/python -m benchmarks

tools: $(READY)  ## what tests need besides Python: a browser (Debian's, as root), Kafka, Prometheus, Alertmanager, helm
ifeq ($(CHROMIUM),)
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; \
	else echo "no chromium here, and no way to install it: browser tests will be skipped" >&2; fi
endif
	@.ci/tools/kafka.sh
	@.ci/tools/prometheus.sh
	@.ci/tools/helm.sh
	@.ci/tools/kubeconform.sh

torch: $(READY)  ## torch for its tests, in .tools/torch (2.2 GB to fetch; .venv stays without)
	@.ci/tools/torch.sh

kube:  ## a Kubernetes API server for tests: etcd, and kube-apiserver built from source (minutes, once)
	@.ci/tools/kube.sh

image: $(READY)  ## the container image, with buildah
	@.ci/tools/image.sh $(IMAGE)

chart: $(READY)  ## the chart's generated parts: the schema of `config`, the table of values
	$(BIN)/python -m tests.helm.generated

lock: $(READY)  ## compile requirements/dev.txt, requirements/run.txt and those of peers anew
	$(BIN)/uv pip compile --upgrade --universal --python-version 3.11 --no-header --no-emit-index-url --quiet \
	  --extra dev --extra report --extra demo pyproject.toml -o requirements/dev.txt
	$(BIN)/uv pip compile --universal --python-version 3.11 --no-header --no-emit-index-url --quiet \
	  --constraint requirements/dev.txt pyproject.toml -o requirements/run.txt
	for peer in alibi-detect crepes frouros nannyml; do \
	  $(BIN)/uv pip compile --python-version 3.11 --no-header --no-emit-index-url --no-annotate --quiet \
	    --override requirements/peers/overrides.txt requirements/peers/$$peer.in -o requirements/peers/$$peer.txt; done

clean:  ## remove caches; .venv and .tools stay
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis dist
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
