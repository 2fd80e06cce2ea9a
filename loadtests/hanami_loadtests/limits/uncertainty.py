"""How uncertain response times are because the generator sent messages later than it could have.

Where a message is sent late, the target answers it late, and the generator delay is subtracted from its response time.
That is exact for a target that was free. Where the target had held the message back, it may have been busy with others
all the while, and have answered no earlier: then nothing may be subtracted. The truth is between both.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hanami_reports.common.format import format_time
from hanami_reports.model.histogram import MICROSECONDS
from hanami_reports.model.load import LimitResult, RunState
from hanami_reports.model.series import Series

STATISTICS: Mapping[str, float] = {"p50": 50.0, "p95": 95.0, "p99": 99.0, "max": 100.0}


def check_uncertainty(bound: float, name: str, one: Series) -> LimitResult:
    """Check how far apart the shortest and the longest possible values are, of the statistic where they are farthest.

    Args:
        bound: Greatest relative difference.
        name: Type of message.
        one: Series of an open run with valid answers.
    """
    shortest, longest = (times.percentiles(list(STATISTICS.values())) for times in (one.response, one.longest_response))
    shares = longest / np.maximum(shortest, 1 / MICROSECONDS) - 1
    worst = int(shares.argmax())
    share = max(0.0, float(shares[worst]))
    between = f"between {format_time(float(shortest[worst]))} and {format_time(float(longest[worst]))}"
    return LimitResult(
        metric="uncertainty of response",
        selector=f"generator: {name}",
        statistic=list(STATISTICS)[worst],
        bound=f"<= {bound:.0%}",
        value=share,
        value_text=f"{share:.0%}",
        samples=one.longest_response.count,
        least_samples=0,
        state=RunState.PASS if share <= bound else RunState.INVALID,
        explanation="" if share <= bound else f"the generator was the bottleneck: {between}",
    )
