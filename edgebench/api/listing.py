"""What is known and what is installed."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar

from edgebench import devices, extras, formats, plugins, tomlfile
from edgebench.api._reaching import reached
from edgebench.board.backends import package_version, runtime_version
from edgebench.board.wire import STRICT, SensorsAsked, SensorsState, encode
from edgebench.errors import DeviceUnreachableError, UsageError
from edgebench.measure.transport import LinkLost

_SENSORS_LIMIT_S = 120.0  # each program that is asked may take five seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendState:
    """A backend, the package that holds its runtime, and that one's version here.

    `formats` are those of precisions that have one of their own; `version` is None when it is not installed and "" when
    no package tells; `get_it` says how to install it, and `extra` by which extra; `status` is what has to be known of
    its figures, of the whole backend or of options ("not run on hardware").
    """

    name: str
    format: str | None
    formats: dict[str, str]
    precisions: tuple[str, ...]
    options: tuple[str, ...]
    distribution: str | None
    version: str | None
    get_it: str | None
    extra: str | None = None
    status: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Models that are measured together under one name."""

    __pydantic_config__: ClassVar[Any] = STRICT

    title: str
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheState:
    """The folder of converted models, and the bytes in it or freed from it."""

    folder: Path
    size_bytes: int


def backends() -> tuple[BackendState, ...]:
    """Return every backend that is known, installed or not; no runtime is imported."""
    return tuple(backend(name) for name in plugins.names("backends"))


def backend(name: str) -> BackendState:
    """Return one backend; raise UsageError when none has that name."""
    module = plugins.load("backends", name)
    found = runtime_version(module)
    extra = None if hasattr(module, "GET_IT") or found is not None else name
    way = getattr(module, "GET_IT", extras.way(name))
    said = getattr(module, "STATUS", {})
    return BackendState(
        name=name,
        format=module.FORMAT,
        formats=getattr(module, "FORMATS", {}),
        precisions=module.PRECISIONS,
        options=module.OPTIONS,
        distribution=module.DISTRIBUTION,
        version=found,
        extra=extra,
        get_it=None if found is not None else way,
        status="; ".join(f"{option}: {text}" if option else text for option, text in said.items()) or None,
    )


def asked_backend(text: str) -> tuple[BackendState, tuple[tuple[str, str], ...]]:
    """Return a backend and its options from `null:work=1000`; raise UsageError for a name or an option unknown."""
    name, _, rest = text.partition(":")
    state = backend(name)
    options = []
    for item in filter(None, rest.split(",")):
        key, equals, value = item.partition("=")
        if not equals or key not in state.options:
            known = ", ".join(f"{option}=..." for option in state.options) or "none"
            raise UsageError(f"Unknown option {item!r} of backend {name}: expected {known}.")
        options.append((key, value))
    return state, tuple(options)


def check_precision(state: BackendState, precision: str, others: str = "") -> None:
    """Raise UsageError when a backend does not compute in a precision; `others` ends its sentence."""
    if precision not in state.precisions:
        known = " or ".join(state.precisions)
        raise UsageError(f"{state.name} has no precision {precision!r}: expected {known}{others}.")


def status(name: str, options: tuple[tuple[str, str], ...]) -> str | None:
    """Return what has to be known of the figures of a backend with these options, None when there is nothing."""
    said = getattr(plugins.load("backends", name), "STATUS", {})
    words = ("", *(f"{key}={value}" for key, value in options))
    return next((said[word] for word in words if word in said), None)


def suites() -> dict[str, Suite]:
    """Return the suites of models by name."""
    folder = Path(str(files("edgebench.reference"))) / "suites"
    return {path.stem: tomlfile.read(path, Suite) for path in sorted(folder.glob("*.toml"))}


def suite(name: str) -> Suite:
    """Return one suite; raise UsageError when none has that name."""
    known = suites()
    if name not in known:
        raise UsageError(f"Unknown suite {name!r}: known are {', '.join(known)}.")
    return known[name]


def sensors(device: str = devices.HOST, host: str | None = None) -> SensorsState:
    """Return what sensors a board, or this machine, has and what they say now; each of them is read once.

    Raise UsageError when it is of another kind than asked, DeviceUnreachableError when it does not answer.
    """
    with reached(device, host) as side:
        side.connection.send(encode(SensorsAsked()))
        try:
            found = side.connection.receive(_SENSORS_LIMIT_S)
        except LinkLost as lost:
            raise DeviceUnreachableError(f"{side.board.unit.name} did not tell its sensors: {lost}.") from lost
    if not isinstance(found, SensorsState):
        raise DeviceUnreachableError(f"{side.board.unit.name} did not tell its sensors: it said {found.event}.")
    return found


def cache_state() -> CacheState:
    """Return where converted models are kept and how many bytes they take."""
    folder = formats.cache_folder()
    return CacheState(folder=folder, size_bytes=formats.cached_bytes())


def clear_cache() -> CacheState:
    """Delete every converted model, and return how many bytes that freed."""
    return CacheState(folder=formats.cache_folder(), size_bytes=formats.clear_cache())


def versions(names: tuple[str, ...]) -> dict[str, str]:
    """Return the versions of those packages that are installed."""
    found = {name: package_version(name) for name in names}
    return {name: text for name, text in found.items() if text is not None}
