"""Numbers as people read them: three significant digits, with a unit."""

from __future__ import annotations

import math

NOTHING = "\N{EM DASH}"
MEGABYTE = 1_000_000


def time_words(seconds: float) -> str:
    """Return a time: ``850 µs``, ``12.3 ms``, ``1.07 s``."""
    if seconds < 0.0009995:
        return f"{_digits(seconds * 1e6)} µs"
    return f"{_digits(seconds * 1e3)} ms" if seconds < 0.9995 else f"{_digits(seconds)} s"


def span_words(seconds: float) -> str:
    """How long something went on: ``8.5 s``, ``12 min 5 s``, ``1 h 0 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{_digits(seconds)} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def rate_words(per_second: float) -> str:
    """Messages in a second, without the unit."""
    return _digits(per_second)


def megabyte_words(bytes_per_second: float) -> str:
    """MB/s (10^6 bytes), without the unit."""
    if 0 < bytes_per_second < 1000:
        return "<0.001"
    if bytes_per_second < 100_000:
        return f"{bytes_per_second / 1e6:.3f}".rstrip("0").rstrip(".")
    return _digits(bytes_per_second / 1e6)


def memory_words(number: int) -> str:
    """Bytes of memory, in MB or GB (10^6, 10^9)."""
    return f"{_digits(number / 1e9)} GB" if number >= 999_500_000 else f"{_digits(number / 1e6)} MB"


def percent_words(share: float) -> str:
    """Return a share of 1 in percent. What is not nothing is not shown as nothing, and what is not all not as all."""
    if 0 < share < 0.0001:
        return "< 0.01 %"
    if 0.9999 < share < 1:
        return "> 99.99 %"
    return f"{_digits(share * 100)} %"


def count_words(number: int, noun: str) -> str:
    """``1 message``, ``2,000 messages``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _digits(number: float) -> str:
    """Three significant digits; whole from 100 on, with commas between thousands."""
    if not math.isfinite(number):
        return NOTHING
    if number == 0:
        return "0"
    if abs(number) >= 99.95:
        return f"{number:,.0f}"
    places = 2 - math.floor(math.log10(abs(number)) + 1e-12)
    shown = f"{number:.{min(max(places, 0), 6)}f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def shown_time(seconds: float) -> str:
    """Return a time with three digits: ``640 us``, ``12.3 ms``, ``2.01 s``."""
    for unit, size in (("us", 1e-6), ("ms", 1e-3)):
        if seconds < 0.9995 * size * 1000:
            return f"{_three_digits(seconds / size)} {unit}"
    return f"{_three_digits(seconds)} s"


def _three_digits(value: float) -> str:
    if value <= 0:
        return "0"
    rounded = float(f"{value:.3g}")
    return f"{rounded:.{max(0, 2 - math.floor(math.log10(rounded)))}f}"
