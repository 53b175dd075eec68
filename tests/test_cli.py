import csv
import gzip
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest

import edgebench
from edgebench import architectures, cli, plugins
from edgebench.board.agent import ROOT_VARIABLE
from edgebench.store.rows import BackendRow, LayerRow, PairRow, TrialRow

WIDTH = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Return what it printed for machines."""
        return json.loads(self.out)


Cli = Callable[..., Done]


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Cli:
    """Return the command line as a function, in an empty folder, its output in a pipe."""

    def call(*arguments: str) -> Done:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["edgebench", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        return Done(code=int(ended.value.code or 0), out=out, err=err)

    return call


@pytest.fixture(scope="module")
def null_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done]:
    """Measure two chains of known length, five processes each; return the run folder and what was printed."""
    place = tmp_path_factory.mktemp("run")
    options = ["--model", "lenet5", "--backend", "null:work=2000", "--backend", "null:work=4000", "--invocations", "5"]
    command = [sys.executable, "-m", "edgebench", "run", *options, "--results", "out", "--json"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (folder,) = (path.parent for path in (place / "out" / "host").glob("*/journal.jsonl"))
    return folder, Done(code=done.returncode, out=done.stdout, err=done.stderr)


def fits_a_pipe(text: str) -> bool:
    """Tell whether a text has no colours and no line beyond 80 columns."""
    return "\x1b" not in text and all(len(line.rstrip()) <= WIDTH for line in text.splitlines())


# --- counting --------------------------------------------------------------------------------------------------------


def test_count_tells_the_totals(edge: Cli) -> None:
    """A count prints mult-adds and weights to the unit, with the published figure of MobileNetV1 (Table 4)."""
    done = edge("count", "mobilenet_v1")
    assert (done.code, done.err) == (0, "")
    assert "mult-adds       568,740,352  (569 M)" in done.out
    assert fits_a_pipe(done.out)


def test_count_tells_layers_and_kinds(edge: Cli) -> None:
    """--layers gives a row a layer, --by kind one a kind, both in 80 columns."""
    done = edge("count", "mobilenet_v1", "--layers", "--by", "kind")
    assert done.code == 0
    assert fits_a_pipe(done.out)
    assert f"{112 * 112 * 32 * 3 * 9:,}" in done.out
    assert "conv_dw_3x3" in done.out
    assert "94.86%" in done.out  # of 1x1 convolutions: Table 2 of the paper


def test_count_in_json(edge: Cli) -> None:
    """For machines the layers come too, and sum to the totals; the batch multiplies mult-adds alone."""
    one, two = edge("count", "lenet5", "--json").json(), edge("count", "lenet5", "--batch", "2", "--json").json()
    assert one["mult_adds"] == sum(layer["mult_adds"] for layer in one["layers"]) == 416_520
    assert (two["batch"], two["mult_adds"], two["params"]) == (2, 2 * one["mult_adds"], one["params"])
    assert one["weight_bytes"] == {"fp32": 4 * (61_470 + 236), "fp16": 2 * (61_470 + 236), "int8": 61_470 + 4 * 236}
    assert one["peak"] == {"activation_bytes": 4 * (6 * 28 * 28 + 6 * 14 * 14), "op": "S2"}
    for total in ("activation_read_bytes", "activation_written_bytes"):
        assert one[total] == sum(operation[total] for operation in one["operations"])
        assert one[total] == sum(kind[total] for kind in one["kinds"])


def test_count_tells_what_is_kept_moved_and_held(edge: Cli) -> None:
    """A count tells the bytes of weights at each precision, and of activations; --layers those of each operation."""
    done = edge("count", "squeezenet:version=1.1", "--layers")
    assert "weight bytes      4,941,984  (4.71 MiB in fp32; fp16 2.36 MiB, int8 1.19 MiB)" in done.out
    for line in ("bytes read", "bytes written", "peak bytes", "intensity"):
        assert f"\n{line}" in done.out
    assert "What each operation keeps and moves" in done.out
    assert "concatenate" in done.out
    assert fits_a_pipe(done.out)
    assert fits_a_pipe(edge("count", "densenet").out)  # whose layers have long names


def test_count_as_others_do(edge: Cli) -> None:
    """Words of a convention give the figures of who counts so: VGG-16's 15.3 G, and twice as many operations."""
    done = edge("count", "vgg", "--convention", "without-classifier", "--convention", "two-per-mult-add")
    assert "Convention without-classifier, two-per-mult-add:" in done.out
    assert f"operations   {2 * 15_346_630_656:,}  (30.7 G)" in done.out
    found = edge("count", "vgg", "--convention", "with-biases", "--json").json()["convention"]
    assert found == {"words": ["with-biases"], "operations": 15_470_264_320, "params": 138_357_544}


