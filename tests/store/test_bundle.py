import io
import json
import resource
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgebench.errors import UsageError
from edgebench.formats import content_folder
from edgebench.store import archive, bundle
from edgebench.store.bundle import Bundle
from edgebench.store.manifest import PackedModel
from tests.store.bundling import MANIFEST, Edit, content, counted, edited, made, npz, rewritten, with_arrays

MIB = 2**20


@pytest.fixture
def good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bundle:
    """Return a bundle of two models, and keep what is unpacked in this test's folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return made(tmp_path)


def everything(path: Path) -> dict[str, Path]:
    """Read, verify and unpack a bundle."""
    found = bundle.read(path)
    bundle.verify(found)
    return bundle.unpack(found, [file.name for file in found.manifest.files])


def refusal(path: Path) -> str:
    """Return the one sentence with which a bundle is refused; nothing of it may have been written by then."""
    before = sorted(path.parent.rglob("*"))
    with pytest.raises(UsageError) as refused:
        everything(path)
    assert sorted(path.parent.rglob("*")) == before
    sentence = str(refused.value)
    assert sentence.isprintable()
    assert sentence.startswith(f"{path} ")
    assert sentence.endswith(".")
    return sentence.removeprefix(f"{path} cannot be used as a bundle: ").removesuffix(
        "; make it again with `edgebench pack`."
    )


# --- a bundle as it should be ----------------------------------------------------------------------------------------


def test_what_was_packed_is_what_comes_out(good: Bundle) -> None:
    """Reading returns the manifest that was written, and unpacking the very files."""
    assert bundle.read(good.path) == good
    packed = good.find("vgg:depth=16", 1, "onnx")
    assert isinstance(packed, PackedModel)
    paths = everything(good.path)
    assert paths[packed.artefact].read_text() == "the weights of vgg:depth=16"
    assert {path.parent for path in paths.values()} == {content_folder()}
    record = good.converted(packed)
    assert (record.sha256, record.size_bytes) == (packed.artefact[6:70], len("the weights of vgg:depth=16"))


def test_a_shared_file_is_stored_once(good: Bundle) -> None:
    """Two models of one input and reference are two artefacts, two arrays and the manifest."""
    names = zipfile.ZipFile(good.path).namelist()
    assert [Path(name).suffix for name in names[:1]] == [".json"]
    assert sorted(Path(name).suffix for name in names[1:]) == [".npz", ".npz", ".onnx", ".onnx"]


def test_the_same_content_is_the_same_file(good: Bundle, tmp_path: Path) -> None:
    """Two bundles of one content are equal byte by byte, whatever the clock says and the files are called."""
    (tmp_path / "again").mkdir()
    assert made(tmp_path / "again").path.read_bytes() == good.path.read_bytes()


def test_unpacking_twice_writes_nothing(good: Bundle) -> None:
    """What lies in the cache already is not written again; what is only half there is."""
    paths = everything(good.path)
    before = {path: path.stat().st_mtime_ns for path in paths.values()}
    assert everything(good.path) == paths
    assert {path: path.stat().st_mtime_ns for path in paths.values()} == before
    half = next(iter(paths.values()))
    whole = half.read_bytes()
    half.write_bytes(whole[:3])
    everything(good.path)
    assert half.read_bytes() == whole


def test_a_large_bundle_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond 2 GiB a zip ends in other records: they are written, understood, and refused where they lie."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 200)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = made(tmp_path).path
    data = path.read_bytes()
    assert data[-42:-38] == b"PK\6\7"
    assert len(everything(path)) == 4
    path.write_bytes(data[:-34] + b"\x01" + data[-33:])  # where the locator says that the record stands
    assert refusal(path) == "it does not end like a zip"


def test_a_bundle_that_cannot_be_written_is_one_sentence(good: Bundle, tmp_path: Path) -> None:
    """Where the file cannot be made the error names it, and nothing half is left."""
    with pytest.raises(UsageError, match=r"nowhere/b\.zip cannot be written \(No such file or directory\)"):
        bundle.write(tmp_path / "nowhere" / "b.zip", good.manifest, {})


def test_a_cache_that_cannot_be_written_is_one_sentence(good: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing can be unpacked the error names the folder and the variable that chooses another."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(good.path))
    with pytest.raises(UsageError, match=r"artefacts/brought cannot be written \(Not a directory\).*XDG_CACHE_HOME"):
        everything(good.path)


def test_another_bundle_in_its_place_is_seen(good: Bundle, tmp_path: Path) -> None:
    """A bundle that was replaced between reading and unpacking is not taken for the first."""
    (tmp_path / "other").mkdir()
    made(tmp_path / "other", counted("lenet5")).path.replace(good.path)
    with pytest.raises(UsageError, match="it was replaced by another"):
        bundle.verify(good)


# --- zips that are none, or lie --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "it is no zip"),
        (b"PK\5\6", "it is no zip"),
        (b"not a zip at all, but text", "it does not end like a zip"),
        (b"PK\5\6" + bytes(18), "it holds no manifest.json"),
    ],
)
def test_what_is_no_bundle_is_refused(data: bytes, message: str, tmp_path: Path) -> None:
    """Anything but a bundle is one sentence that says what was found."""
    path = tmp_path / "bundle.zip"
    path.write_bytes(data)
    assert refusal(path) == message


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A folder, or nothing, is not waited for."""
    for path in (tmp_path, tmp_path / "nothing.zip"):
        with pytest.raises(UsageError, match=r"is no file: expected a bundle that `edgebench pack` made\.$"):
            bundle.read(path)


