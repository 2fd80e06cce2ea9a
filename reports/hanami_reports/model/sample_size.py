"""Number of samples that a percentile needs; with fewer, it is marked as not significant."""

from __future__ import annotations

from hanami_reports.model.histogram import Histogram

BEYOND = 10  # samples that a percentile needs beyond it


def supported(percent: float, samples: int) -> bool:
    """Whether there are enough samples for a percentile: p99 needs 1,000, p99.9 needs 10,000."""
    return samples * (100 - percent) / 100 >= BEYOND - 1e-6


def supported_up_to(samples: int) -> float:
    """Return the greatest percentile that a number of samples supports, 0 to 100."""
    return max(0.0, 100 - 100 * BEYOND / samples) if samples else 0.0


def known_percentile(times: Histogram, percent: float) -> float | None:
    """Return a percentile in seconds; None without enough samples."""
    return times.percentile(percent) if supported(percent, times.count) else None


def samples_for(statistic: str) -> int:
    """Return the number of samples that a statistic needs: 1,000 for ``p99``, 1 for ``mean``."""
    if not statistic.startswith("p"):
        return 1
    share = 1 - float(statistic.removeprefix("p")) / 100
    return max(20, round(BEYOND / share)) if share > 0 else 20
