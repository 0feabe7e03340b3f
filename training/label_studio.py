"""Reads Label Studio's JSON export (Export > JSON, not JSON-MIN) of a labelling project.

The project is set up with `training/label_studio.xml`. A task's `data` is `{id?,
text, title, outlet?, date?, source?, incident?}`; `title` may be empty. What the
reader answers comes back in `annotations[].result` by the name of its control:
`relation`, `force`, `fatal` (choices), `evidence` (labelled spans), `incident` (a
line of text). Other controls and other fields are ignored.

Of several annotations of a task the one made last counts, as in Label Studio's own
converter. A task that its readers only skipped is left out, for skipping is their
answer; a task that nobody has opened is an error, lest a half-finished project pass
for a whole one.

Format: https://labelstud.io/guide/task_format and https://labelstud.io/tags/text.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from training.errors import LabelError

_FROM_DATA = ("text", "title", "headline", "outlet", "date", "source", "incident", "pair")


def read_tasks(path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    """Each labelled task as a row of `training.examples`, with its place from 1.

    Raises LabelError naming the task and what is wrong with it.
    """
    try:
        tasks = json.loads(path.read_bytes())
    except ValueError as error:
        raise LabelError(path, None, "(file)", f"not JSON: {error}") from error
    if not isinstance(tasks, list):
        raise LabelError(path, None, "(file)", "not a Label Studio export, which is a list")
    for number, task in enumerate(tasks, 1):
        if not isinstance(task, dict) or not isinstance(task.get("data"), dict):
            raise LabelError(path, number, "data", "not a Label Studio task with `data`")
        annotation = _annotation(path, number, task)
        if annotation is not None:
            yield number, _row(path, number, task, annotation)


def _annotation(path: Path, number: int, task: Mapping[str, object]) -> Mapping[str, object] | None:
    """The last annotation that was not skipped; None if all were."""
    found = task.get("annotations")
    if not isinstance(found, list) or not all(isinstance(a, dict) for a in found):
        problem = f"task {task.get('id')} has none; export as JSON, not as JSON-MIN"
        raise LabelError(path, number, "annotations", problem)
    if not found:
        problem = f"task {task.get('id')} is not annotated yet; label or leave out"
        raise LabelError(path, number, "annotations", problem)
    done = [a for a in found if not a.get("was_cancelled")]
    return max(done, key=lambda a: str(a.get("created_at", "")), default=None)


def _row(
    path: Path, number: int, task: Mapping[str, object], annotation: Mapping[str, object]
) -> Mapping[str, object]:
    data = task["data"]
    assert isinstance(data, dict)
    row: dict[str, object] = {name: data[name] for name in _FROM_DATA if data.get(name)}
    row["id"] = str(data.get("id") or f"task-{task.get('id')}")
    evidence: list[object] = []
    for name, value in _answers(path, number, annotation):
        match name, value:
            case (("relation" | "fatal"), {"choices": [str(choice)]}):
                row[name] = {"true": True, "false": False}.get(choice, choice)
            case "force", {"choices": list(choices)}:
                row["force"] = choices
            case "incident", {"text": [str(key), *_]}:
                row["incident"] = key.strip()
            case "evidence", _:
                evidence.append(_span(path, number, str(row.get("text")), value))
            case (("relation" | "fatal" | "force" | "incident"), _):
                raise LabelError(path, number, name, f"not an answer to it: {value}")
    if evidence:
        row["evidence"] = evidence
    return row


def _answers(
    path: Path, number: int, annotation: Mapping[str, object]
) -> Iterator[tuple[str, Mapping[str, object]]]:
    result = annotation.get("result")
    if not isinstance(result, list):
        raise LabelError(path, number, "result", "not a list")
    for region in result:
        if isinstance(region, dict) and isinstance(region.get("value"), dict):
            yield str(region.get("from_name")), region["value"]


def _span(path: Path, number: int, text: str, value: Mapping[str, object]) -> list[int]:
    """[start, end] in code points.

    Versions before 1.4 counted UTF-16 units, so that an emoji shifts what follows; the
    words that most exports quote beside the offsets (`text`) tell which it is.
    """
    start, end, quoted = value.get("start"), value.get("end"), value.get("text")
    if not isinstance(start, int) or not isinstance(end, int):
        raise LabelError(path, number, "evidence", f"no offsets in {str(value)[:80]}")
    if not isinstance(quoted, str):
        return [start, end]
    units = text.encode("utf-16-le", "surrogatepass")
    older = [len(units[: 2 * at].decode("utf-16-le", "replace")) for at in (start, end)]
    for at, to in ((start, end), older):
        if _bare(text[at:to]) == _bare(quoted):
            return [at, to]
    raise LabelError(path, number, "evidence", f"not at its offsets: {quoted[:60]!r}")


def _bare(text: str) -> str:
    """Without white space, which Label Studio trims, and writes a line break as \\n."""
    return "".join(text.replace("\\n", " ").split())