def test_a_truncated_bundle_is_refused(good: Bundle) -> None:
    """Cut anywhere, a bundle is refused: its list of members stands at the end."""
    data = good.path.read_bytes()
    for length in range(0, len(data), 37):
        good.path.write_bytes(data[:length])
        refusal(good.path)


@pytest.mark.parametrize("where", ["before", "after"])
def test_what_stands_around_a_bundle_is_refused(where: str, good: Bundle) -> None:
    """A zip with other data before or after it is not searched for."""
    data = good.path.read_bytes()
    good.path.write_bytes(b"x" + data if where == "before" else data + b"x")
    refusal(good.path)


NAMES = [
    "../evil",
    "files/../../evil",
    "/tmp/evil",  # noqa: S108 - never written
    "C:\\evil",
    "..\\evil",
    "files/evil",
    "files/",
    "\x1b[2Jevil\n",
    f"files/{64 * '0'}.onnx",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_member_that_is_not_listed_is_refused(name: str, good: Bundle) -> None:
    """Whatever a member is called, what the manifest does not list is not taken, nor written anywhere."""
    with zipfile.ZipFile(good.path, "a") as zipped:
        zipped.writestr(name, b"evil")
    assert refusal(good.path).startswith(("it holds a file too many, ", "its member files/ is no plain file"))


@pytest.mark.parametrize("name", NAMES)
def test_a_listed_member_has_a_name_of_its_content(name: str, good: Bundle) -> None:
    """A manifest cannot list a file under a name of its own choice."""

    def rename(fields: dict[str, Any]) -> None:
        fields["files"][0]["name"] = fields["packed"][0]["artefact"] = name

    edited(good.path, rename)
    assert "is no name of a file in it" in refusal(good.path)


def rebuilt(path: Path, change: Callable[[zipfile.ZipInfo], None]) -> None:
    """Write a bundle again with its members changed before they are written."""
    members = content(path)
    with zipfile.ZipFile(path, "w") as zipped:
        for name, data in members.items():
            entry = zipfile.ZipInfo(name)
            if name != MANIFEST:
                change(entry)
            zipped.writestr(entry, data)


def test_a_link_is_refused(good: Bundle) -> None:
    """A member that says it is a symbolic link is no file."""

    def link(entry: zipfile.ZipInfo) -> None:
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16

    rebuilt(good.path, link)
    assert refusal(good.path).endswith("is no plain file")


def test_a_compressed_member_is_refused(good: Bundle) -> None:
    """Nothing is inflated: the classic bomb ends before its first byte."""

    def deflate(entry: zipfile.ZipInfo) -> None:
        entry.compress_type = zipfile.ZIP_DEFLATED

    rebuilt(good.path, deflate)
    assert refusal(good.path).endswith("is compressed")
    with zipfile.ZipFile(good.path, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr(MANIFEST, bytes(64 * MIB))
    assert refusal(good.path) == "its member manifest.json is compressed"


def patched(path: Path, offset: int, data: bytes) -> None:
    """Overwrite a field of the first entry in a zip's list of members (APPNOTE 4.3.12)."""
    whole = bytearray(path.read_bytes())
    start = int.from_bytes(whole[-6:-2], "little") + offset
    whole[start : start + len(data)] = data
    path.write_bytes(whole)


def test_an_encrypted_member_is_refused(good: Bundle) -> None:
    """A flag that is never set by `pack` is not interpreted."""
    patched(good.path, 8, b"\1")
    assert refusal(good.path) == "its member manifest.json is encrypted or otherwise unusual"


def test_a_member_cannot_be_larger_than_the_bundle(good: Bundle) -> None:
    """Sizes that add up to more than the file are refused before anything is read."""
    patched(good.path, 20, (2**31).to_bytes(4, "little") * 2)
    assert refusal(good.path) == "its members overlap"


def test_two_members_of_one_name_are_refused(good: Bundle) -> None:
    """Which of two one gets is no question to be asked."""
    with zipfile.ZipFile(good.path, "a") as zipped, pytest.warns(UserWarning, match="Duplicate name"):
        zipped.writestr(MANIFEST, b"{}")
    assert refusal(good.path) == "two of its members have one name"


def test_a_name_that_ends_early_is_refused(good: Bundle) -> None:
    """A NUL in a name hides what comes after it from some readers: not from this one."""
    with zipfile.ZipFile(good.path, "a") as zipped:
        zipped.writestr("evilXname", b"")
    good.path.write_bytes(good.path.read_bytes().replace(b"evilXname", b"evil\0name"))
    assert refusal(good.path) == "its member evil name has another name than it seems"


def test_too_many_members_are_refused(good: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of members is bounded, and so are the bytes of their list, which is read whole."""
    monkeypatch.setattr(archive, "MOST_MEMBERS", 4)
    assert refusal(good.path) == "it holds 5 members, at most 4 are taken"
    monkeypatch.setattr(archive, "_MOST_DIRECTORY_BYTES", 100)
    assert refusal(good.path) == "its list of members is not where it should be"


def test_a_missing_file_is_refused(good: Bundle) -> None:
    """Each file of the manifest has to be there."""
    members = content(good.path)
    gone = sorted(members)[0]
    rewritten(good.path, {name: data for name, data in members.items() if name != gone})
    assert refusal(good.path) == f"it lacks the file {gone}"


@pytest.mark.parametrize("suffix", [".onnx", ".npz"])
def test_a_changed_file_is_refused(suffix: str, good: Bundle) -> None:
    """A file of another content is refused by its hash, one of another length already by that."""
    members = content(good.path)
    changed = next(name for name in members if name.endswith(suffix))
    data = members[changed]
    rewritten(good.path, {**members, changed: data[:-1] + bytes([data[-1] ^ 1])})
    assert refusal(good.path) == f"its file {changed} is not the one that was packed"
    rewritten(good.path, {**members, changed: data + b"x"})
    assert refusal(good.path) == f"its file {changed} has {len(data) + 1} bytes, its manifest says {len(data)}"


def test_a_changed_byte_is_refused(good: Bundle) -> None:
    """A byte that rotted on the way is told by the zip's own checksum."""
    data = bytearray(good.path.read_bytes())
    where = data.index(b"the weights of lenet5")
    data[where] ^= 1
    good.path.write_bytes(data)
    assert "Bad CRC-32" in refusal(good.path)


# --- manifests -------------------------------------------------------------------------------------------------------

DIGITS = "1" + "0" * 4000


def raw(path: Path, text: bytes) -> None:
    """Put another text in the place of the manifest."""
    rewritten(path, {**content(path), MANIFEST: text})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "its manifest is no JSON (Expecting value: line 1 column 1 (char 0))"),
        (b"\xff{}", "its manifest is no UTF-8"),
        (b"[" * 100_000, "its manifest is nested without end"),
        (b"[]", "its manifest is none: Input should be an object"),
        (b"{}", "its manifest is none: schema: Field required"),
        (b'{"schema":2,"new":1}', "it is of schema 2, this version reads 1"),
        (b'{"schema":"1"}', "its manifest is none: schema: Input should be 1"),
        (json.dumps({str(key): 0 for key in range(65)}).encode(), "its manifest has an object of 65 keys"),
        (b'{"\\u001b[2J":1}', "its manifest is none: "),
        (b" " * (4 * MIB + 1), "its manifest.json has more than 4194304 bytes"),
    ],
    ids=["empty", "binary", "deep", "list", "nothing", "schema", "type", "keys", "escape", "long"],
)
def test_what_is_no_manifest_is_refused(text: bytes, message: str, good: Bundle) -> None:
    """A manifest of another kind or version is one sentence with the first thing that is wrong."""
    raw(good.path, text)
    assert refusal(good.path).startswith(message)


