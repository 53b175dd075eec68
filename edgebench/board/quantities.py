"""Power and energy as types: a number becomes one only where its unit is named, so mW are never taken for W."""

from dataclasses import dataclass

_MILLI, _MICRO = 1e-3, 1e-6
_SECONDS_PER_HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Watts:
    """A power; it adds up with powers alone, and becomes an energy over a span of seconds."""

    w: float

    def __add__(self, other: "Watts") -> "Watts":
        """Return the power of both together."""
        return Watts(w=self.w + other.w)

    def __sub__(self, other: "Watts") -> "Watts":
        """Return by how much this power is the higher one."""
        return Watts(w=self.w - other.w)

    def over(self, seconds: float) -> "Joules":
        """Return the energy that this power takes in so many seconds."""
        return Joules(j=self.w * seconds)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Joules:
    """An energy; it adds up with energies alone, and becomes a power when it is spread over seconds."""

    j: float

    def __add__(self, other: "Joules") -> "Joules":
        """Return the energy of both together."""
        return Joules(j=self.j + other.j)

    def __sub__(self, other: "Joules") -> "Joules":
        """Return by how much this energy is the larger one."""
        return Joules(j=self.j - other.j)

    def per(self, seconds: float) -> Watts:
        """Return the mean power of this energy over so many seconds."""
        return Watts(w=self.j / seconds)


def watts(value: float) -> Watts:
    """Return a power from a number of watts."""
    return Watts(w=float(value))


def milliwatts(value: float) -> Watts:
    """Return a power from a number of milliwatts.

    >>> milliwatts(4880)
    Watts(w=4.88)
    """
    return Watts(w=value * _MILLI)


def microwatts(value: float) -> Watts:
    """Return a power from a number of microwatts.

    >>> microwatts(4_880_000)
    Watts(w=4.88)
    """
    return Watts(w=value * _MICRO)


def volts_amperes(volts: float, amperes: float) -> Watts:
    """Return the power of a direct current.

    >>> volts_amperes(5.0, 0.5)
    Watts(w=2.5)
    """
    return Watts(w=volts * amperes)


def millivolts_milliamperes(millivolts: float, milliamperes: float) -> Watts:
    """Return the power of a direct current in mV and mA.

    >>> millivolts_milliamperes(5000, 500)
    Watts(w=2.5)
    """
    return volts_amperes(millivolts * _MILLI, milliamperes * _MILLI)


def microvolts_microamperes(microvolts: float, microamperes: float) -> Watts:
    """Return the power of a direct current in uV and uA.

    >>> microvolts_microamperes(4_000_000, 500_000)
    Watts(w=2.0)
    """
    return volts_amperes(microvolts * _MICRO, microamperes * _MICRO)


def joules(value: float) -> Joules:
    """Return an energy from a number of joules."""
    return Joules(j=float(value))


def microjoules(value: float) -> Joules:
    """Return an energy from a number of microjoules.

    >>> microjoules(2_500_000)
    Joules(j=2.5)
    """
    return Joules(j=value * _MICRO)


def watt_hours(value: float) -> Joules:
    """Return an energy from a number of watt hours.

    >>> watt_hours(1)
    Joules(j=3600.0)
    """
    return Joules(j=float(value * _SECONDS_PER_HOUR))
