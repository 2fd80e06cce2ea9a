"""The site of the documentation: what is generated is whole, dead links are found, and pages are readable anywhere."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from hanami_conformance.catalogue import catalogue, client_catalogue
from hanami_conformance.catalogue.explanations import client_explanations, explanations
from hanami_conformance.client_mode.scenario import scenarios
from hanami_conformance.options.definitions import OPTIONS
from hanami_proto.dialect import dialect_names, load_dialect
from hanami_reference_backend.faults import catalogue as faults
from hanami_reference_backend.faults.released import SERVERS, defects_of
from hanami_reports.model.conformance import ExitStatus, Outcome, Verdict
from support.browser import DESK, PHONE, TIMEOUT, Visit, running_browser
from support.paths import ROOT
from tools.docs.__main__ import build_site
from tools.docs.command_pages import programs
from tools.docs.markdown import cell, code
from tools.docs.site import generated_files, navigation

VISITED = (
    "index",
    "tutorial/first-run",
    "reference/requirements/GEN-2",
    "reference/protocol/openhanami-0.7",
    "reference/commands/hanami-conformance",
)


@pytest.fixture(scope="module", name="files")
def _files() -> dict[str, str]:
    return dict(generated_files())


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ("a | b", "a \\| b"),
        ("<NAME> *x* [y]_z", "&lt;NAME&gt; \\*x\\* \\[y\\]\\_z"),
        ("`ws://<ADDRESS>` and\n `a|b`", "`ws://<ADDRESS>` and `a\\|b`"),
    ],
)
def test_texts_are_literal_but_for_code(text: str, literal: str) -> None:
    assert cell(text) == literal


def test_nothing_is_no_code() -> None:
    assert (code(""), code("a|b")) == ("", "`a\\|b`")


def test_every_requirement_has_a_page(files: dict[str, str]) -> None:
    index = files["reference/requirements/index.md"]
    for name, requirement in catalogue().items():
        page = files[f"reference/requirements/{name}.md"]
        assert page.startswith(f"# {name}\n\n> {cell(requirement.text)}\n\n**{requirement.level.value}**"), name
        assert cell(explanations()[name].why) in page
        assert cell(explanations()[name].example) in page
        assert f"    hanami-conformance run --requirement {name} " in page
        assert "`test_" in page, name
        assert f"]({name}.md) |" in index


def test_every_requirement_of_clients_and_every_scenario_is_on_their_page(files: dict[str, str]) -> None:
    page = files["reference/client-requirements.md"]
    for name, requirement in client_catalogue().items():
        assert f"### {name}\n\n> {cell(requirement.text)}\n\n**{requirement.level.value}**" in page, name
        assert cell(client_explanations()[name].why) in page
    assert re.findall(r"^\| `([a-z-]+)` \|", page, flags=re.MULTILINE) == list(scenarios())


def test_a_page_has_the_faults_and_defects_of_its_requirement(files: dict[str, str]) -> None:
    defects = {name: one for server in SERVERS for name, one in defects_of(server).items()}
    for name in catalogue():
        page = files[f"reference/requirements/{name}.md"]
        for fault in faults().values():
            assert (f"<br>`{fault.name}` |" in page) == (name in fault.violates), (name, fault.name)
        for defect in defects.values():
            if name in defect.violates:
                assert f"| {cell(defect.text)} | {', '.join(defect.servers)} |" in page, (name, defect.name)
    rows = re.findall(r"<br>`[a-z-]+` \| \[(.*?)\]", files["reference/requirements/FIN-3.md"])
    assert rows[0] == "FIN-3", "faults of which it is the main requirement come first"
    assert set(rows) > {"FIN-3"}


def test_every_option_is_on_the_page_of_its_command(files: dict[str, str]) -> None:
    page = files["reference/commands/hanami-conformance.md"]
    for option in OPTIONS:
        assert f"`{option.flag}" in page
        assert option.environment in page
    for program in programs():
        text = files[f"reference/commands/{program.name}.md"]
        for command in (program, *program.commands):
            for argument in command.arguments:
                assert all(code(form) in text for form in argument.forms)
                assert argument.help or argument.default, (command.name, argument.forms)
    assert {one.name for one in programs()} == set(scripts())


def scripts() -> list[str]:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return re.findall(r"^(hanami-[a-z-]+) = ", text.partition("[project.scripts]")[2].partition("\n[")[0], re.MULTILINE)


def test_every_word_is_on_the_page_of_verdicts(files: dict[str, str]) -> None:
    lines = files["reference/verdicts.md"].splitlines()
    for word in (*Verdict, *Outcome):
        assert any(line.startswith(f"| {word.value} | ") for line in lines), word
    for status in ExitStatus:
        assert any(line.startswith(f"| {status.value} | ") for line in lines), status


@pytest.mark.parametrize("name", dialect_names())
def test_the_page_of_a_dialect_has_its_routes_and_messages(files: dict[str, str], name: str) -> None:
    page, dialect = files[f"reference/protocol/{name}.md"], load_dialect(name)
    for operation, route in dialect.routes.items():
        assert f"### {operation}\n\n`{route.method} {route.path}`" in page
    for message in ("FileUpload_Message", "FileUploadResponse_Message", "ClusterIO_Message"):
        assert page.count(f"message {message} {{") == 1
    documents = {kind: json.loads(files[f"reference/protocol/{kind}-{name}.json"]) for kind in ("openapi", "asyncapi")}
    assert documents["openapi"]["paths"].keys() == {route.path for route in dialect.routes.values()}
    assert documents["asyncapi"]["asyncapi"] == "3.0.0"


def test_folders_of_generated_pages_are_replaced_in_the_navigation(files: dict[str, str]) -> None:
    written: list[Any] = [{"Home": "index.md"}, {"Reference": ["a.md", {"Requirements": "reference/requirements/"}]}]
    home, reference = navigation(written)
    assert home == {"Home": "index.md"}
    pages = reference["Reference"][1]["Requirements"]
    assert pages[0] == "reference/requirements/index.md"
    assert pages[4] == {"PROG": [f"reference/requirements/PROG-{number}.md" for number in range(1, 5)]}
    assert len(re.findall(r"reference/requirements/[\w-]+\.md", str(pages))) == len(catalogue()) + 1
    assert all(place in files for place in re.findall(r"reference/[\w/-]+\.md", str(pages)))


@pytest.fixture(scope="module", name="site")
def _site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    site = tmp_path_factory.mktemp("site")
    assert build_site(ROOT / "docs", site)
    return site


@pytest.mark.slow
def test_the_site_is_built_without_a_dead_link(site: Path) -> None:
    pages = {str(path.relative_to(site)) for path in site.rglob("*.html")}
    assert {f"{page}.html" for page in VISITED} <= pages
    written = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    assert {str(path) for path in written} <= pages


@pytest.mark.slow
def test_dead_links_fail(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    problems = {
        "[x](nowhere.md)": "'explanation/nowhere.md' is not found",
        "[x](../reference/verdicts.md#nowhere)": "does not contain an anchor '#nowhere'",
        "![x](nowhere.png)": "'explanation/nowhere.png' is not found",
        "[x](/nowhere)": "absolute link '/nowhere'",
    }
    docs = tmp_path / "docs"
    shutil.copytree(ROOT / "docs", docs)
    with (docs / "explanation" / "trust.md").open("a", encoding="utf-8") as page:
        page.write("\n" + " ".join(problems))
    (docs / "how-to" / "lost.md").write_text("# A page without a place", encoding="utf-8")
    assert not build_site(docs, tmp_path / "site")
    for problem in (*problems.values(), "how-to/lost.md"):
        assert problem in caplog.text


@pytest.fixture(scope="module", name="browser")
def _browser() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser


@pytest.mark.slow
@pytest.mark.parametrize(("size", "scheme"), [(DESK, "light"), (PHONE, "dark")])
def test_pages_are_readable_without_a_server_and_a_network(
    site: Path, browser: Browser, size: dict[str, int], scheme: str
) -> None:
    files = {page: site / f"{page}.html" for page in VISITED}
    for page, file in files.items():
        context = browser.new_context(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
        visit = Visit(context.new_page())
        visit.page.goto(file.as_uri())
        assert (page, visit.overflow(), visit.complaints) == (page, 0, [])
        assert [url for url in visit.requests if not url.startswith(("file:", "blob:", "data:"))] == []
        context.close()


@pytest.mark.slow
def test_the_search_finds_a_requirement_in_pages_opened_as_files(site: Path, browser: Browser) -> None:
    context = browser.new_context(viewport=DESK)  # type: ignore[arg-type]
    tab = context.new_page()
    tab.goto((site / "index.html").as_uri())
    tab.get_by_role("textbox", name="Search").fill("byte is missing")
    # In whatever order: other pages quote the same sentence.
    link = ".md-search-result__link[href*='reference/requirements/PROG-2.html']"
    tab.locator(link).first.wait_for(state="attached", timeout=TIMEOUT)
    context.close()
