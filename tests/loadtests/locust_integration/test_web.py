"""Our part of Locust's web UI, in a real browser: one process, and a master with two workers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page

from hanami_loadtests.scenarios.all import SCENARIOS
from hanami_reports.model.load import LoadResult, RunState, read_load_result
from support.load_runs import EASY, easy_limits
from tools.web_ui import CHROMIUM, PASSWORD, PATIENCE, Swarm, backend, browser_page, locust

LATE = 6  # seconds of measuring after which a worker joins
FORM = {"user_count": "2", "spawn_rate": "10", "warm_up": "0", "model": "closed"}


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    with backend() as url:
        yield url


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("single")


@pytest.fixture(scope="module")
def single(target: str, folder: Path) -> Iterator[Swarm]:
    """A single process with its page."""
    with locust(target, folder, 0, *easy_limits(folder)) as process:
        yield process


@pytest.fixture(scope="module")
def url(single: Swarm) -> str:
    """Of its page."""
    return single.url


def swarm(page: Swarm, **more: str | list[str]) -> dict[str, object]:
    answer: dict[str, object] = page.post("/swarm", data=FORM | more).json()
    return answer


def table(url: str) -> list[dict[str, object]]:
    stats = httpx.get(f"{url}/stats/requests", timeout=PATIENCE, trust_env=False).json()
    rows: list[dict[str, object]] = stats["extended_stats"][0]["data"]
    return rows


def banner(url: str) -> str:
    """The status of the run, or its verdict."""
    stats = httpx.get(f"{url}/stats/requests", timeout=PATIENCE, trust_env=False).json()
    return str(stats["hanami"]["banner"]["status"])


def is_judged(url: str) -> bool:
    stats = httpx.get(f"{url}/stats/requests", timeout=PATIENCE, trust_env=False).json()
    return bool(stats["hanami"]["banner"]["has_report"])


def goes_on(url: str, users: int) -> bool:
    """Whether a run has so many users and verified something; the other figures of Locust may be two seconds old."""
    return banner(url).startswith(f"running, {users} users") and any(row["perwhole"] for row in table(url))


def last_second(url: str) -> int:
    """The last second of measuring in the charts, -1 before the first."""
    stats = httpx.get(f"{url}/stats/requests", timeout=PATIENCE, trust_env=False).json()
    return max((point["second"] for point in stats["hanami"]["points"]), default=-1)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"rate": "fast", "model": "open"}, "--rate 'fast': give a number"),
        ({"chunk_size": "some"}, "--chunk-size 'some': give a size"),
    ],
)
def test_errors_in_the_form_are_reported_before_a_user_is_spawned(
    single: Swarm, given: dict[str, str], says: str
) -> None:
    answer = swarm(single, **given)
    assert answer["success"] is False
    message = str(answer["message"])
    assert says in message
    assert "\n" not in message
    assert_nothing_runs(single)


@pytest.mark.parametrize(("account", "says"), [({}, "not reachable"), ({"HANAMI_PASSWORD": "not-the-password"}, "401")])
def test_a_target_that_cannot_be_loaded_is_reported_in_the_form(
    target: str, tmp_path: Path, account: dict[str, str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.web_ui.PASSWORD", account.get("HANAMI_PASSWORD", PASSWORD))
    host = target if account else "http://127.0.0.1:1"
    with locust(host, tmp_path, 0, "--dialect", "documented") as page:
        answer = swarm(page)
        assert answer["success"] is False
        message = str(answer["message"])
        assert says in message
        assert "\n" not in message
        assert "not-the-password" not in message
        assert_nothing_runs(page)


def assert_nothing_runs(page: Swarm) -> None:
    stats = page.get("/stats/requests")
    assert (stats["state"], stats["user_count"]) == ("ready", 0)
    assert stats["hanami"]["banner"]["status"] == "not started"


def edit_users(page: Page, count: int) -> None:
    page.get_by_role("button", name="Edit").click()
    page.locator("input[name=userCount]").fill(str(count))
    page.get_by_role("button", name="Update").click()
    page.get_by_role("status").get_by_text(f"running, {count} users").wait_for()


def assert_verdict_is_shown(page: Page, result: LoadResult, reports: Path) -> None:
    verdict = page.get_by_role("status").inner_text()
    assert verdict.startswith(f"{result.state}: ")
    assert f"report of this run (reports in {reports})" in verdict
    assert all(reason in verdict for reason in result.reasons)
    for title in ("Messages per second", "Response time, ms, to within 6 %", "Users and messages in flight"):
        assert page.get_by_role("img", name=title).locator("svg path").count() > 4
    with page.expect_popup() as opened:
        page.get_by_role("link", name="report of this run").click()
    opened.value.get_by_role("heading", level=1).get_by_text(result.state.value).wait_for()
    opened.value.close()


@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_by_hand(
    workers: int, target: str, url: str, folder: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if not CHROMIUM.exists() and not os.environ.get("HANAMI_REQUIRE_BROWSER"):
        pytest.skip(f"no browser at {CHROMIUM}")
    if workers:
        folder = tmp_path
        manager = locust(target, folder, workers, *easy_limits(folder))
        url = manager.__enter__().url
        request.addfinalizer(lambda: manager.__exit__(None, None, None))
    complaints: list[str] = []
    seen: list[str] = []
    with browser_page(complaints) as page:
        page.on("response", lambda response: seen.append(_text(response)))
        page.goto(url)
        for scenario in SCENARIOS.values():
            assert page.get_by_text(scenario.name, exact=True).is_visible()
        page.get_by_role("checkbox").first.uncheck()  # all
        for name in ("direct-request", "rest"):
            page.get_by_role("row", name=name, exact=True).get_by_role("checkbox").check()
        page.locator("input[name=userCount]").fill("4")
        page.locator("input[name=spawnRate]").fill("20")
        page.get_by_text("Custom parameters").click()
        for name in ("user", "password", "token", "limits", "reportDir", "caFile", "insecure", "dialect"):
            assert page.locator(f"input[name={name}]").count() == 0
        page.locator("input[name=warmUp]").fill("0")
        page.locator("select[name=model]").select_option("open")

        page.locator("input[name=rate]").fill("fast")
        page.get_by_role("button", name="Start").click()
        page.get_by_text("--rate 'fast': give a number of at least 0.001").wait_for()
        page.locator("input[name=rate]").fill("20")
        page.get_by_role("button", name="Start").click()

        page.get_by_role("tab", name="Hanami").click()
        cells = page.get_by_role("row", name="direct request").get_by_role("cell")
        rate = cells.nth(4)
        page.get_by_role("status").get_by_text("running, 4 users").wait_for()
        rate.wait_for()
        assert float(rate.inner_text()) > 0
        edit_users(page, 6)
        page.get_by_role("button", name="Stop").click()
        page.get_by_text("reports in").wait_for()
        result = read_load_result(folder / "reports")
        assert_verdict_is_shown(page, result, folder / "reports")
        assert set(result.configuration["users"]) == {"direct-request", "rest"}
        assert sum(result.configuration["users"].values()) == 6
        assert result.configuration["processes"] == max(1, workers)
        # What the page shows at last is what was judged.
        whole, request_series = [cell.inner_text() for cell in cells.all()], result.series["direct request"]
        assert float(whole[4]) == pytest.approx(request_series.rate(result.duration), rel=0.01)
        assert float(whole[8]) == pytest.approx(request_series.response.percentile(99) * 1000, rel=0.01)
        assert whole[13:] == ["0", "0", "0"]
        total = page.get_by_role("row", name="All messages").get_by_role("cell").all()
        everything = sum(one.rate(result.duration) for name, one in result.series.items() if name != "upload file")
        assert float(total[4].inner_text()) == pytest.approx(everything, rel=0.01)
    assert complaints == []
    assert any("extended_stats" in text for text in seen)
    assert not [text for text in seen if PASSWORD in text]


@pytest.mark.slow
def test_users_that_leave_in_the_middle_of_a_run_are_no_failure(single: Swarm, folder: Path) -> None:
    def users() -> int:
        return int(single.get("/stats/requests")["user_count"])

    classes = ["direct-request", "rest", "csv-upload", "connection-churn"]
    assert swarm(single, user_count="8", user_classes=classes)["success"]
    single.wait_until(lambda: users() == 8)
    assert swarm(single, user_count="4", user_classes=classes)["success"]
    single.wait_until(lambda: users() == 4)
    single.post("/stop")
    single.wait_until(lambda: is_judged(single.url))
    result = read_load_result(folder / "reports")
    assert result.state is RunState.PASS, result.reasons
    assert sum(result.configuration["users"].values()) == 4
    assert not result.leftovers


@pytest.mark.slow
def test_a_limit_ends_a_run_of_workers_while_users_are_still_spawned(target: str, tmp_path: Path) -> None:
    limit = '[[limit]]\nmetric = "response"\nof = "direct request"\nstatistic = "max"\nat_most = "1 us"\nabort = true\n'
    (tmp_path / "abort.toml").write_text(limit + EASY)
    options = {"user_count": "60", "spawn_rate": "1"}
    with locust(target, tmp_path, 1, "--limits", str(tmp_path / "abort.toml")) as group:
        assert swarm(group, user_classes=["direct-request"], **options)["success"]
        group.wait_until(lambda: is_judged(group.url))
        group.wait_until(lambda: group.get("/stats/requests")["user_count"] == 0)
        result = read_load_result(tmp_path / "reports")
    assert result.state is RunState.FAIL
    assert result.reasons[0].startswith("ended by its limit: direct request: response")
    assert sum(result.configuration["users"].values()) < 60


@pytest.mark.slow
@pytest.mark.parametrize("sockets", ["0", "8"])
def test_a_worker_that_joins_in_the_middle_of_a_run(target: str, tmp_path: Path, sockets: str) -> None:
    with locust(target, tmp_path, 1, *easy_limits(tmp_path)) as group:
        assert swarm(group, user_count="4", sockets=sockets, user_classes=["direct-request"])["success"]
        group.wait_until(lambda: goes_on(group.url, 4))
        if sockets == "0":
            group.wait_until(lambda: last_second(group.url) >= LATE)
        group.add_worker()
        group.wait_for_workers(2)
        if sockets == "0":
            group.wait_until(lambda: [one["user_count"] for one in group.get("/stats/requests")["workers"]] == [2, 2])
            group.post("/stop")
        group.wait_until(lambda: is_judged(group.url))
        result = read_load_result(tmp_path / "reports")
        group.wait_until(lambda: group.get("/worker-count")["worker_count"] == 2)
        # In the next run both are there from the beginning.
        assert swarm(group, user_count="4", sockets=sockets, user_classes=["direct-request"])["success"]
        group.wait_until(lambda: goes_on(group.url, 4))
        group.post("/stop")
        group.wait_until(lambda: banner(group.url).startswith("PASS"))
    if sockets == "0":
        assert result.state is RunState.PASS, result.reasons
        assert len(result.generators) == 2
        assert all(one.complete for one in result.generators)
        assert result.configuration["users"] == {"direct-request": 4}
        # Both count the seconds of the run, and not of their own part of it: else their mean were LATE / 2 shorter.
        assert max(result.series["direct request"].slices) < result.duration + LATE / 3
    else:
        assert result.state is RunState.INVALID
        assert "joined during the run" in result.reasons[0]


def _text(response: object) -> str:
    try:
        return str(response.text())  # type: ignore[attr-defined]
    except Exception:  # noqa: BLE001 - a redirection, or a picture
        return ""


def test_a_second_run_begins_anew(single: Swarm, url: str, folder: Path) -> None:
    counts = []
    for _ in range(2):
        assert swarm(single, user_classes="rest", run_time="1s")["success"] is True
        while not is_judged(url):
            pass
        rows = table(url)
        result = read_load_result(folder / "reports")
        assert result.state in (RunState.PASS, RunState.INVALID), (
            result.reasons
        )  # INVALID where the machine is too busy
        assert set(result.series) == {row["name"] for row in rows[1:]}
        counts.append(result.series["rest csv.init"].sent)
        assert result.duration < 5
    assert counts == [2, 2]


def test_no_secret_is_in_any_page(url: str) -> None:
    for path in ("", "stats/requests", "stats/report", "logs", "tasks", "exceptions"):
        answer = httpx.get(f"{url}/{path}", timeout=PATIENCE, trust_env=False)
        assert answer.status_code == 200
        assert PASSWORD not in answer.text
