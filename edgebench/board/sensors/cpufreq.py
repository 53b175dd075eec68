"""Clocks as cpufreq tells them: kHz by policy, a policy being the processors that share a clock.

Linux: Documentation/admin-guide/pm/cpufreq.rst. Where firmware holds a processor back this may be the clock that was
asked for (a Pi Zero 2 W told 1200 MHz and ran 823 to 993: ThomasKaiser/sbc-bench, results/3DeL.txt).
"""

from pathlib import Path

from edgebench.board.probe import parse_cpu_list
from edgebench.board.sensors import NOT_RUN, Channel, Finding, Place, SensorError, absent, sorted_out, within

TITLE = "Clocks: the kernel's cpufreq"
TELLS = "heat"
STATUS = NOT_RUN

_POLICIES = "sys/devices/system/cpu/cpufreq/policy*"
_OWN = "sys/devices/system/cpu/cpu*[0-9]/cpufreq"
_HZ_PER_KHZ = 1000
_SLOWEST_HZ, _FASTEST_HZ = 1e6, 1e11


def find(place: Place) -> Finding:
    """Return clock and governor of every policy."""
    folders = place.found(_POLICIES) or place.found(_OWN)
    if not folders:
        return absent("cpufreq", "/sys/devices/system/cpu has no cpufreq: a virtual machine, or no driver for clocks")
    channels, troubles = sorted_out([one for folder in folders for one in _channels(place, folder)])
    return Finding(channels=channels, troubles=troubles)


def policy(cpu: int, place: Place) -> Path | None:
    """Return the folder of the clock that a processor shares with its neighbours, None where there is none."""
    own = place.root / f"sys/devices/system/cpu/cpu{cpu}/cpufreq"
    if own.is_dir():
        return own
    for folder in place.found(_POLICIES):
        if cpu in (parse_cpu_list((place.word(folder / "affected_cpus") or "").replace(" ", ",")) or []):
            return folder
    return None


def clock_hz(place: Place, file: Path) -> int:
    """Return what a file in kHz says, in Hz; raise SensorError, also for a core that is off (`<unknown>`)."""
    told = place.number(file) * _HZ_PER_KHZ
    within(told, _SLOWEST_HZ, _FASTEST_HZ, f"the clock in {place.shown(file)}, in Hz,")
    return told


def _channels(place: Place, folder: Path) -> list[Channel]:
    name = folder.name if folder.name != "cpufreq" else folder.parent.name
    clock, governor = folder / "scaling_cur_freq", folder / "scaling_governor"
    return [
        Channel(
            sensor="cpufreq",
            name=name,
            quantity="clock_hz",
            where=place.shown(clock),
            read=lambda: clock_hz(place, clock),
        ),
        Channel(
            sensor="cpufreq",
            name=f"{name} governor",
            quantity="mode",
            where=place.shown(governor),
            read=lambda: _governor(place, governor),
        ),
    ]


def _governor(place: Place, file: Path) -> str:
    found = place.text(file)
    if not found:
        raise SensorError("broken", f"{place.shown(file)} says nothing: expected the name of a governor")
    return found
