"""The names of `import throughline`: all listed, all there, none loaded before it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import throughline


def test_the_list_is_complete() -> None:
    assert set(throughline.__all__) == {"__version__", *throughline._PUBLIC}
    assert len(set(throughline.__all__)) == len(throughline.__all__)
    assert set(throughline.__all__) <= set(dir(throughline))


@pytest.mark.parametrize("name", throughline.__all__)
def test_every_name_is_there(name: str) -> None:
    value = getattr(throughline, name)
    if name != "__version__":
        assert value.__name__ == throughline._PUBLIC[name][1]
        assert value.__module__ == f"throughline{throughline._PUBLIC[name][0]}"


def test_other_names_are_not() -> None:
    with pytest.raises(AttributeError, match="module 'throughline' has no attribute 'Mlp'"):
        throughline.Mlp  # noqa: B018


def test_importing_loads_nothing() -> None:
    code = "import sys, throughline; print({'numpy', 'sklearn', 'scipy', 'rich'} & {*sys.modules})"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "set()"
