"""A lexer for C that is exact where the lint needs it: comments, literals, preprocessor lines."""
import re
from dataclasses import dataclass

TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r\f\v]+|\\\n)
  | (?P<newline>\n)
  | (?P<comment>//[^\n]*|/\*.*?\*/)
  | (?P<string>(?:u8|u|U|L)?"(?:\\.|[^"\\\n])*")
  | (?P<char>(?:u|U|L)?'(?:\\.|[^'\\\n])*')
  | (?P<number>\.?[0-9](?:[eEpP][+-]|[0-9a-zA-Z_.])*)
  | (?P<name>[A-Za-z_][A-Za-z_0-9]*)
  | (?P<punct>\.\.\.|<<=|>>=|->|\+\+|--|&&|\|\||[-+*/%&|^<>=!]=|<<|>>|\#\#|.)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Token:
    kind: str  # name, number, string, char, punct
    text: str
    line: int


@dataclass(frozen=True)
class Directive:
    text: str  # "#include <x.h>", continuation lines joined, comments removed
    line: int


def lex(source):
    """Gives (tokens, directives, comments); comments are (text, line)."""
    tokens, directives, comments = [], [], []
    line, position, fresh = 1, 0, True
    while position < len(source):
        match = TOKEN.match(source, position)
        kind, text = match.lastgroup, match.group()
        if fresh and text == "#":
            end = position
            body = []
            while end < len(source) and source[end] != "\n":
                if source.startswith("\\\n", end):
                    body.append(" ")
                    end += 2
                elif source.startswith("/*", end):
                    close = source.find("*/", end + 2)
                    end = len(source) if close < 0 else close + 2
                elif source.startswith("//", end):
                    close = source.find("\n", end)
                    end = len(source) if close < 0 else close
                else:
                    body.append(source[end])
                    end += 1
            directives.append(Directive("".join(body), line))
            line += source.count("\n", position, end)
            position = end
            continue
        if kind == "comment":
            comments.append((text, line))
        elif kind == "newline":
            fresh = True
        elif kind != "space":
            tokens.append(Token(kind, text, line))
            fresh = False
        line += text.count("\n")
        position = match.end()
    return tokens, directives, comments


def matching(tokens, index):
    """The index behind the bracket that closes the one at `index`."""
    pairs = {"(": ")", "[": "]", "{": "}"}
    opening = tokens[index].text
    closing = pairs[opening]
    depth = 0
    while index < len(tokens):
        text = tokens[index].text
        if text == opening:
            depth += 1
        elif text == closing:
            depth -= 1
            if depth == 0:
                return index + 1
        index += 1
    return index
