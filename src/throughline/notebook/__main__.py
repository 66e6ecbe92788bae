"""Execute notebook sources into the .ipynb beside them: ``python -m throughline.notebook``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from throughline.errors import ThroughlineError, UsageError
from throughline.notebook.build import CellError, build_notebook


def main(arguments: list[str] | None = None) -> int:
    """Build every source named, or all of ``notebooks/``; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m throughline.notebook", description=(__doc__ or "").split(":")[0] + "."
    )
    parser.add_argument("sources", nargs="*", type=Path, help="jupytext sources; by default notebooks/*.py")
    parser.add_argument("--check", action="store_true", help="execute, solutions included, and keep nothing")
    given = parser.parse_args(arguments)
    try:
        for source in given.sources or _found():
            print(f"executing {source} ...", flush=True)
            if given.check:
                with tempfile.TemporaryDirectory() as folder:
                    build_notebook(source, Path(folder) / "checked.ipynb", solved=True)
            else:
                build_notebook(source, source.with_suffix(".ipynb"))
    except CellError as error:
        print(f"throughline: {error}\n\n{error.traceback}", file=sys.stderr)
        return error.exit_status
    except ThroughlineError as error:
        print(f"throughline: {error}", file=sys.stderr)
        return error.exit_status
    return 0


def _found() -> list[Path]:
    sources = sorted(Path("notebooks").glob("*.py"))
    if not sources:
        raise UsageError(
            "SOURCE", "a jupytext source, or left out where there is a folder notebooks", "none", "name one"
        )
    return sources


if __name__ == "__main__":
    sys.exit(main())
