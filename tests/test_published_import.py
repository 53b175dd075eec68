"""scripts/import_published_latency: which rows it takes, what it says of the others, and that it repeats itself."""

import csv
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edgebench.store import published

SCRIPT = Path(__file__).parents[1] / "scripts" / "import_published_latency"
COLUMNS = [
    "source_path",
    "source_line",
    "device",
    "runtime",
    "runtime_version_or_date",
    "accelerator",
    "threads",
    "precision",
    "model",
    "batch",
    "input",
    "avg_ms",
    "statistic",
    "note",
]
POWER = ["device", "runtime", "model", "latency_mean_ms", "energy_per_inference_mj", "energy_above_idle_mj"]
TABLES = {
    "qualcomm_ai_hub_classification.csv": [
        {
            "device": "Samsung Galaxy S24",
            "runtime": "tflite",
            "runtime_version_or_date": "tflite=2.17.0",
            "accelerator": "npu",
            "precision": "w8a8",
            "model": "mobilenet_v2",
            "input": "224x224",
            "avg_ms": "0.5",
            "note": "layers={'total': 72, 'npu': 70, 'cpu': 2}; job=j1",
        },
        {"model": "vit", "input": "224x224"},
        {"model": "mobilenet_v2", "input": "192x192"},
    ],
    "dli_sync.csv": [
        {
            "source_path": "onnxruntime-docker.xlsx",
            "device": "Intel(R) Core(TM) i7-8700 CPU @ 3.20GHz",
            "runtime": "ONNX Runtime Python",
            "runtime_version_or_date": "onnxruntime-python-1.14.0-docker-30-10-2023",
            "accelerator": "cpu",
            "precision": "FP32",
            "model": "vgg16-12",
            "batch": "1.0",
            "input": "[1, 3, 224, 224]",
            "avg_ms": "52.6177",
            "note": "Iteration count: 1000",
        },
    ],
    "tflite_measurement_page.csv": [
        {"device": "Pixel 3", "accelerator": "nnapi", "precision": "fp32", "model": "Mobilenet_1.0_224(float)"},
    ],
    "mnasnet_pixel1.csv": [],
    "mnn_benchmark.csv": [
        {
            "device": "HUAWEI P10",
            "runtime": "MNN",
            "runtime_version_or_date": "2019-5-7",
            "accelerator": "vulkan",
            "threads": "4",
            "model": "vgg16",
            "avg_ms": "235.711",
            "statistic": "mean/min/max of 20 loops",
        },
    ],
    "ncnn_benchncnn.csv": [
        {
            "source_line": str(line),
            "device": "NVIDIA Jetson Nano",
            "runtime": "ncnn",
            "runtime_version_or_date": "2022-01-03",
            "accelerator": accelerator,
            "threads": "4",
            "precision": precision,
            "model": model,
            "avg_ms": "30.10",
            "note": f"run=5; loops=8; powersave=2; cooling_down=0{doubt}",
        }
        for line, accelerator, precision, model, doubt in (
            (9, "cpu", "int8", "mobilenet_int8", "; SUSPECT avg>1.5*min"),
            (8, "gpu(vulkan)", "int8", "mobilenet_int8", ""),
            (7, "cpu", "ncnn default (fp16 storage/arith where supported, else fp32)", "mobilenet", ""),
        )
    ],
    "tengine_benchmark.csv": [],
    "timm_infer.csv": [],
    "torch2trt_jetson.csv": [],
    "xnnpack_end2end.csv": [
        {
            "device": "RPi 4 (BCM2711)",
            "runtime": "XNNPACK end2end_bench",
            "runtime_version_or_date": "2022-02-08",
            "accelerator": "cpu",
            "threads": "multi-threaded (all cores)",
            "precision": "fp32",
            "model": "MobileNet v1 1.0X",
            "avg_ms": "75",
        },
    ],
}


def write(path: Path, columns: list[str], rows: list[dict[str, str]]) -> None:
    """Write a table; what a row does not have is empty, and its batch 1."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows({"batch": "1", **row} if "batch" in columns else row for row in rows)


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """Write small tables of all sources, and return their folder."""
    folder = tmp_path / "tables"
    folder.mkdir()
    for name, rows in TABLES.items():
        write(folder / name, COLUMNS, rows)
    power = [
        {"device": "rpi", "runtime": "tflite", "model": "mn2", "latency_mean_ms": "193.0"},
        {"device": "rpi", "runtime": "tflite", "model": "mn2q", "latency_mean_ms": "128.0"},
    ]
    write(folder / "deepedgebench_power.csv", POWER, [{**dict.fromkeys(POWER, "2"), **row} for row in power])
    return folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Return a folder with what the import needs to know: sources, boards and names."""
    folder = tmp_path / "out"
    folder.mkdir()
    for name in (published.SOURCES, published.BOARDS, published.NAMES):
        shutil.copy(published.folder() / name, folder)
    return folder


