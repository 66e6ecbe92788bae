"""Whether a format can be made and run on this machine, and what to install if not."""

from __future__ import annotations

import importlib.util
import shutil

from throughline.formats.base import Format


def missing_runtime(form: Format) -> str:
    """Return why a format cannot be made and run here, and what to install, or an empty text."""
    modules = [name.split(".")[0] for name in (*form.preload, *form.packages) if not name.startswith("!")]
    missing = sorted({name for name in modules if importlib.util.find_spec(name) is None}, key=modules.index)
    if missing:
        package = f"'throughline[{form.extra}]'" if form.extra else "throughline"
        return f"{', '.join(missing)} is not installed: pip install {package}"
    programs = [name for name in form.programs if shutil.which(name) is None]
    return (
        f"the program {', '.join(programs)} is not here: install GCC, or what your system has for it"
        if programs
        else ""
    )
