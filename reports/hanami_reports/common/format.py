"""Numbers for people: three significant digits and a unit."""

from __future__ import annotations

import math

NOTHING = "\N{EM DASH}"
MEGABYTE = 1_000_000
_LONGEST = 1e9  # seconds; beyond, a file is damaged


def format_time(seconds: float) -> str:
    """Return a time: ``850 µs``, ``12.3 ms``, ``1.07 s``."""
    if seconds < 0.0009995:
        return f"{_three_digits(seconds * 1e6)} µs"
    return f"{_three_digits(seconds * 1e3)} ms" if seconds < 0.9995 else f"{_three_digits(seconds)} s"


def format_span(seconds: float) -> str:
    """Return a duration: ``0 s``, ``850 ms``, ``8.5 s``, ``12 min 5 s``, ``1 h 0 min``; ``? s`` if it is none."""
    if not 0 <= seconds < _LONGEST:
        return "? s"
    if 0 < seconds < 0.9995:
        return format_time(seconds)
    whole = round(seconds)
    if whole < 60:
        return f"{_three_digits(seconds)} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def format_rate(per_second: float) -> str:
    """Return messages per second, without the unit."""
    return _three_digits(per_second)


def format_megabytes(bytes_per_second: float) -> str:
    """Return MB/s (10^6 bytes per second), without the unit."""
    if 0 < bytes_per_second < 1000:
        return "<0.001"
    if bytes_per_second < 100_000:
        return f"{bytes_per_second / MEGABYTE:.3f}".rstrip("0").rstrip(".")
    return _three_digits(bytes_per_second / MEGABYTE)


def format_memory(size: int) -> str:
    """Return a number of bytes in MB or GB (10^6, 10^9)."""
    return f"{_three_digits(size / 1e9)} GB" if size >= 999_500_000 else f"{_three_digits(size / 1e6)} MB"


def format_percent(share: float) -> str:
    """Return a share of 1 in percent; only exactly 0 and 1 are shown as ``0 %`` and ``100 %``."""
    if 0 < share < 0.0001:
        return "< 0.01 %"
    if 0.9999 < share < 1:
        return "> 99.99 %"
    return f"{_three_digits(share * 100)} %"


def _three_digits(number: float) -> str:
    """Return three significant digits; whole from 100 on, with commas between thousands."""
    if not math.isfinite(number):
        return NOTHING
    if number == 0:
        return "0"
    if abs(number) >= 99.95:
        return f"{number:,.0f}"
    # The hair keeps exact powers of ten from falling below their own logarithm.
    places = 2 - math.floor(math.log10(abs(number)) + 1e-12)
    text = f"{number:.{min(max(places, 0), 6)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