def bring(tables: Path, out: Path) -> subprocess.CompletedProcess[str]:
    """Run the import."""
    command = [sys.executable, str(SCRIPT), str(tables), "--out", str(out)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_rows_are_brought_in_and_the_others_counted(tables: Path, out: Path) -> None:
    """Each source's row becomes one of ours with what it states; what is left out is said with its reason."""
    done = bring(tables, out)
    assert done.returncode == 0, done.stderr
    rows = {(row.source, row.model): row for row in published.read(out).rows}
    assert len(rows) == 5
    hub, dli = rows["ai-hub", "mobilenet_v2"], rows["dli", "vgg:depth=16"]
    assert (hub.backend, hub.statistic, hub.note) == ("npu", "not stated", "2 of 72 layers elsewhere")
    assert (dli.version, dli.date, dli.settings, dli.threads) == ("1.14.0", "2023-10-30", "docker", None)
    assert (dli.batch, dli.runs, dli.latency_s) == (1, 1000, 0.0526177)
    mnn, xnnpack = rows["mnn", "vgg:depth=16"], rows["xnnpack", "mobilenet_v1"]
    assert (mnn.backend, mnn.date, mnn.precision, mnn.runs) == ("gpu", "2019-05-07", None, 20)
    assert (xnnpack.threads, xnnpack.settings) == (4, "multi-threaded (all cores)")
    told = {line.strip() for line in done.stdout.splitlines()}
    assert told >= {
        "1  other networks",
        "1  mobilenet_v2 at side 192: not among the names",
        "1  int8 in a Vulkan run, which ncnn computed on the CPU",
        "1  nnapi: which processor computed is not stated",
        "xnnpack: 1 rows of 1 boards",
    }


def test_precision_cores_and_doubts_are_kept(tables: Path, out: Path) -> None:
    """Of ncnn's rows the precision, the cores, the run and a disturbed mean come along, in the order of the rows."""
    bring(tables, out)
    first, second = (row for row in published.read(out).rows if row.source == "ncnn")
    assert (first.precision, first.doubt, first.line) == ("fp16 or fp32", None, 7)
    assert (second.precision, second.doubt, second.line) == ("int8", "mean above 1.5 times the minimum", 9)
    assert (first.settings, first.run, first.runs, first.latency_s) == ("powersave 2", 5, 8, 0.0301)


def test_a_source_without_a_licence_becomes_ratios(tables: Path, out: Path) -> None:
    """No row of it is written, only ratios with four digits."""
    bring(tables, out)
    assert not (out / "deepedgebench.csv").exists()
    found = {figure.quantity: figure.ratio for figure in published.read(out).derived}
    assert found == {"latency_ratio": 1.508, "energy_ratio": 1.0, "energy_above_idle_ratio": 1.0}


def test_the_same_tables_give_the_same_files(tables: Path, out: Path) -> None:
    """A second import changes nothing, and no file names the folder it came from."""
    bring(tables, out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    assert bring(tables, out).returncode == 0
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert [name for name, text in before.items() if str(tables.parent).encode() in text] == []


def test_a_board_that_is_not_listed_stops_the_import(tables: Path, out: Path) -> None:
    """A new board must be sorted into a kind before its rows come in."""
    row = {**TABLES["mnn_benchmark.csv"][0], "device": "Fairphone 3"}
    write(tables / "mnn_benchmark.csv", COLUMNS, [row])
    done = bring(tables, out)
    assert (done.returncode, done.stderr) == (
        2,
        "Found the board 'Fairphone 3' in mnn_benchmark.csv: expected it in boards.csv.\n",
    )


def test_a_table_that_is_missing_is_named(tables: Path, out: Path) -> None:
    """A folder without all tables is refused with the one that is missing."""
    (tables / "timm_infer.csv").unlink()
    done = bring(tables, out)
    assert done.returncode == 2
    assert "timm_infer.csv: cannot be read" in done.stderr
