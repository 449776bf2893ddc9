"""Links of pages that lead out of docs/, as they do in the repository's browser: on the site they lead to pages too.

A cell's file has its page; a page of Markdown is one; any other file, or folder, gets a page that shows it.
"""

import ast
import posixpath
import re
from pathlib import Path

SOURCE = "source/"
"""Where pages of files lie on the site."""

_LINK = re.compile(r"(\]\()([^)\s#:]+)((?:#[^)\s]*)?\))")
_CODE = re.compile(r"^( *)(```+|~~~+).*?^\1\2[ ]*$|`[^`\n]+`", re.S | re.M)


class Links:
    """Knows where a link of a page leads.

    Args:
        docs: the folder of the documentation; the repository is around it.
    """

    def __init__(self, docs: str) -> None:
        self.docs = Path(docs)
        self.root = self.docs.parent

    def pages(self) -> dict[str, str]:
        """The pages in docs/, by their names."""
        found = sorted(self.docs.rglob("*.md"))
        return {p.relative_to(self.docs).as_posix(): p.read_text(encoding="utf-8") for p in found}

    def rewritten(self, markdown: str, page: str) -> str:
        """The text of a page of the site, its links as the site needs them."""

        def link(match: re.Match[str]) -> str:
            target = self.target(match[2], page)
            here = match[2] if target is None else posixpath.relpath(target, posixpath.dirname(page) or ".")
            return match[1] + here + match[3]

        parts, at = [], 0
        for code in _CODE.finditer(markdown):
            parts += [_LINK.sub(link, markdown[at : code.start()]), code[0]]
            at = code.end()
        return "".join([*parts, _LINK.sub(link, markdown[at:])])

    def target(self, link: str, page: str) -> str | None:
        """The page of the site that a link of `page` leads to; None where it stays within docs/, or leads nowhere."""
        origin = page.removeprefix(SOURCE) if page.startswith(SOURCE) else f"docs/{page}"
        path = posixpath.normpath(posixpath.join(posixpath.dirname(origin), link))
        if path.startswith("..") or not (self.root / path).exists():
            return None
        if path.startswith("docs/") and not path.endswith(".py"):
            return path.removeprefix("docs/") if page.startswith(SOURCE) else None
        folder, name = posixpath.split(path)
        if path == "src/unspool/cells":
            return "cells/index.md"
        if folder == "src/unspool/cells" and name not in ("__init__.py", "library.py"):
            return f"cells/{name.removesuffix('.py')}.md"
        return f"{SOURCE}{path}" if path.endswith(".md") else f"{SOURCE}{path}.md"


def source_pages(links: Links) -> dict[str, str]:
    """Name → text of the pages that show what the pages in docs/ link to outside it."""
    made = {
        f"{SOURCE}{name}": (links.root / name).read_text(encoding="utf-8")
        for name in ("CONTRIBUTING.md", "CHANGELOG.md")
    }
    for page, text in {**links.pages(), **made}.items():
        for match in _LINK.finditer(_CODE.sub("", text)):
            target = links.target(match[2], page)
            if target is not None and target.startswith(SOURCE) and target not in made:
                made[target] = _shown(links.root / target.removeprefix(SOURCE).removesuffix(".md"))
    return made


def _shown(path: Path) -> str:
    """A file, or what is in a folder."""
    if path.is_dir():
        rows = [f"| `{p.name}` | {_first_line(p)} |" for p in sorted(path.glob("*.py"))]
        return "\n".join([f"# {path.name}/", "", "| file | what it is |", "|---|---|", *rows, ""])
    if path.suffix == ".py":
        return f"# {path.name}\n\n````python\n{path.read_text(encoding='utf-8')}````\n"
    return f"# {path.name}\n\n````text\n{path.read_text(encoding='utf-8')}````\n"


def _first_line(path: Path) -> str:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.split("\n")[0].replace("|", "\\|")
