"""Resolve the dependencies of pyproject.toml into the files of requirements/. Started by `make lock`.

    make lock                          keep every pinned version that still fits
    make lock ARGS=--upgrade           take the newest of everything
    make lock ARGS="--upgrade-package keras"

Written are:

lock.txt
    what `throughline run` needs, and the build backend that installs the package itself
lock-dev.txt
    what tests, types, lint and notebook need besides
torch-cuda.txt
    what only the CUDA build of torch needs, installed only where that build was installed
lock-tools.txt
    the resolver itself

One resolution serves every supported machine and Python (`--universal`), with one version of each package for all of
them (`--fork-strategy fewest`). Afterwards each supported machine is asked whether every pinned package has a wheel for
it. Nothing is written unless all of this succeeded.
"""

import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"
TORCH_CPU = REQUIREMENTS / "torch-cpu.txt"
PYTHONS = ("3.11", "3.12")
PLATFORMS = (
    "x86_64-manylinux_2_28",
    "aarch64-manylinux_2_28",
    "aarch64-apple-darwin",
    "x86_64-pc-windows-msvc",
)
# Bounds that no package states and the resolver cannot know, each with its reason.
BOUNDS = {
    "backports-strenum<1.3": "ai-edge-litert asks for any; 1.3 says that it is not for Python 3.11 on. pip obeys that, "
    "and uv looks at lower bounds only",
}
# What hatchling asks for when it installs a project for editing; pyproject.toml has no place to say so.
EDITABLE = "editables~=0.3"
# The oldest macOS for which ONNX Runtime has wheels.
MACOS = "14.0"
HEADERS = {
    "lock.txt": "What `throughline run` needs. Made by `make lock` from pyproject.toml; do not edit.",
    "lock-dev.txt": "What tests, lint, types and notebook need besides lock.txt. Made by `make lock`; do not edit.",
    "torch-cuda.txt": "What the CUDA build of torch (the registry's, on Linux) needs besides lock.txt.\n"
    "# Installed only where the torch that was installed asks for it. Made by `make lock`; do not edit.",
    "lock-tools.txt": "The resolver that `make lock` runs. Made by `make lock` from pyproject.toml; do not edit.",
}


def uv(*arguments: str, folder: Path) -> None:
    """Run the pinned uv; its messages go to the terminal."""
    executable = Path(sys.executable).with_name("uv.exe" if os.name == "nt" else "uv")
    environment = {**os.environ, "MACOSX_DEPLOYMENT_TARGET": MACOS}
    status = subprocess.call([str(executable), *arguments], cwd=folder, env=environment)
    if status != 0:
        sys.exit(f"make lock: uv ended with status {status}; nothing was written.")


def resolve(folder: Path, output: str, sources: list[str], *options: str) -> dict[str, str]:
    """Compile requirement files into one and return its entries, requirement line -> whole text."""
    fixed = ["--universal", "--fork-strategy", "fewest", "--python-version", PYTHONS[0], "--generate-hashes"]
    silent = ["--no-header", "--no-emit-index-url", "--no-emit-find-links", "--quiet", "--python", sys.executable]
    uv("pip", "compile", *sources, *fixed, *silent, "--output-file", output, *options, folder=folder)
    return entries((folder / output).read_text(encoding="utf-8"))


def entries(text: str) -> dict[str, str]:
    """Split a compiled file into its entries: the requirement line with its hashes and comments under it."""
    text = re.sub(r"^    #   -c .*\n", "", text, flags=re.MULTILINE)
    parts = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)
    return {part.split(" \\\n")[0]: part for part in parts if "==" in part.split("\n")[0]}


def name_of(requirement: str) -> str:
    """Return the name in `name==version ; marker`."""
    return requirement.split("==")[0]