def put(*keys: str | int, value: Any) -> Edit:
    """Return what sets a value deep inside a manifest."""

    def edit(fields: Any) -> None:
        for key in keys[:-1]:
            fields = fields[key]
        fields[keys[-1]] = value

    return edit


LISTED = [
    (put("surprise", value=1), "its manifest is none: surprise: Unexpected keyword argument"),
    (put("counted", 0, "model", value="../lenet5"), "../lenet5 is no name of a model"),
    (put("counted", 0, "model", value="lenet5|null"), "lenet5|null is no name of a model"),
    (put("counted", 0, "model", value="\x1b[31mlenet5"), " [31mlenet5 is no name of a model"),
    (put("counted", 0, "model", value="vgg:depth=16"), "a model is in it twice"),
    (put("counted", 0, "mult_adds", value=9), "the layers of lenet5 do not sum to its mult_adds"),
    (put("counted", 0, "mult_adds", value=0.5), "its manifest is none: counted: 0: mult_adds: Input should be a valid"),
    (put("counted", 0, "layers", 0, "params", value=-8), "a figure of layer fc of lenet5 is out of range"),
    (put("counted", 0, "layers", 0, "kernel", value=[1, 2**60]), "a figure of layer fc of lenet5 is out of range"),
    (put("counted", 0, "layers", 0, "name", value="=cmd()"), "lenet5 has a layer =cmd(), which is no name"),
    (put("counted", 0, "layers", value=[]), "the layers of lenet5 do not sum to its mult_adds"),
    (put("counted", 0, "inputs", value={"x": [1, -4]}), "lenet5 has an input x without a shape"),
    (put("counted", 0, "inputs", value={"x": []}), "lenet5 has an input x without a shape"),
    (put("counted", 0, "inputs", value={"y": [1, 4]}), "its arrays are x: expected y"),
    (put("packed", 0, "model", value="alexnet"), "alexnet is packed but not counted"),
    (put("packed", 0, "batch", value=0), "lenet5 is packed in onnx at a batch that is none"),
    (put("packed", 0, "format", value="../x"), "lenet5 is packed in ../x at a batch that is none"),
    (put("packed", 0, "format", value="pt2"), "it holds the format pt2, and to load that is to run code from it"),
    (put("packed", 0, "model", value="vgg:depth=16"), "a packed model is in it twice"),
    (put("packed", 0, "artefact", value="/etc/passwd"), "a file of lenet5, /etc/passwd, is not in its list"),
    (put("files", 0, "sha256", value="0" * 64), "files/"),
    (put("files", 0, "size_bytes", value=-1), "the size of files/"),
]


