"""Where the C# agent's source is, and the hash that names what is built from it."""

import hashlib
from functools import lru_cache
from pathlib import Path

AGENT_DIR = Path(__file__).parent / "agent"
PROJECT = AGENT_DIR / "src" / "PerfCompare.Agent" / "PerfCompare.Agent.csproj"
PREBUILT_DIR = AGENT_DIR / "prebuilt"
NAME = "PerfCompare.Agent"

_BUILD_FILES = ("Directory.Build.props", "Directory.Packages.props", "global.json")
_OUTPUT_DIRS = frozenset({"bin", "obj"})


def source_files(agent_dir: Path = AGENT_DIR) -> list[Path]:
    """Return every file that goes into the agent's binary, in a fixed order."""
    code = (
        path
        for path in (agent_dir / "src").rglob("*")
        if path.suffix in {".cs", ".csproj"}
        and not _OUTPUT_DIRS.intersection(path.relative_to(agent_dir).parts)
    )
    return [*(agent_dir / name for name in _BUILD_FILES), *sorted(code)]


def source_hash(agent_dir: Path = AGENT_DIR) -> str:
    """Return the hex SHA-256 over the names and contents of the source files.

    Raises FileNotFoundError when the source is not there.
    """
    total = hashlib.sha256()
    for path in source_files(agent_dir):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{path.relative_to(agent_dir).as_posix()}\n{content}\n".encode())
    return total.hexdigest()


@lru_cache(maxsize=1)
def source_hash_at_start() -> str:
    """Return the hash as it was when this process first asked: cheap for readiness checks."""
    return source_hash()
