"""What MkDocs calls: pages made from the code, links that leave the documentation, mathematics."""

from typing import Any

from cell_pages import cell_pages, navigation
from latex2mathml.converter import convert
from links import Links, source_pages
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from style import drawing_rules


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """The fence `math`; the cells in the navigation."""
    fence = {"name": "math", "class": "math", "format": _mathematics}
    config.mdx_configs.setdefault("pymdownx.superfences", {})["custom_fences"] = [fence]
    for section in config.nav or []:
        for name, pages in section.items():
            if pages == "cells/":
                section[name] = navigation()
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Pages that no one wrote: one for each cell, one for each file of the source that a page links to."""
    links = Links(config.docs_dir)
    for name, text in {**cell_pages(), **source_pages(links), "site/drawings.css": drawing_rules()}.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links to files outside the documentation lead to their pages on the site."""
    return Links(config.docs_dir).rewritten(markdown, page.file.src_uri)


def _mathematics(source: str, *_: Any, **__: Any) -> str:
    return f'<div class="mathematics">{convert(source.strip(), display="block")}</div>'
