"""Turn SI values into text for people; nothing else in the program scales a unit."""

import math

_TIMES = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns"))
_BYTES = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"), (1, "B"))
_COUNTS = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))
_ENERGIES = ((1.0, "J"), (1e-3, "mJ"), (1e-6, "uJ"))
_POWERS = ((1.0, "W"), (1e-3, "mW"))
_CLOCKS = ((1e9, "GHz"), (1e6, "MHz"), (1.0, "Hz"))


def seconds(value: float | None) -> str:
    """Return a span in the unit that leaves three significant digits.

    >>> seconds(0.00834)
    '8.34 ms'
    """
    return _scaled(value, _TIMES)


def size(value: float | None) -> str:
    """Return a number of bytes in binary units.

    >>> size(17_686_528)
    '16.9 MiB'
    """
    return _scaled(value, _BYTES)


def count(value: float | None) -> str:
    """Return a count such as mult-adds or parameters.

    >>> count(568_740_352)
    '569 M'
    """
    return _scaled(value, _COUNTS)


def energy(value: float | None) -> str:
    """Return joules in the unit that leaves three significant digits.

    >>> energy(0.0123)
    '12.3 mJ'
    """
    return _scaled(value, _ENERGIES)


def power(value: float | None) -> str:
    """Return watts in the unit that leaves three significant digits.

    >>> power(4.8812), power(0.0214)
    ('4.88 W', '21.4 mW')
    """
    return _scaled(value, _POWERS)


def clock(value: float | None) -> str:
    """Return a clock in the unit that leaves three significant digits.

    >>> clock(1_500_345_728)
    '1.50 GHz'
    """
    return _scaled(value, _CLOCKS)


def celsius(value: float | None) -> str:
    """Return a temperature.

    >>> celsius(48.312)
    '48.3 C'
    """
    return "-" if value is None else f"{value:.1f} C"


def reading(value: float, quantity: str) -> str:
    """Return what a sensor says, by the quantity that it tells.

    >>> reading(0.86, "voltage_v"), reading(0.999, "load_share"), reading(3.0, "events")
    ('0.86 V', '99.9 %', '3')
    """
    scaled = {"power": power, "temperature_c": celsius, "clock_hz": clock}
    if quantity in scaled:
        return scaled[quantity](value)
    if quantity == "load_share":
        return f"{100 * value:.3g} %"
    words = {"energy": "J since it began", "voltage_v": "V", "cpu_s": "s since boot"}
    return f"{value:.6g} {words.get(quantity, '')}".rstrip()


def ratio(value: float | None) -> str:
    """Return a ratio with three significant digits and the sign for times.

    >>> ratio(27.2014)
    '27.2x'
    """
    return "-" if value is None else f"{_three_digits(value)}x"


def digits(value: float | None) -> str:
    """Return a plain number with three significant digits.

    >>> digits(0.9987)
    '0.999'
    """
    return "-" if value is None else _three_digits(value)


def share(value: float | None) -> str:
    """Return a share as per cent with one decimal.

    >>> share(0.9486)
    '94.9 %'
    """
    return "-" if value is None else f"{100 * value:.1f} %"


def share_span(low: float, high: float) -> str:
    """Return an interval of shares in per cent.

    >>> share_span(0.826, 0.945)
    '[82.6, 94.5]'
    """
    return f"[{100 * low:.1f}, {100 * high:.1f}]"


def span(low: float, high: float) -> str:
    """Return an interval of seconds in the unit of its upper end, without the unit when it is that of its lower end.

    >>> span(0.00834, 0.00851), span(0.00098, 0.00102)
    ('[8.34, 8.51]', '[0.980, 1.02] ms')
    """
    scale, unit = _step(high, _TIMES)
    shown = "" if _step(low, _TIMES)[1] == unit else f" {unit}"
    return f"[{_three_digits(low / scale)}, {_three_digits(high / scale)}]{shown}"


def energy_span(low: float, high: float) -> str:
    """Return a bracket of joules in the unit of its upper end.

    >>> energy_span(0.0324, 0.346)
    '32.4..346 mJ'
    """
    scale, unit = _step(high, _ENERGIES)
    return f"{_three_digits(low / scale)}..{_three_digits(high / scale)} {unit}"


def clock_time(value: float) -> str:
    """Return a span of seconds as people say it.

    >>> clock_time(192.4)
    '3 min 12 s'
    """
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _scaled(value: float | None, steps: tuple[tuple[float, str], ...]) -> str:
    if value is None:
        return "-"
    scale, unit = _step(value, steps)
    return f"{_three_digits(value / scale)} {unit}".rstrip()


def _step(value: float, steps: tuple[tuple[float, str], ...]) -> tuple[float, str]:
    return next((step for step in steps if abs(_rounded(value / step[0])) >= 1), steps[-1])


def _three_digits(value: float) -> str:
    if value == 0:
        return "0"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(_rounded(value)))))}f}"


def _rounded(value: float) -> float:
    return float(f"{value:.3g}")