def test_count_sets_conventions_side_by_side(edge: Cli) -> None:
    """--by convention has a row a word; a network without a classifier has a dash where one would be left out."""
    done = edge("count", "squeezenet", "--by", "convention")
    assert fits_a_pipe(done.out)
    (row,) = [line.split() for line in done.out.splitlines() if line.startswith(" without-classifier")]
    assert row[1:3] == ["-", "-"]
    assert " keras " in done.out


@pytest.mark.parametrize("spec", ["layer:standard,size=14,in=512,out=512,kernel=3", "squeezenet", "vgg:depth=19"])
def test_count_names_the_model_canonically(edge: Cli, spec: str) -> None:
    """The first line is the canonical name, which counts the same again."""
    first = edge("count", spec, "--json").json()
    assert edge("count", first["model"], "--json").json() == first


# --- what is known ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "names"),
    [("models", architectures.names()), ("backends", plugins.names("backends")), ("suites", ("mobile", "seeds"))],
)
def test_lists_name_everything(edge: Cli, what: str, names: tuple[str, ...]) -> None:
    """A list names each thing whole, in a table of 80 columns and in JSON."""
    text, found = edge("list", what), edge("list", what, "--json").json()
    assert text.code == 0
    assert fits_a_pipe(text.out)
    assert [name for name in names if name not in text.out.split()] == []
    assert sorted(found if isinstance(found, dict) else [one["name"] for one in found]) == sorted(names)


@pytest.mark.slow
def test_sensors_are_listed_with_what_to_do(edge: Cli) -> None:
    """Each sensor by name, in 80 columns and in JSON; on a machine that has none no joule and no watt is printed."""
    text, found = edge("list", "sensors"), edge("list", "sensors", "--json").json()
    assert (text.code, fits_a_pipe(text.out)) == (0, True)
    assert sorted(one["name"] for one in found["sensors"]) == sorted(plugins.names("sensors"))
    assert [name for name in plugins.names("sensors") if name not in text.out.split()] == []
    if not any(one["gauges"] for one in found["sensors"]):
        assert text.out.startswith("Energy: there is no sensor here that can be read")
        assert not re.search(r"\d [mu]?[JW]\b", text.out)


@pytest.mark.slow
def test_energy_without_a_sensor_is_said_and_not_made_up(edge: Cli, tmp_path: Path) -> None:
    """In a tree without any: no joule in the answer or the tables, no energy in the files, the proxy in its columns."""
    options = ("--energy", "--model", "lenet5", "--backend", "null:work=2000", "--invocations", "1", "--results", "out")
    bare = tmp_path / "bare"
    bare.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ROOT_VARIABLE, str(bare))
        done = edge("run", *options)
    assert done.code == 0
    said = " ".join(done.out.split())
    assert "Energy was not measured, so none is given: " in said
    assert "`edgebench list sensors` says what can be done." in said
    assert not re.search(r"\d [mu]?J\b", done.out)
    (path,) = (tmp_path / "out" / "host").glob("*/trials.csv")
    with path.open(newline="") as file:
        row, _ = csv.DictReader(file)
    assert {row[name] for name in row if name.startswith("energy_") and name != "energy_reason"} == {""}
    assert float(row["proxy_cpu_energy_j_low"]) > 0
    assert (path.parent / "energy.csv").read_text().count("\n") == 1


def test_devices_are_listed(edge: Cli) -> None:
    """Each kind of board stands whole in the list, with its status."""
    text, found = edge("devices", "list"), edge("devices", "list", "--json").json()
    names = {device["name"] for device in found["kinds"]}
    assert {"x86", "rpi4", "rpi5", "jetson-orin-nano"} <= names
    assert names <= set(text.out.split())
    assert fits_a_pipe(text.out)
    assert all(device["status"] for device in found["kinds"])
    assert found["units"] == []
    assert "boards.toml" not in text.out


