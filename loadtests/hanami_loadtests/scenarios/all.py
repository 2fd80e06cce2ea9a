"""All scenarios, in the order in which they are listed."""

from __future__ import annotations

from collections.abc import Mapping

from hanami_loadtests.scenarios.connection_churn import ConnectionChurn, MisbehavingClient
from hanami_loadtests.scenarios.direct_io import DirectMix, DirectRequest, DirectTrain
from hanami_loadtests.scenarios.rest import RestOnly
from hanami_loadtests.scenarios.scenario import Scenario
from hanami_loadtests.scenarios.sharing import SharedObjects
from hanami_loadtests.scenarios.upload import CsvUpload, MnistUpload, ScatteredUpload

SCENARIOS: Mapping[str, type[Scenario]] = {
    scenario.name: scenario
    for scenario in (
        CsvUpload,
        MnistUpload,
        ScatteredUpload,
        DirectRequest,
        DirectTrain,
        DirectMix,
        RestOnly,
        ConnectionChurn,
        MisbehavingClient,
        SharedObjects,
    )
}
