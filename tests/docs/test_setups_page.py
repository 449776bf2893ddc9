"""The page on setups is a program that runs, and its figures are what the modules draw."""

import importlib.util
import re
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "setups" / "README.md"


def test_the_page_runs():
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S))
    assert code.count("assert") >= 8
    names: dict[str, Any] = {}
    exec(compile(code, str(PAGE), "exec"), names)
    assert names["characters"].max() < 65


def test_the_figures_are_the_modules():
    spec = importlib.util.spec_from_file_location("draw_setups", PAGE.with_name("draw.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    drawn = module.figures()
    for name, svg in drawn.items():
        assert (PAGE.parent / name).read_text(encoding="utf-8") == svg, f"run docs/setups/draw.py: {name}"
    assert set(re.findall(r"\]\(([\w-]+\.svg)\)", PAGE.read_text(encoding="utf-8"))) <= set(drawn)
