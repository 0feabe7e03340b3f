#!/usr/bin/env bash
# Trains as the shipped model was, from the development corpora: training/recipe.sh CORPORA OUT
# (0.1.0 came before labels/articles4.jsonl, so a run today has 419 more labels.)
# About 40 minutes on 2 CPU cores with bf16.
set -euo pipefail
cd "$(dirname "$0")/.."
OMP_WAIT_POLICY=PASSIVE .venv/bin/python -m training.train \
    --base minilm --corpora "$1" --out "$2" --epochs 2 --seed 1
