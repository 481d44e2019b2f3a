"""Which files the lint looks at, and how it speaks."""
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("include", "src", "tests")


@dataclass(frozen=True)
class Finding:
    path: str
    line: int
    text: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.text}"


def relative(path):
    return str(Path(path).resolve().relative_to(ROOT))


def c_files(only=None):
    """The .c and .h files of the project, sorted; with `only` those below that path."""
    found = []
    for folder in FOLDERS:
        found += (ROOT / folder).rglob("*.[ch]")
    if only is not None:
        limit = Path(only).resolve()
        found = [path for path in found if path == limit or limit in path.parents]
    return sorted(found)


def room_of(path):
    """The room of a file below src/, else None."""
    parts = Path(path).relative_to(ROOT).parts
    return parts[1] if len(parts) > 2 and parts[0] == "src" else None
