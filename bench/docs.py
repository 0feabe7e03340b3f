"""Fills the generated parts of README.md and model_card.md, and app.json, from the code.

python -m bench.docs            write them
python -m bench.docs --check    exit 1 if they have drifted
"""

import argparse
import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from bench.heroku import APP_JSON, app_json
from collector.__main__ import build_parser as build_collector_parser
from collector.settings import CollectorSettings
from service.__main__ import build_parser
from service.artefact import load_config, load_metrics
from service.pipeline import Predictor
from service.schemas import StoryIn, prediction_out
from service.settings import ROOT, Settings

README = ROOT / "README.md"
CARD = ROOT / "model_card.md"
SERVING = ROOT / "model" / "serving"
FAIRNESS = ROOT / "model" / "audit" / "fairness.json"
EXAMPLE = {
    "title": "Video shows deputy punching handcuffed man outside Toledo bar",
    "text": "TOLEDO, Ohio — A Lucas County sheriff's deputy punched a handcuffed man four times "
    "outside a Toledo bar early Sunday, video released Tuesday shows. Darnell Whitlow, 31, was "
    "treated for a broken jaw. The sheriff placed the deputy on paid leave.",
    "date": "2022-08-09",
}
# Probabilities differ a little between CPUs (bf16, int8 or fp32 kernels).
TOLERANCE = 0.05


def example_answer() -> dict[str, Any]:
    """The service's own answer to the example."""

    async def ask() -> dict[str, Any]:
        async with Predictor.load(Settings.from_environment({})) as predictor:
            prediction = await predictor.predict(StoryIn(**EXAMPLE))
            return prediction_out(prediction, predictor.model_out).model_dump(mode="json")

    return asyncio.run(ask())


def example_block(answer: dict[str, Any]) -> str:
    """The request as a curl command and its answer."""
    body = json.dumps(EXAMPLE, ensure_ascii=False).replace("'", "'\\''")
    return (
        "```\ncurl -X POST localhost:8000/predict -H 'content-type: application/json' \\\n"
        f"  -d '{body}'\n```\n\n```json\n{json.dumps(answer, indent=1, ensure_ascii=False)}\n```"
    )


def settings_block(settings: type[BaseModel] = Settings) -> str:
    """A table of the environment variables."""
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in settings.model_fields.items():
        default = field.default
        if field.default_factory is not None:
            default = "what the container has"
        elif isinstance(default, Path):
            default = default.relative_to(ROOT)
        shown = "" if default in (None, ()) else f"{default}"
        lines.append(f"| `{name.upper()}` | {shown} | {field.description} |")
    return "\n".join(lines)


