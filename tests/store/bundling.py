"""Small bundles, and the same with something wrong in them."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edgebench.analysis.cost import LayerCost
from edgebench.store import bundle
from edgebench.store.bundle import Bundle
from edgebench.store.manifest import SCHEMA, Manifest, PackedModel
from edgebench.store.records import Counted

MANIFEST = "manifest.json"
Edit = Callable[[dict[str, Any]], None]

LAYER = LayerCost(
    name="fc",
    kind="fc",
    in_channels=4,
    out_channels=2,
    kernel=(1, 1),
    stride=(1, 1),
    groups=1,
    out_h=1,
    out_w=1,
    mult_adds=4 * 2,
    params=4 * 2,
    bias_params=2,
    bn_params=0,
)


def counted(model: str, width: int = 1) -> Counted:
    """Return the cost of one fully connected layer, so many times."""
    layer = replace(LAYER, mult_adds=8 * width, params=8 * width, bias_params=2 * width)
    return Counted(
        model=model,
        inputs={"x": (1, 4)},
        mult_adds=8 * width,
        params=8 * width,
        bias_params=2 * width,
        bn_params=0,
        layers=(layer,),
    )


def made(folder: Path, *models: Counted, batches: tuple[int, ...] = (1,)) -> Bundle:
    """Write a bundle of models that share their inputs and have an artefact each; no runtime could load it."""
    source = folder / "source"
    source.mkdir()
    np.savez(source / "inputs.npz", x=np.zeros((1, 4), np.float32))
    np.savez(source / "reference.npz", y0=np.zeros((1, 2), np.float32))
    totals = models or (counted("lenet5"), counted("vgg:depth=16"))
    members, paths, packed = {}, {}, []

    def add(path: Path) -> str:
        one = bundle.member(path)
        members[one.name], paths[one.name] = one, path
        return one.name

    for one in totals:
        artefact = source / f"{one.model}.onnx"
        artefact.write_text(f"the weights of {one.model}")
        names = {"artefact": add(artefact), "inputs": add(source / "inputs.npz")}
        names["reference"] = add(source / "reference.npz")
        packed += [
            PackedModel(model=one.model, batch=batch, format="onnx", seconds=1.5, versions={"torch": "2"}, **names)
            for batch in batches
        ]
    manifest = Manifest(
        schema=SCHEMA,
        edgebench_version="0",
        converted="2026-11-22T10:00:00+00:00",
        counted=totals,
        packed=tuple(packed),
        not_converted=(),
        files=tuple(members[name] for name in sorted(members)),
    )
    return bundle.write(folder / "bundle.zip", manifest, paths)


def content(path: Path) -> dict[str, bytes]:
    """Return the members of a zip."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewritten(path: Path, members: dict[str, bytes]) -> None:
    """Write a zip with these members."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def edited(path: Path, edit: Edit) -> None:
    """Change the manifest of a bundle."""
    members = content(path)
    fields = json.loads(members[MANIFEST])
    edit(fields)
    rewritten(path, {**members, MANIFEST: json.dumps(fields, separators=(",", ":")).encode()})


def with_arrays(path: Path, data: bytes) -> None:
    """Put another file in the place of the inputs, with a name, size and hash that fit it."""
    members = content(path)
    fields: dict[str, Any] = json.loads(members[MANIFEST])
    old = fields["packed"][0]["inputs"]
    digest = hashlib.sha256(data).hexdigest()
    name = f"files/{digest}.npz"
    new = {"name": name, "size_bytes": len(data), "sha256": digest}
    fields["files"] = [new if file["name"] == old else file for file in fields["files"]]
    for packed in fields["packed"]:
        packed["inputs"] = name
    del members[old]
    rewritten(path, {**members, name: data, MANIFEST: json.dumps(fields, separators=(",", ":")).encode()})


def npz(**members: bytes) -> bytes:
    """Return an .npz file of these raw arrays."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return file.getvalue()
