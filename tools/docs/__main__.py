"""Build the site of the documentation, and fail for a dead link or anchor: ``python -m tools.docs``."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
os.environ.setdefault("NO_MKDOCS_2_WARNING", "1")  # advertising of the theme, printed on every build

# Behind the variable, which the theme reads when it is loaded.
from mkdocs.commands.build import build  # noqa: E402
from mkdocs.config import load_config  # noqa: E402
from mkdocs.exceptions import MkDocsException  # noqa: E402


def build_site(docs: Path, site: Path) -> bool:
    """Build the site; problems are logged.

    Args:
        docs: Folder of the written pages.
        site: Folder of the site, which is emptied first.

    Returns:
        Whether there was no problem.
    """
    config = load_config(str(ROOT / "mkdocs.yml"), docs_dir=str(docs), site_dir=str(site), strict=True)
    config.plugins.on_startup(command="build", dirty=False)
    try:
        build(config)
    except MkDocsException as error:
        logging.getLogger("mkdocs").error("%s", error)  # noqa: TRY400 - one line, and no traceback
        return False
    finally:
        config.plugins.on_shutdown()
    return True


def main() -> int:
    """Build the site in ``build/site``; the exit status is 0, or 1 for a problem."""
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)
    site = ROOT / "build" / "site"
    if not build_site(ROOT / "docs", site):
        return 1
    print(f"the site is in {site / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
