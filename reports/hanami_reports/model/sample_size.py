"""How many samples a percentile needs. What lies beyond is an accident of a few messages, and is shown as such."""

from __future__ import annotations

from hanami_reports.model.histogram import Histogram

BEYOND = 10  # samples that must lie beyond a percentile


def supported(percent: float, samples: int) -> bool:
    """Whether so many samples tell the percentile: p99 needs 1,000, p99.9 needs 10,000."""
    return samples * (100 - percent) / 100 >= BEYOND - 1e-6


def supported_up_to(samples: int) -> float:
    """Return the greatest percentile that so many samples tell, 0 to 100."""
    return max(0.0, 100 - 100 * BEYOND / samples) if samples else 0.0


def known_percentile(times: Histogram, percent: float) -> float | None:
    """Return the percentile, seconds; None where it is not supported."""
    return times.percentile(percent) if supported(percent, times.count) else None


def samples_for(statistic: str) -> int:
    """Return how many samples a percentile needs, not to be made of a few: 1000 for p99, 10 000 for p99.9."""
    if not statistic.startswith("p"):
        return 1
    share = 1 - float(statistic.removeprefix("p")) / 100
    return max(20, round(BEYOND / share)) if share > 0 else 20