@pytest.mark.parametrize(("edit", "message"), LISTED, ids=[message for _, message in LISTED])
def test_a_manifest_that_makes_no_sense_is_refused(edit: Edit, message: str, good: Bundle) -> None:
    """Names, figures and references are checked before anything is made of them."""
    edited(good.path, edit)
    assert refusal(good.path).startswith(message)


def test_a_figure_of_thousands_of_digits_is_refused(good: Bundle) -> None:
    """A number that no float can hold never reaches a ratio."""
    text = content(good.path)[MANIFEST].decode().replace('"mult_adds":8,', f'"mult_adds":{DIGITS},')
    raw(good.path, text.encode())
    assert refusal(good.path) == "a figure of layer fc of lenet5 is out of range"


BOMBS = {
    "objects": '{"schema":1,"edgebench_version":"","converted":"","packed":[],"not_converted":[],"files":[],"counted":['
    + ",".join(["{}"] * 290_000)
    + "]}",
    "layers": '{"schema":1,"edgebench_version":"","converted":"","packed":[],"not_converted":[],"files":[],"counted":['
    '{"model":"a","inputs":{},"mult_adds":1,"params":1,"bias_params":1,"bn_params":1,"layers":['
    + ",".join(["{}"] * 290_000)
    + "]}]}",
    "long": '{"counted":[{"inputs":{"x":[' + ",".join(['"123456789"'] * 290_000) + "]}}]}",
    "numbers": '{"counted":[{"inputs":{"x":[' + ",".join(['""'] * 1_300_000) + "]}}]}",
    "keys": "{" + ",".join(f'"{key:x}":1' for key in range(400_000)) + "}",
}
READ = """
import sys
from edgebench.board import memory
from edgebench.errors import UsageError
from edgebench.store import bundle
try:
    bundle.read(bundle.Path(sys.argv[1]))
except UsageError:
    print(memory.read("VmHWM"))  # ru_maxrss would be that of the process this one was forked from
"""


