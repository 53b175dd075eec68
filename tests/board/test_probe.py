"""The probe over fake trees, one folder a board in tests/data/boards, and over the machine the tests run on."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgebench.board import probe as module
from edgebench.board.probe import (
    cpu_flags,
    cpu_model,
    parse_cpu_list,
    parse_cpuinfo,
    parse_meminfo,
    parse_os_release,
    probe,
)

BOARDS = sorted(path.parent for path in (Path(__file__).parents[1] / "data/boards").glob("*/facts.json"))


@pytest.mark.parametrize("root", BOARDS, ids=lambda root: root.name)
def test_tree_gives_its_facts(root: Path) -> None:
    """The facts of a recorded tree are those written beside it, all of them and nothing else."""
    assert probe(root) == json.loads((root / "facts.json").read_text())


def test_empty_tree_gives_no_fact_and_no_error(tmp_path: Path) -> None:
    """Without files every fact is None or an empty list, and nothing raises."""
    facts = probe(tmp_path)
    assert {key for key, value in facts.items() if value not in (None, [])} == set()
    assert facts.keys() == probe(Path("/")).keys()


def test_this_machine_is_probed() -> None:
    """Under "/" the running process is asked, and the result survives JSON."""
    facts = probe()
    assert facts["machine"] == os.uname().machine
    assert facts["cpus_allowed"] == sorted(os.sched_getaffinity(0))
    assert facts["cores"] >= len(facts["cpus_allowed"])
    assert facts["python"] == sys.version.split()[0].rstrip("+")
    assert facts["userland_bits"] in (32, 64)
    assert facts["memory_total_bytes"] > facts["memory_available_bytes"] > 0
    assert json.loads(json.dumps(facts)) == facts


def test_host_name_is_not_recorded() -> None:
    """Facts never hold the machine's name: they are published with results."""
    assert "hostname" not in probe()
    assert "nodename" not in Path(module.__file__).read_text()


def test_import_is_cheap() -> None:
    """The agent imports the probe on a board of 512 MB: no third-party module comes with it."""
    code = "import sys; import edgebench.board.probe; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "psutil", "pydantic", "platform", "edgebench.errors"} & set(run.stdout.split())


def test_unreadable_and_odd_files_are_none(tmp_path: Path) -> None:
    """A folder in place of a file, a policy that is off and a number that is none are facts that cannot be read."""
    (tmp_path / "proc/meminfo").mkdir(parents=True)
    policy = tmp_path / "sys/devices/system/cpu/cpufreq/policy0"
    policy.mkdir(parents=True)
    (policy / "scaling_cur_freq").write_text("<unknown>\n")
    (tmp_path / "sys/devices/system/cpu/cpufreq/boost").write_text("1\n")
    (tmp_path / "sys/devices/system/cpu/cpufreq/policyX").mkdir()
    facts = probe(tmp_path)
    assert facts["memory_total_bytes"] is None
    assert facts["clocks"] == [{"cores": None, "governor": None, "max_hz": None, "limit_hz": None, "now_hz": None}]


def test_cores_are_counted_in_cpuinfo_where_sys_is_hidden(tmp_path: Path) -> None:
    """A container without /sys still knows its processors."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text("processor\t: 0\n\nprocessor\t: 1\n\nModel\t: Board\n")
    assert probe(tmp_path)["cores"] == 2


def test_governors_that_differ_are_all_named(tmp_path: Path) -> None:
    """Two policies with different governors give both, none hides the other."""
    for number, governor in ((0, "schedutil"), (4, "performance"), (6, "schedutil")):
        policy = tmp_path / f"sys/devices/system/cpu/cpufreq/policy{number}"
        policy.mkdir(parents=True)
        (policy / "scaling_governor").write_text(f"{governor}\n")
    assert probe(tmp_path)["governor"] == "schedutil + performance"


def test_big_little_names_both_cores() -> None:
    """A chip with two sorts of cores has both in its name, and only the instructions that both know."""
    text = (
        "processor : 0\nFeatures : fp asimd\nCPU implementer : 0x41\nCPU part : 0xd05\n\n"
        "processor : 1\nFeatures : fp asimd asimddp\nCPU implementer : 0x41\nCPU part : 0xd0b\n"
    )
    processors = parse_cpuinfo(text)
    assert cpu_model(processors) == "Cortex-A55 + Cortex-A76"
    assert cpu_flags(processors) == ["fp", "asimd"]


def test_part_numbers_of_other_implementers_are_not_named_as_arm_cores() -> None:
    """Part numbers belong to their implementer: what Linux prints stands where ours are not meant."""
    denver = {"CPU implementer": "0x4e", "CPU part": "0xd08", "model name": "ARMv8 Processor rev 0 (v8l)"}
    assert cpu_model([denver]) == "ARMv8 Processor rev 0 (v8l)"
    assert cpu_model([]) is None


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("0\n", [0]), ("0-3", [0, 1, 2, 3]), ("0,2-3", [0, 2, 3]), ("", None), (None, None), ("0-", [0]), ("a-b", None)],
)
def test_cpu_list(text: str | None, numbers: list[int] | None) -> None:
    """A kernel list becomes its numbers; what is no list is None."""
    assert parse_cpu_list(text) == numbers


def test_meminfo_takes_only_sizes() -> None:
    """Entries without a unit are counts, not bytes."""
    assert parse_meminfo("MemTotal: 2 kB\nHugePages_Total: 7\nBroken: kB\n\nnonsense") == {"MemTotal": 2048}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("PRETTY_NAME='Alpine Linux v3.20'\n", "Alpine Linux v3.20"),
        ("PRETTY_NAME=Arch\n", "Arch"),
        ('PRETTY_NAME="never closed\n', '"never closed'),
        ("NAME=Debian\n", None),
        ("PRETTY_NAME=\n", None),
    ],
)
def test_os_release(text: str, name: str | None) -> None:
    """PRETTY_NAME is read as a shell would read it."""
    assert parse_os_release(text) == name


def test_a_device_tree_is_found_without_its_link(tmp_path: Path) -> None:
    """/proc/device-tree is a link into /sys; where /proc is another kernel's, /sys alone has the tree."""
    tree = tmp_path / "sys/firmware/devicetree/base"
    tree.mkdir(parents=True)
    (tree / "model").write_text("A board\0")
    assert probe(tmp_path)["device_tree_model"] == "A board"


def test_a_stand_in_says_so_by_its_sessions_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel does not tell what it is built for, the variable that stand-ins set does."""
    assert probe()["emulated"] is False
    monkeypatch.setenv("EDGEBENCH_STANDIN", "rpi4-emulated")
    assert probe()["emulated"] is True