def test_units_are_listed_below_the_kinds(edge: Cli, tmp_path: Path) -> None:
    """Each unit of boards.toml has a row with its kind and address; a broken file is one sentence, and no list."""
    units = '[kitchen]\ndevice = "rpi5"\nhost = "pi@10.0.0.5"\n[desk]\ndevice = "x86"\n'
    (tmp_path / "boards.toml").write_text(units)
    done, found = edge("devices", "list"), edge("devices", "list", "--json").json()["units"]
    rows = [line.split(maxsplit=2) for line in done.out.splitlines()[-3:]]
    assert ["kitchen", "rpi5", "pi@10.0.0.5"] in [[cell.strip() for cell in row] for row in rows]
    assert ["desk", "x86", "this machine"] in [[cell.strip() for cell in row] for row in rows]
    assert [(one["name"], one["device"], one["host"]) for one in found] == [
        ("kitchen", "rpi5", "pi@10.0.0.5"),
        ("desk", "x86", None),
    ]
    (tmp_path / "boards.toml").write_text("[kitchen]\nkind = 'rpi5'\n")
    broken = edge("devices", "list")
    assert (broken.code, broken.out) == (2, "")
    assert broken.err.startswith("edgebench: boards.toml: unknown key kitchen.kind: expected one of device, ")


def test_a_device_is_shown_as_its_file(edge: Cli) -> None:
    """`show` prints the TOML file with its sources, below the path of the file; --json prints the record."""
    done, record = edge("devices", "show", "rpi4"), edge("devices", "show", "rpi4", "--json").json()
    assert done.out.startswith("# /")
    assert "[[source]]" in done.out
    assert record["name"] == "rpi4"


def test_a_device_of_the_current_folder_is_known(edge: Cli, tmp_path: Path) -> None:
    """A TOML file in ./devices adds a kind of board, which can be checked and planned for."""
    (tmp_path / "devices").mkdir()
    (tmp_path / "devices" / "my-pc.toml").write_text(
        'name = "my-pc"\ntitle = "The PC on my desk"\nstatus = "not run on hardware"\n'
        f'[match]\nmachine = "{os.uname().machine}"\n'
        '[run]\nbackends = ["null"]\nprecisions = ["fp32"]\nthreads = [1]\n'
    )
    assert "my-pc" in edge("devices", "list").out
    assert edge("devices", "check", "my-pc").out.startswith("This machine is of the kind my-pc (The PC on my desk).\n")
    done = edge("run", "--device", "my-pc", "--model", "lenet5", "--dry-run", "--json")
    assert done.json()["trials"] == ["lenet5|null|fp32|threads=1|batch=1"]


def test_this_machine_is_checked(edge: Cli) -> None:
    """`check` says of which kind this machine is and what it says of itself, in 80 columns and in JSON."""
    done, found = edge("devices", "check"), edge("devices", "check", "--json").json()
    assert done.code == 0
    assert done.out.startswith(f"This machine is of the kind {found['device']} ")
    assert found["facts"]["machine"] == os.uname().machine
    assert fits_a_pipe(done.out)


