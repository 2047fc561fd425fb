# `make demo` and `make test` set everything up on a machine that has Python 3.11 and make.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

CLUSTERS := $(wildcard tests/test_cluster_*.py tests/test_parallel_*.py)

.PHONY: demo test services lint types bench bench-more wheel models clean

demo: $(VENV)/.zoo
	$(BIN)/zoo transfer mnist-dnn --reuse 'hidden[123]'
	@echo "(zoo is $(BIN)/zoo)"

# In two runs: a cluster takes all cores.
test: $(VENV)/.test services
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile $(filter-out $(CLUSTERS),$(wildcard tests/test_*.py)) registry transfer zoo
	$(BIN)/python -m pytest $(CLUSTERS)

# PostgreSQL and docker-registry, which the tests start; from Debian's packages where they are missing.
services:
	tests/services.sh

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.lint
	$(BIN)/mypy

# Speed and memory against named rivals, in one table.
bench: $(VENV)/.test
	mkdir -p build
	$(BIN)/python benchmarks/table.py --json build/bench.json

# What else is measured: choices, findings, large catalogues and files.
bench-more: $(VENV)/.test
	$(BIN)/python benchmarks/depth.py
	$(BIN)/python benchmarks/recipes.py
	$(BIN)/python benchmarks/diagnosis_nets.py
	$(BIN)/python benchmarks/catalogue.py
	$(BIN)/python benchmarks/import_memory.py
	$(BIN)/python benchmarks/reading.py

wheel: $(VENV)/.test
	$(BIN)/python -m build

# Makes the shipped models anew and writes their cards. MNIST=path/to/mnist.npz where keras.datasets cannot fetch it.
models: $(VENV)/.zoo
	$(BIN)/python models/mnist-dnn/make.py $(if $(MNIST),--mnist $(MNIST))
	$(BIN)/python models/describe.py mnist-dnn
	$(BIN)/python models/mnist-pairs/make.py $(if $(MNIST),--mnist $(MNIST))
	$(BIN)/python models/describe.py mnist-pairs
	$(BIN)/python models/efficientnet-lite0/make.py
	$(BIN)/python models/describe.py efficientnet-lite0
	$(BIN)/python models/squeezenet/make.py
	$(BIN)/python models/describe.py squeezenet

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.zoo: pyproject.toml | $(VENV)/bin/python
	$(PIP) install --editable .
	@touch $@

$(VENV)/.test: pyproject.toml $(VENV)/.zoo
	$(PIP) install --editable '.[test]'
	@touch $@

$(VENV)/.lint: pyproject.toml $(VENV)/.zoo
	$(PIP) install --editable '.[lint]'
	@touch $@
