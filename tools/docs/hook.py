"""Hook of MkDocs that adds the generated pages, see ``mkdocs.yml``."""

from __future__ import annotations

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from tools.docs.site import generated_files, navigation


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put the generated pages into the navigation."""
    config.nav = navigation(config.nav or [])
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated files to those of ``docs``."""
    for place, text in generated_files().items():
        files.append(File.generated(config, place, content=text))
    return files
