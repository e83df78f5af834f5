"""What `import ostinato` loads, shows, and says when an extra is missing."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import ostinato as ost
from ostinato.core.dimensions import LEGEND

WITHOUT = """
import sys

class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name in {missing}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, NotInstalled())
"""
WITHOUT_TORCH = WITHOUT.format(missing={"torch"})
PLAIN_INSTALL = WITHOUT.format(missing={"torch", "typer", "rich", "pydantic", "yaml"})


def run_interpreter(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def run_python(code: str) -> str:
    """Run `code` in a fresh interpreter and return what it prints."""
    result = run_interpreter(code)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_importing_the_package_loads_itself_and_the_standard_library_only():
    loaded = run_python("""
        import sys
        before = set(sys.modules)
        import ostinato
        print(*sorted(set(sys.modules) - before))
    """).split()
    ours = [name for name in loaded if name.partition(".")[0] == "ostinato"]
    others = {name.partition(".")[0] for name in loaded} - {"ostinato"} - sys.stdlib_module_names
    assert ours == ["ostinato"]
    assert others == set()


@pytest.mark.parametrize("module", ["core", "core.errors", "equations", "cells"])
def test_the_language_and_the_cells_need_no_torch_and_no_numpy(module: str):
    loaded = f"import ostinato.{module}\nprint(*({{'torch', 'numpy'}} & sys.modules.keys()))"
    assert run_python(WITHOUT_TORCH + loaded).split() == []


def test_a_cell_is_read_and_explained_without_torch():
    printed = run_python(
        WITHOUT_TORCH
        + "import ostinato as ost\nprint(ost.Cell('h = tanh(W @ h + U @ x + b)').states)"
    )
    assert printed.strip() == "('h',)"


def test_saved_models_need_no_extra():
    loaded = "import ostinato\nprint(ostinato.runtime.__name__, 'torch' in sys.modules)"
    assert run_python(PLAIN_INSTALL + loaded).split() == ["ostinato.runtime", "False"]


@pytest.mark.parametrize("name", ["LSTM", "Recurrent", "accelerate", "init", "nn"])
def test_a_layer_without_torch_names_the_extra(name: str):
    printed = run_python(
        WITHOUT_TORCH
        + textwrap.dedent(f"""
            import ostinato as ost
            try:
                ost.{name}
            except ost.OstinatoError as error:
                assert isinstance(error, ImportError)
                assert error.extra == "torch"
                print(error)
        """)
    )
    assert printed.splitlines() == [
        f"ostinato.{name} needs packages that the plain install leaves out.",
        "mend: pip install 'ostinato[torch]'",
    ]


@pytest.mark.parametrize("name", ["train", "from_pretrained", "SequenceClassifier"])
@pytest.mark.parametrize("missing", ["torch", "pydantic", "sklearn"])
def test_training_without_its_packages_names_the_extra(name: str, missing: str):
    if missing == "sklearn" and not name.startswith("Sequence"):
        pytest.skip("baselines alone need scikit-learn")
    printed = run_python(
        WITHOUT.format(missing={missing})
        + textwrap.dedent(f"""
            import ostinato as ost
            try:
                ost.{name}
            except ost.OstinatoError as error:
                print(error.extra, error)
        """)
    )
    assert printed.startswith(f"train ostinato.{name} needs packages")


def test_another_import_error_surfaces_as_it_is():
    printed = run_python("""
        import sys
        sys.modules["ostinato.nn"] = None
        import ostinato as ost
        try:
            ost.LSTM
        except ModuleNotFoundError as error:
            print(error.name, type(error).__name__)
    """)
    assert printed.split() == ["ostinato.nn", "ModuleNotFoundError"]


@pytest.mark.parametrize("arguments", [[], ["--help"], ["train", "hello"]])
def test_the_command_of_a_plain_install_names_the_extra(arguments: list[str]):
    result = run_interpreter(PLAIN_INSTALL + f"from ostinato.cli import main\nmain({arguments!r})")
    assert result.returncode == 2
    assert result.stderr.startswith("error: ")
    assert "mend: pip install 'ostinato[train]'" in result.stderr
    assert "Traceback" not in result.stderr


def test_dir_lists_every_public_name_without_loading_it():
    printed = run_python("""
        import sys
        import ostinato
        print(*dir(ostinato))
        assert "torch" not in sys.modules
    """)
    assert set(ost.__all__) <= set(printed.split())


@pytest.mark.parametrize("name", ost.__all__)
def test_every_public_name_can_be_fetched(name: str):
    assert getattr(ost, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'ostinato' has no attribute 'Recurent'"):
        ost.Recurent  # noqa: B018


def test_the_version_is_that_of_the_installed_package():
    assert ost.__version__ == importlib.metadata.version("ostinato")


def test_shapes_in_docstrings_keep_to_the_legend():
    source = Path(ost.__file__).parent
    shapes = [
        (file.name, shape)
        for file in source.rglob("*.py")
        for shape in re.findall(r"``\[([^\]`]*)\]``", file.read_text(encoding="utf-8"))
    ]
    assert len(shapes) > 50
    strange = [(f, s) for f, s in shapes if set(re.findall(r"\b[A-Z]\b", s)) - LEGEND.keys()]
    assert strange == []