def metrics_block() -> str:
    """The figures of the shipped model on stories of events it was not trained on."""
    config, metrics = load_config(SERVING), load_metrics(SERVING)
    lines = [
        f"Model {config.version}, {config.created[:10]}, data {config.data_hash[:12]}: stories "
        "whose event was held out of training and calibration, label `report` against the rest, "
        "next to the best F1 that two baselines reach on the same rows. Intervals hold 95 % of "
        "bootstrap resamples.",
        "",
        "| set | stories | reports | precision | recall | F1 | AP | ECE | regex F1 | tf-idf F1 |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, row in metrics["held_out"].items():
        if not row["positives"]:
            continue
        base = [metrics["baselines"][kind][name]["best_f1"] for kind in ("regex", "tfidf")]
        low, high = row["f1_interval"]
        ap = "" if row["ap"] is None else f"{row['ap']:.3f}"
        lines.append(
            f"| {name} | {row['rows']} | {row['positives']} | {row['precision']:.3f} "
            f"| {row['recall']:.3f} | {row['f1']:.3f} ({low:.2f}-{high:.2f}) | {ap} "
            f"| {row['ece']:.3f} | {base[0]:.3f} | {base[1]:.3f} |"
        )
    alarms = [
        f"{row['false_alarms']} of {row['rows']} {name}"
        for name, row in metrics["held_out"].items()
        if not row["positives"]
    ]
    evidence = metrics["evidence"]
    return "\n".join(
        [
            *lines,
            "",
            f"False alarms on sets without a report: {', '.join(alarms)}.",
            f"In {evidence['top_sentence_hits']} of {evidence['stories']} held-out reports with "
            "marked evidence the top sentence answered is a marked one; kinds of force have a "
            f"micro-averaged F1 of {metrics['force_micro_f1']:.3f}.",
        ]
    )


def calibration_block() -> str:
    """What the review band is and what holds outside it."""
    thresholds, metrics = load_config(SERVING).thresholds, load_metrics(SERVING)
    band, every = metrics["outside_band"], metrics["held_out"]["all"]
    return (
        "The probability is calibrated (Platt scaling) on news stories whose events neither "
        f"train nor test; on all test rows its ECE is {every['ece']:.3f}. `needs_review` marks "
        f"{thresholds.review_low:.2f} to {thresholds.review_high:.2f}: "
        f"{band['inside_share']:.1%} of the {band['rows']} held-out news stories fall inside. "
        f"Above it {band['precision']:.3f} of {band['above']} are reports; below it "
        f"{band['npv']:.3f} of {band['below']} are none."
    )


def making_block() -> str:
    """What the training of the shipped model took."""
    run = load_metrics(SERVING)["run"]
    fits = run["fits"]
    return (
        f"Last stage: {len(fits)} fits of {fits[0]['epochs']:g} epochs, averaged; "
        f"{run['cpu_hours']:.1f} CPU-hours (2 cores, bf16), at 20 W a core about "
        f"{run['cpu_hours'] * 0.02:.2f} kWh. `training/recipe.sh` makes it again."
    )


def fairness_block() -> str:
    """How far answers move when only names, race, gender, place or outlet change."""
    audit = json.loads(FAIRNESS.read_text())
    lines = [
        f"Model {audit['version']}, data {audit['data_hash'][:12]}. Targets: mean change of "
        f"P(report) at most {audit['targets']['mean']}, labels flipped at most "
        f"{audit['targets']['flips']:.0%}.",
        "",
        "| stories | swap | stories changed | mean change | flips | targets |",
        "|---|---|---|---|---|---|",
    ]
    for part in audit["audits"]:
        lines += [
            f"| {part['name']} | {row['swap']} | {row['stories']} | {row['mean']:.3f} "
            f"| {row['flips']:.1%} | {'met' if row['passes'] else 'MISSED'} |"
            for row in part["swaps"]
            if row["direction"] == "all"
        ]
    return "\n".join(lines)


def help_block(parser: argparse.ArgumentParser) -> str:
    """A command line's own help."""
    return f"```\n{parser.format_help().strip()}\n```"


def data_block() -> str:
    """How many stories of each source and relation the shipped model was trained on."""
    data = load_metrics(SERVING)["data"]
    lines = ["| source | report | mention | none | not report |", "|---|---|---|---|---|"]
    for source, counts in data.items():
        cells = [str(counts.get(r, "")) for r in ("report", "mention", "none", "not_report")]
        lines.append(f"| {source} | {' | '.join(cells)} |")
    return "\n".join(lines)


def fill(text: str, blocks: dict[str, str]) -> str:
    """`text` with each generated part replaced by its block. Raises KeyError."""

    def replacement(match: re.Match[str]) -> str:
        return f"<!-- generated: {match[1]} -->\n{blocks[match[1]]}\n<!-- end -->"

    return re.sub(r"<!-- generated: (\w+) -->\n.*?<!-- end -->", replacement, text, flags=re.S)


def plain_blocks() -> dict[str, str]:
    """All generated parts but the example, whose numbers differ a little between CPUs."""
    return {
        "settings": settings_block(),
        "collector_settings": settings_block(CollectorSettings),
        "help": help_block(build_parser()),
        "collector_help": help_block(build_collector_parser()),
        "metrics": metrics_block(),
        "calibration": calibration_block(),
        "fairness": fairness_block(),
        "making": making_block(),
        "data": data_block(),
    }


def drift() -> list[str]:
    """What stands in the documents and is no longer so; empty if all is true."""
    readme = README.read_text()
    match = re.search(r"<!-- generated: example -->\n(.*?)\n<!-- end -->", readme, re.S)
    shown = match[1] if match else ""
    blocks = {**plain_blocks(), "example": shown}
    found = [
        path.name for path in (README, CARD) if fill(path.read_text(), blocks) != path.read_text()
    ]
    answer = re.search(r"```json\n(.*?)\n```", shown, re.S)
    if answer is None or not same(json.loads(answer[1]), example_answer()):
        found.append("example")
    if APP_JSON.read_text() != app_json():
        found.append(APP_JSON.name)
    return found


def same(a: object, b: object) -> bool:
    """Equal JSON values, numbers within TOLERANCE."""
    match a, b:
        case dict(), dict():
            return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
        case list(), list():
            return len(a) == len(b) and all(map(same, a, b))
        case float() | int(), float() | int():
            return abs(a - b) <= TOLERANCE
    return a == b


def main() -> int:
    """Write or check."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 on drift")
    if parser.parse_args().check:
        drifted = drift()
        print(f"drifted: {', '.join(drifted)}" if drifted else "all is true")
        return int(bool(drifted))
    blocks = {**plain_blocks(), "example": example_block(example_answer())}
    for path in (README, CARD):
        path.write_text(fill(path.read_text(), blocks))
    APP_JSON.write_text(app_json())
    return 0


if __name__ == "__main__":
    sys.exit(main())
