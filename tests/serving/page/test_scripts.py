"""The page's modules without a browser."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import ostinato

PAGE = Path(ostinato.__file__).parent / "serving" / "page"
TESTS = Path(__file__).parent / "js"
# From here on, node knows a module by what stands in it.
OLDEST_NODE = (20, 19)


@pytest.fixture(scope="module")
def node() -> str:
    path = shutil.which("node")
    if path is None:
        pytest.skip("needs node, which is not on the path")
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    version = tuple(int(part) for part in re.findall(r"\d+", said)[:2])
    if version < OLDEST_NODE:
        pytest.skip(f"needs node {'.'.join(map(str, OLDEST_NODE))}; this is {said.strip()}")
    return path


def test_every_module_can_be_read(node: str) -> None:
    modules = sorted(PAGE.rglob("*.js"))
    assert len(modules) > 20
    for module in modules:
        # From its text: `--check` of a file believes that it is no module.
        found = subprocess.run(
            [node, "--input-type=module", "--check"],
            input=module.read_text("utf-8"),
            capture_output=True,
            text=True,
            check=False,
        )
        assert found.returncode == 0, f"{module}: {found.stderr}"


def test_units(node: str) -> None:
    found = subprocess.run(
        [node, "--test", *map(str, sorted(TESTS.glob("*.mjs")))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr


def test_imports_lead_to_files() -> None:
    for module in PAGE.rglob("*.js"):
        for name in re.findall(r'from "([^"]+)"', module.read_text("utf-8")):
            assert name.startswith("."), f"{module} imports {name}"
            assert (module.parent / name).is_file(), f"{module} imports {name}"


def test_nothing_is_inline_and_nothing_comes_from_elsewhere() -> None:
    index = (PAGE / "index.html").read_text("utf-8")
    assert " style=" not in index
    assert "<style" not in index
    assert not re.search(r"\son\w+=", index)
    assert re.findall(r"<script(?![^>]*\ssrc=)", index) == []
    addresses = re.findall(r'(?:src|href)="([^"]+)"', index)
    assert addresses
    for address in addresses:
        assert address.startswith("/static/")
        assert (PAGE / address.removeprefix("/static/")).is_file(), address
    for style in PAGE.rglob("*.css"):
        assert not re.search(r"url\(|@import", style.read_text("utf-8")), style


def test_every_phrase_is_known_and_used() -> None:
    english = (PAGE / "js" / "i18n" / "en.js").read_text("utf-8")
    keys = set(re.findall(r'^\s+"?([\w.\-]+)"?:', english, re.MULTILINE))
    code = "\n".join(
        module.read_text("utf-8") for module in PAGE.rglob("*.js") if module.parent.name != "i18n"
    )
    # Keys that are put together end where their first hole begins.
    stems: list[str] = re.findall(r"`([\w]+(?:[.][\w]+)*[._])\$\{", code)
    stems += re.findall(r'"([\w.]+\.)" \+', code)
    unused = {
        key for key in keys if f'"{key}"' not in code and not any(key.startswith(s) for s in stems)
    }
    assert unused == set()
    said = set(re.findall(r'\bsay(?:Label|Title|Hint)?: \[?"(\w+(?:\.\w+)+)"', code))
    assert said
    assert said <= keys, said - keys
