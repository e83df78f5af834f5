"""Small models that have really learned something, each behind a real server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import ostinato as ost
from tests.serving.page.browser import Visit, find_browser, serving, visiting
from tests.training.examples import recipe_for
from tests.training.helpers import raw_recipe

if TYPE_CHECKING:
    from playwright.sync_api import Browser

Visiting = Callable[..., AbstractContextManager[Visit]]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser. Its loop runs as long as it does, so it ends with the module."""
    from tests.serving.page.playing import sync_playwright

    path = find_browser()
    with sync_playwright() as playwright:
        # Containers run tests as root, where Chromium's sandbox does not start.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """Addresses of servers by what they serve: each is trained and started when first asked for."""
    find_browser()
    folder = tmp_path_factory.mktemp("served")
    known: dict[str, str] = {}
    with ExitStack() as stack:

        def address(kind: str) -> str:
            if kind not in known:
                run = folder / kind
                _train(kind, run, folder)
                known[kind] = stack.enter_context(serving(run, folder))
            return known[kind]

        yield address


@pytest.fixture
def visit(browser: Browser, served: Callable[[str], str]) -> Visiting:
    """Open a window on the server of a kind: ``writer``, ``classifier``, ``tagger``, ``arrays``."""

    def open_window(kind: str = "writer", **options: Any) -> AbstractContextManager[Visit]:
        return visiting(browser, served(kind), **options)

    return open_window


def _train(kind: str, run: Path, folder: Path) -> None:
    match kind:
        case "writer":
            recipe: Any = raw_recipe(
                model={"cell": "lstm", "hidden_size": 32, "embedding_size": 16, "num_layers": 2},
                training={**raw_recipe()["training"], "max_steps": 200, "batch_size": 4},
                evaluation={"every": 100},
                sample={"length": 10, "prompt": "the quick"},
            )
        case "classifier":
            recipe = recipe_for("texts", folder, training={"max_steps": 120})
        case "arrays":
            recipe = recipe_for("arrays", folder, training={"max_steps": 60})
        case _:
            recipe = recipe_for("spelled tags", folder, training={"max_steps": 60})
    ost.train(recipe, run=run, progress=False)
