"""Who may include whom: src/LAYERS, and the USES of each src/<room>/CMakeLists.txt."""
import re

from . import clex
from .files import ROOT, Finding, c_files, relative, room_of

INCLUDE = re.compile(r'#\s*include\s*(["<])([^">]+)[">]')
ROOM = re.compile(r"assay_room\(\s*(\w+)(?:\s+USES\s+([\w\s]*?))?(?:\s+LINKS\s+([\w\s]*?))?\s*\)")


def read_layers():
    """Gives (rooms in order, header -> rooms that may include it, room -> the only rooms it sees)."""
    rooms, headers, narrow = [], {}, {}
    for line in (ROOT / "src/LAYERS").read_text(encoding="utf-8").splitlines():
        words = line.split()
        if not words or line.startswith("#"):
            continue
        rooms.append(words[0])
        for word in words[1:]:
            if word.startswith("@"):
                narrow.setdefault(words[0], []).append(word[1:])
            else:
                headers.setdefault(word, []).append(words[0])
    return rooms, headers, narrow


def read_uses(room):
    text = (ROOT / "src" / room / "CMakeLists.txt").read_text(encoding="utf-8")
    match = ROOM.search(text)
    return (match.group(2) or "").split() if match else []


def owners(header, headers):
    """The rooms that may include a third-party header; None where it belongs to nobody."""
    for pattern, rooms in headers.items():
        if header == pattern or pattern.endswith("/*") and header.startswith(pattern[:-1]):
            return rooms
    return None


def check(only=None):
    rooms, headers, narrow = read_layers()
    findings = [Finding("src/LAYERS", 1, f"'{folder.name}' is no room of this list")
                for folder in sorted((ROOT / "src").iterdir())
                if folder.is_dir() and folder.name not in rooms]
    uses = {room: read_uses(room) for room in rooms}
    for room in rooms:
        above = [used for used in uses[room] if rooms.index(used) >= rooms.index(room)]
        findings += [Finding(f"src/{room}/CMakeLists.txt", 1,
                             f"room '{room}' uses '{used}', which stands above it")
                     for used in above]
    count = 0
    for path in c_files(only):
        room = room_of(path)
        name = relative(path)
        _, directives, _ = clex.lex(path.read_text(encoding="utf-8"))
        for directive in directives:
            match = INCLUDE.match(directive.text)
            if match is None:
                continue
            count += 1
            if name.startswith("include/"):
                problem = check_public(match.group(2))
            elif room is None:
                continue
            else:
                allowed = narrow.get(room, uses[room])
                problem = check_include(room, match.group(1), match.group(2), allowed, headers)
            if problem:
                findings.append(Finding(name, directive.line, problem))
    return findings, f"{count} includes in {len(rooms)} rooms"


def check_public(header):
    if "/" in header and not header.startswith("assay/"):
        return f"a public header includes '{header}'"
    return None


def check_include(room, quote, header, allowed, headers):
    if header.startswith("assay/"):
        return None
    if quote == '"':
        if header.startswith("../") or "/" not in header:
            return f"'{header}' is not written as \"room/file.h\""
        other = header.split("/")[0]
        if other != room and other not in allowed:
            return f"room '{room}' does not use '{other}' ({header})"
        return None
    may = owners(header, headers)
    if may is not None and room not in may:
        return f"<{header}> is wrapped by room '{may[0]}'"
    return None