def cuda_only(resolved: dict[str, str]) -> set[str]:
    """Return the packages that nothing but torch's CUDA build needs.

    Those are the Linux-only ones that torch, or only others of them, asked for. uv writes who asked under each entry.
    """
    parents: dict[str, set[str]] = {}
    for requirement, text in resolved.items():
        comment = text.partition("# via")[2].replace("#", " ")
        parents[name_of(requirement)] = set(re.findall(r"[a-z0-9][a-z0-9-]*", comment.replace(" (pyproject.toml)", "")))
    linux = {name_of(requirement) for requirement in resolved if "sys_platform == 'linux'" in requirement}
    found = {name for name in linux if parents[name] == {"torch"}}
    while more := {name for name in linux - found if parents[name] <= found | {"torch"}}:
        found |= more
    return found


def with_cpu_builds(requirement: str, text: str) -> str:
    """Add the CPU builds' hashes to torch's entry: an index that serves both then gives the CPU build."""
    version = requirement.split("==")[1].split(" ")[0]
    kept = TORCH_CPU.read_text(encoding="utf-8")
    if f"\ntorch=={version}+cpu " not in kept:
        sys.exit(f"make lock: torch {version} was locked, and {TORCH_CPU.name} is for another version; see its head.")
    hashes = sorted(set(re.findall(r"--hash=sha256:\w+", text + kept)))
    comment = text[text.index("    # via") :]
    return " \\\n".join([requirement, *(f"    {each}" for each in hashes)]) + "\n" + comment


def write(name: str, parts: list[str]) -> None:
    """Write one file of requirements/, beside and then renamed."""
    beside = REQUIREMENTS / f"{name}.new"
    beside.write_text(f"# {HEADERS[name]}\n" + "".join(parts), encoding="utf-8", newline="\n")
    os.replace(beside, REQUIREMENTS / name)
    print(f"make lock: requirements/{name}: {len(parts)} packages")


def main(arguments: list[str]) -> None:
    """Resolve, split, ask every platform, write."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        # Copies under plain names: uv writes the names of its sources into its comments.
        (folder / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
        (folder / "build-system").write_text(
            "\n".join([*project["build-system"]["requires"], EDITABLE]), encoding="utf-8"
        )
        (folder / "bounds").write_text("\n".join(BOUNDS), encoding="utf-8")
        (folder / "lock-tools").write_text("\n".join(project["dependency-groups"]["lock"]), encoding="utf-8")
        # What is pinned now is preferred: uv reads it from the files that it is about to write.
        pinned = [REQUIREMENTS / name for name in ("lock.txt", "lock-dev.txt", "torch-cuda.txt")]
        (folder / "all.txt").write_text("".join(path.read_text(encoding="utf-8") for path in pinned if path.exists()))
        if (REQUIREMENTS / "lock-tools.txt").exists():
            (folder / "tools.txt").write_bytes((REQUIREMENTS / "lock-tools.txt").read_bytes())

        sources = ["pyproject.toml", "build-system"]
        everything = resolve(folder, "all.txt", sources, "--extra", "dev", "--constraint", "bounds", *arguments)
        run = resolve(folder, "run.txt", sources, "--constraint", "all.txt")
        tools = resolve(folder, "tools.txt", ["lock-tools"], *arguments)

        for python in PYTHONS:
            for platform in PLATFORMS:
                print(f"make lock: has everything a wheel for Python {python} on {platform}?", flush=True)
                options = ["--dry-run", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--quiet"]
                machine = ["--python-platform", platform, "--python-version", python, "--target", "nothing"]
                uv("pip", "install", *options, *machine, "-r", "all.txt", folder=folder)

    cuda = cuda_only(everything)
    run = {key: text for key, text in run.items() if name_of(key) not in cuda}
    dev = {key: text for key, text in everything.items() if name_of(key) not in cuda and key not in run}
    pins = {name_of(key): key.split(" ;")[0] for key in run}
    for key in dev:  # the same package may be in both, for more machines in the second; never in two versions
        assert pins.get(name_of(key), key.split(" ;")[0]) == key.split(" ;")[0], key
    torch = next(key for key in run if name_of(key) == "torch")
    run[torch] = with_cpu_builds(torch, run[torch])
    write("lock.txt", list(run.values()))
    write("lock-dev.txt", list(dev.values()))
    write("torch-cuda.txt", [text for key, text in everything.items() if name_of(key) in cuda])
    write("lock-tools.txt", list(tools.values()))


if __name__ == "__main__":
    main(sys.argv[1:])