def test_the_cache_is_told_and_cleared(edge: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`cache` tells folder and size; --clear says what it freed, and after it there is nothing."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    kept = tmp_path / "edgebench" / "artefacts" / "net" / "weights.pt"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(bytes(3 * 2**20))
    assert edge("cache").out == f"{tmp_path}/edgebench: holds 3.00 MiB.\n"
    assert edge("cache", "--json").json() == {"folder": f"{tmp_path}/edgebench", "size_bytes": 3 * 2**20}
    assert edge("cache", "--clear").out == f"{tmp_path}/edgebench: freed 3.00 MiB.\n"
    assert edge("cache", "--json").json()["size_bytes"] == 0
    assert not kept.exists()


def test_the_version_is_the_packages(edge: Cli) -> None:
    """--version prints the version alone."""
    done = edge("--version")
    assert (done.code, done.out, done.err) == (0, f"{edgebench.__version__}\n", "")


def test_the_module_is_the_program() -> None:
    """`python -m edgebench` calls itself edgebench, and its help names every command without colours."""
    done = subprocess.run([sys.executable, "-m", "edgebench", "--help"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Usage: edgebench ")
    for command in ("run", "count", "recompute", "cache", "devices", "list"):
        assert f"\n  {command} " in done.stdout
    assert fits_a_pipe(done.stdout)


# --- runs ------------------------------------------------------------------------------------------------------------


def test_a_dry_run_measures_nothing(edge: Cli, tmp_path: Path) -> None:
    """--dry-run says trials, sessions and time, and leaves nothing in the results folder."""
    options = ("run", "--dry-run", "--model", "lenet5", "--backend", "null", "--batch", "1", "--batch", "4")
    text, plan = edge(*options), edge(*options, "--json").json()
    assert text.code == 0
    assert text.out.startswith("2 trials in 1 session on host (")
    assert plan["trials"] == [f"lenet5|null|fp32|threads=1|batch={batch}" for batch in (1, 4)]
    for trial in plan["trials"]:
        assert f"\n  {trial}\n" in text.out
    assert [session["name"] for session in plan["sessions"]] == ["s1"]
    assert plan["measuring_s"] > 0
    assert not (tmp_path / "results").exists()


def test_a_run_is_told_in_json(null_run: tuple[Path, Done]) -> None:
    """--json prints the run folder and the rows of the tables, every column, and nothing else on stdout."""
    folder, done = null_run
    told = done.json()
    assert folder.name in told["folder"]
    kinds = {"trials": TrialRow, "pairs": PairRow, "backends": BackendRow, "layers": LayerRow}
    assert told.keys() == {"folder", *kinds, "minutes", "verdicts", "images"}
    assert told["verdicts"] == []  # two backends of one model have no consequences
    for name, kind in kinds.items():
        for row in told[name]:
            assert list(row) == [field.name for field in fields(kind)]
    assert [row["status"] for row in told["trials"]] == ["done"] * 3
    assert [row["invocations"] for row in told["trials"]] == [5] * 3


def test_a_run_finds_the_longer_chain_slower(null_run: tuple[Path, Done]) -> None:
    """Twice the multiplications take longer, with an interval that says so; the twin stands beside the pair."""
    told = null_run[1].json()
    pairs = {row["by"]: row for row in told["pairs"]}
    assert sorted(pairs) == ["backend", "twin"]
    assert (pairs["backend"]["subject_backend"], pairs["backend"]["invocations"]) == ("null:work=4000", 5)
    assert pairs["backend"]["latency_ratio_low"] > 1
    assert pairs["backend"]["twin_ratio"] == pairs["twin"]["latency_ratio"]
    best = [row["backend"] for row in told["backends"] if row["best"]]
    assert best == ["null:work=2000"] * bool(best)  # none where the machine is so busy that its figures are INVALID


def test_progress_goes_to_stderr(null_run: tuple[Path, Done]) -> None:
    """What is going to happen, then a line between invocations, all on stderr, which a pipe does not see."""
    first, memory, *others = null_run[1].err.splitlines()
    assert first.startswith("2 trials in 1 session on host (")
    assert memory.startswith("Session s1: memory was taken in ")
    assert [line.split(" took ")[0] for line in others] == [
        f"Session s1: invocation {number} of 5" for number in range(1, 6)
    ]


def test_a_run_leaves_its_files(null_run: tuple[Path, Done]) -> None:
    """A run folder holds the journal, its tables, and no spool or draft."""
    tables = ["backends", "energy", "layers", "minutes", "pairs", "rounds", "trials", "verdicts"]
    names = ["context.json", "journal.jsonl", "samples.csv.gz", *(f"{table}.csv" for table in tables)]
    assert sorted(path.name for path in null_run[0].iterdir()) == sorted(names)
    with gzip.open(null_run[0] / "samples.csv.gz", "rt") as file:
        text = file.read()
    for phase in ("first", "start_up", "warm_up", "priming", "steady"):
        assert f",{phase}," in text


def test_recompute_makes_the_same_files(edge: Cli, null_run: tuple[Path, Done]) -> None:
    """All derived files of a real run, deleted, come back to the byte, and the rows to the digit."""
    folder, first = null_run
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for name in before:
        if name != "journal.jsonl":
            (folder / name).unlink()
    again = edge("recompute", str(folder), "--json").json()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    told = first.json()
    assert {name: again[name] for name in told if name != "folder"} == {
        name: told[name] for name in told if name != "folder"
    }


def test_a_run_is_told_in_words(edge: Cli, null_run: tuple[Path, Done]) -> None:
    """The answer comes first, tables follow, the run folder comes last; 80 columns, no colours."""
    done = edge("recompute", str(null_run[0]))
    assert (done.code, done.err) == (0, "")
    assert re.match("lenet5(:| has no fastest backend:) null:work=2000 takes ", done.out)  # a busy machine is INVALID
    assert done.out.endswith(f"Run folder: {null_run[0]}\n")
    tables = done.out.removesuffix(f"Run folder: {null_run[0]}\n")
    assert fits_a_pipe(tables)
    assert "\nCheck: lenet5 in null:work=2000 against itself is " in tables
    assert "Trials: latency with 95 % interval" in tables


def test_a_run_is_read_as_data_frames(null_run: tuple[Path, Done]) -> None:
    """From Python a run is rows and frames, made from the journal alone."""
    result = edgebench.read(null_run[0])
    assert not result.lost
    frames = result.tables()
    names = ["trials", "pairs", "backends", "rounds", "energy", "minutes", "layers", "samples", "verdicts"]
    assert list(frames) == names
    assert len(frames["trials"]) == len(result.summary.trials) == 3
    assert len(frames["rounds"]) == len(result.run.blocks)


@pytest.mark.slow
def test_a_real_runtime_is_told_in_json(edge: Cli) -> None:
    """LeNet-5 in onnxruntime is converted and measured; parity, precision, threads and memory are in its row."""
    options = ("--model", "lenet5", "--backend", "onnxruntime", "--invocations", "1", "--results", "out")
    done = edge("run", *options, "--json")
    assert done.code == 0
    row, twin = done.json()["trials"]
    assert (row["status"], row["format"], row["precision_found"], row["threads_found"]) == ("done", "onnx", "fp32", 1)
    assert row["latency_p50_s"] > 0
    assert row["latency_p50_low_s"] is None
    assert row["parity_max_abs_diff"] <= 1e-3 * row["parity_scale"]
    assert row["memory_peak_bytes"] > 0
    assert row["artefact_sha256"] == twin["artefact_sha256"]
    assert "parity" not in row["flags"].split()


# --- refusals --------------------------------------------------------------------------------------------------------

REFUSED = [
    ("count --by layer lenet5", "--by is 'layer': expected kind or convention."),
    ("count --convention macs lenet5", "The convention is 'macs': expected weights-only"),
    ("count lenet5:width=1", "Unknown parameter 'width' of lenet5: expected kind."),
    ("run --budget soon", "The budget is 'soon': expected a number with s, m or h, such as 10m."),
    ("run --budget 10", "The budget is '10': expected a number with s, m or h, such as 10m."),
    ("run --sustained 10", "The time of --sustained is '10': expected a number with s, m or h, such as 10m."),
    ("run --budget -5m", "The budget is '-5m'"),
    ("run --resume --model lenet5", "--resume goes on with a run as it was planned: "),
    ("run --resume --dry-run", "--resume goes on with a run as it was planned: "),
    ("run --resume", "results/host holds no unfinished run: there is nothing to resume."),
    ("run --backend null --threads 9999 --model lenet5", "9999 threads asked for: this board lets us use 1 to "),
    ("run --backend null:wrok=1 --model lenet5", "Unknown option 'wrok=1' of backend null: expected work=...."),
    ("run --backend null --precision int3 --model lenet5", "null has no precision 'int3': expected fp32."),
    ("recompute nowhere", "nowhere is no run folder: expected a file journal.jsonl in it."),
]


@pytest.mark.parametrize(("command", "message"), REFUSED, ids=[command for command, _ in REFUSED])
def test_a_refusal_is_one_sentence(edge: Cli, command: str, message: str) -> None:
    """Wrong use is one line on stderr with what was expected, nothing on stdout, code 2, and no traceback."""
    done = edge(*command.split())
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"edgebench: {message}")
    assert done.err.count("\n") == 1
    assert done.err.endswith(".\n")


@pytest.mark.parametrize(
    "command", ["count", "count --batch 0 lenet5", "run --invocations 0", "run --nosuch", "nosuch", "list nosuch"]
)
def test_what_cannot_be_parsed_is_wrong_use(edge: Cli, command: str) -> None:
    """Unknown commands and options, missing arguments and values out of range are code 2 with usage on stderr."""
    done = edge(*command.split())
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Usage: edgebench ")
    assert "Traceback" not in done.err


def test_a_refusal_is_the_same_as_a_process(tmp_path: Path) -> None:
    """What a shell sees of a refusal is the sentence and the code."""
    command = [sys.executable, "-m", "edgebench", "recompute", "nowhere"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "edgebench: nowhere is no run folder: expected a file journal.jsonl in it.\n"
