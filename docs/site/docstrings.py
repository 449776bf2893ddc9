"""Docstrings as the reference reads them: an example is code, and a line that tells of several arguments is of each."""

import re

import griffe

_SEVERAL = re.compile(r"^(?P<indent> +)(?P<names>\w+(?:, \w+)+): (?P<text>.*(?:\n(?P=indent) +\S.*)*)", re.M)
_EXAMPLE = re.compile(r"^( *)Example:$", re.M)


class Docstrings(griffe.Extension):
    """Rewrites every docstring before it is parsed."""

    def on_object(self, *, obj: griffe.Object, **_: object) -> None:
        """Called for each object of the package."""
        if obj.docstring is not None:
            text = _EXAMPLE.sub(r"\1Examples:", obj.docstring.value)
            obj.docstring.value = _SEVERAL.sub(_apart, text)


def _apart(line: re.Match[str]) -> str:
    return "\n".join(f"{line['indent']}{name}: {line['text']}" for name in line["names"].split(", "))