@pytest.mark.parametrize("kind", BOMBS)
def test_a_manifest_does_not_fill_the_memory(kind: str, good: Bundle) -> None:
    """A manifest of 4 MiB in which everything is wrong is refused within 400 MiB, not listed mistake by mistake."""
    raw(good.path, BOMBS[kind].encode())
    assert good.path.stat().st_size < 4 * MIB
    done = subprocess.run([sys.executable, "-c", READ, str(good.path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 400 * MIB


def test_a_bundle_does_not_fill_the_memory(good: Bundle) -> None:
    """A file of 512 MiB is read in pieces."""
    with good.path.open("r+b") as file:
        file.truncate(512 * MIB)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    refusal(good.path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 16 * 1024


# --- arrays ----------------------------------------------------------------------------------------------------------


def array(values: Any, **options: Any) -> bytes:
    """Return an array as numpy saves it."""
    file = io.BytesIO()
    np.save(file, values, **options)
    return file.getvalue()


def compressed() -> bytes:
    """Return 64 MiB of zeros in a few kilobytes."""
    file = io.BytesIO()
    np.savez_compressed(file, x=np.zeros(16 * MIB, np.float32))
    return file.getvalue()


PLAIN = array(np.zeros((1, 4), np.float32))
ARRAYS = [
    (npz(x=array(np.array([{}], dtype=object))), "its array x.npy is none of plain numbers"),
    (npz(x=array(np.zeros(2, "f4,i4"))), "its array x.npy is none of plain numbers"),
    (npz(x=b"cos\nsystem\n(S'true'\ntR."), "its array x.npy is none of plain numbers"),
    (npz(x=PLAIN.replace(b"(1, 4), }", b"(9, 9), }")), "its array x.npy is not as large as it says"),
    (npz(x=PLAIN.replace(b"(1, 4), }  ", b"(99999, )}")), "its array x.npy is none of plain numbers"),
    (npz(x=PLAIN[:6] + b"\2" + PLAIN[7:]), "its array x.npy is none of plain numbers"),
    (npz(x=PLAIN[:8] + b"\xff" + PLAIN[9:]), "its array x.npy is none of plain numbers"),
    (npz(x=PLAIN, y=PLAIN), "its arrays are x, y: expected x"),
    (npz(), "its arrays are : expected x"),
    (compressed(), "its member x.npy is compressed"),
    (PLAIN, "it does not end like a zip"),
]


@pytest.mark.parametrize(("data", "message"), ARRAYS, ids=[str(number) for number in range(len(ARRAYS))])
def test_arrays_are_plain_numbers(data: bytes, message: str, good: Bundle) -> None:
    """Arrays that would be unpickled, inflated or allocated beyond their file are refused, with their hash in order."""
    with_arrays(good.path, data)
    assert refusal(good.path) == message


@pytest.mark.parametrize("values", [np.zeros(()), np.zeros((0, 3)), np.ones((2, 3, 4), np.uint8), np.zeros(7, bool)])
def test_every_plain_array_is_taken(values: Any, good: Bundle) -> None:
    """Scalars, empty arrays, bytes and truths are plain numbers."""
    with_arrays(good.path, npz(x=array(values)))
    everything(good.path)


# --- anything --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    edits=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=4)), max_size=3),
    cut=st.none() | st.floats(0, 1),
)
def test_whatever_is_changed_the_answer_is_the_bundle_or_a_sentence(
    edits: list[tuple[float, bytes]], cut: float | None, good: Bundle
) -> None:
    """A bundle with bytes changed anywhere gives the same files or one sentence, never anything else."""
    original = good.path.read_bytes()
    expected = {name: data for name, data in content(good.path).items() if name != MANIFEST}
    data = bytearray(original)
    for share, new in edits:
        start = int(share * len(data))
        data[start : start + len(new)] = new
    good.path.write_bytes(data if cut is None else data[: int(cut * len(data))])
    try:
        assert {name: path.read_bytes() for name, path in everything(good.path).items()} == expected
    except UsageError as error:
        assert str(error).isprintable()
    finally:
        good.path.write_bytes(original)
