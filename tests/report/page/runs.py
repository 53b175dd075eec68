"""Run folders for the tests of pages: the sample run, and the same with texts that mean harm."""

import csv
import json
import shutil
from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).parents[3]
(SAMPLE,) = sorted((ROOT / "results" / "sample").glob("*/"))

SCRIPT = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
FORMULA = '=HYPERLINK("http://example.org","a|b")'
LINES = "two\nlines\r\n[a](javascript:alert(3)) {{ 7 * 7 }}"
LONG = "n" * 9_990 + "<b>the end"

HOSTILE = {"mobilenet_v1": SCRIPT, "squeezenet:version=1.1": FORMULA, "vgg:depth=16": LINES, "lenet5": LONG}
"""What each model of the sample run is called in the hostile one."""

TABLES = ("trials", "pairs", "backends", "rounds", "energy", "minutes", "layers", "verdicts")


def hostile(folder: Path) -> Path:
    """Make a run in a folder whose every model, backend, flag and note is hostile, and return its path."""
    run = folder / "a run #1 <i>%20?"
    run.mkdir(parents=True)
    for name in TABLES:
        with (SAMPLE / f"{name}.csv").open(newline="", encoding="utf-8") as file:
            rows = [[_renamed(cell) for cell in row] for row in csv.reader(file)]
        with (run / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)
    context = json.loads((SAMPLE / "context.json").read_text(encoding="utf-8"))
    context.update(unit=f"unit {SCRIPT}", edgebench_version=LINES)
    context["facts"]["cpu_model"] = SCRIPT
    context["versions"][SCRIPT] = LONG
    context["data"] = {"path": f"/photos/{SCRIPT}", "sha256": "0", "calibrating": 1}
    (run / "context.json").write_text(json.dumps(context), encoding="utf-8")
    return run


def _renamed(cell: str) -> str:
    for model, name in HOSTILE.items():
        cell = cell.replace(model, name)
    return f"{cell}<u>" if cell == "torch" else cell


def several(folder: Path, dates: tuple[str, ...] = ("2026-11-20", "2026-11-21", "2026-11-22")) -> Path:
    """Make a folder of runs of one unit, a day each, every one a little slower, and return its path."""
    for number, date in enumerate(dates):
        run = folder / "board" / f"{date}T10-00-00Z-000{number}"
        run.mkdir(parents=True)
        context = json.loads((SAMPLE / "context.json").read_text(encoding="utf-8"))
        context["started"] = f"{date}T10:00:00+00:00"
        (run / "context.json").write_text(json.dumps(context), encoding="utf-8")
        with (SAMPLE / "trials.csv").open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            for column in ("latency_p50_s", "latency_p50_low_s", "latency_p50_high_s"):
                row[column] = str(float(row[column]) * (1 + number))
            row["runtime_version"] = f"{number}.0"
        with (run / "trials.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    return folder


def single(folder: Path) -> Path:
    """Make a run of one trial in one process, which has no interval, no pair and no memory, and return its path."""
    run = copied(folder)
    for name in ("trials", "backends"):
        with (run / f"{name}.csv").open(newline="", encoding="utf-8") as file:
            first = next(csv.DictReader(file))
        dropped = [column for column in first if column.endswith(("_low_s", "_high_s")) or column.startswith("memory_")]
        with (run / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, first, lineterminator="\n")
            writer.writeheader()
            writer.writerow({**first, **dict.fromkeys(dropped, "")})
    for name in ("pairs", "verdicts"):
        header = (run / f"{name}.csv").read_text(encoding="utf-8").partition("\n")[0]
        (run / f"{name}.csv").write_text(f"{header}\n", encoding="utf-8")
    return run


def copied(folder: Path) -> Path:
    """Return a copy of the sample run's tables."""
    run = folder / "run"
    run.mkdir()
    for path in SAMPLE.iterdir():
        if path.suffix in {".csv", ".json"}:
            shutil.copy(path, run)
    return run


class Elements(HTMLParser):
    """The elements of a page with their attributes, and its text outside scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.found.append((tag, dict(attrs)))
        self._inside = tag

    def handle_data(self, data: str) -> None:
        """Note text that is shown."""
        if self._inside not in {"script", "style"}:
            self.text += data
