"""Finds the functions of a C file and measures them."""
from dataclasses import dataclass, field

from .clex import matching

CONTROL = {"if", "for", "while", "switch"}
DECISION = CONTROL | {"&&", "||", "?"}


@dataclass
class Function:
    name: str
    line: int
    end: int
    parameters: int
    body: list
    complexity: int = 1
    nesting: int = 0
    remarks: list = field(default_factory=list)  # (line, text)

    @property
    def lines(self):
        return self.end - self.line + 1


@dataclass
class Declaration:
    tokens: list  # up to ; or = at file scope
    line: int


def split(tokens):
    """Gives (functions, declarations) of the file scope."""
    functions, declarations = [], []
    index, start = 0, 0
    while index < len(tokens):
        text = tokens[index].text
        head = tokens[start:index]
        if text in "([":
            index = matching(tokens, index)
        elif text == "{":
            end = matching(tokens, index)
            if is_language_block(head):
                index += 1
                start = index
                continue
            group = parameter_group(head)
            if group is not None:
                functions.append(measure(head, group, tokens[index + 1:end - 1],
                                         tokens[min(end, len(tokens)) - 1].line))
                start = end
            index = end
        elif text in (";", "}"):
            if head:
                declarations.append(Declaration(head, head[0].line))
            index += 1
            start = index
        else:
            index += 1
    return functions, declarations


def is_language_block(head):
    return len(head) == 2 and head[0].text == "extern" and head[1].kind == "string"


def parameter_group(head):
    """(index of the name, tokens of the parameters), or None where `head` opens no function."""
    found, index = None, 0
    if not head or head[0].text == "typedef":
        return None
    while index < len(head):
        text = head[index].text
        if text == "=":
            return None
        if text == "(":
            end = matching(head, index)
            before = head[index - 1] if index else None
            if before is not None and before.kind == "name" and not is_attribute(before.text):
                found = (index - 1, head[index + 1:end - 1])
            index = end
        else:
            index += 1
    return found


def is_attribute(name):
    return name.startswith("__") or name.isupper()


def count_parameters(tokens):
    """Inputs and outputs; the `assay_error *err` that closes nearly every list is not counted."""
    words = [t.text for t in tokens]
    if words[-3:] == ["assay_error", "*", "err"]:
        words = words[:-4]
    if not words or words == ["void"]:
        return 0
    depth, commas = 0, 0
    for word in words:
        if word in "([{":
            depth += 1
        elif word in ")]}":
            depth -= 1
        elif word == "," and depth == 0:
            commas += 1
    return commas + 1


def measure(head, group, body, end):
    name_index, parameters = group
    function = Function(head[name_index].text, head[0].line, end, count_parameters(parameters), body)
    function.complexity += sum(1 for t in body if t.text in DECISION)
    # `do .. while (x);` and `while (x) ..` are one decision each: nothing to correct.
    index = 0
    while index < len(body):
        index = statement(body, index, 0, function)
    return function


def statement(tokens, index, depth, function):
    """Walks one statement; returns the index behind it."""
    if index >= len(tokens):
        return index
    text = tokens[index].text
    if text == "{":
        return block(tokens, index, depth, function)
    if text in CONTROL:
        return control(tokens, index, depth, function)
    if text == "do":
        function.nesting = max(function.nesting, depth + 1)
        index = statement(tokens, index + 1, depth + 1, function)
        return simple(tokens, index, depth, function)
    if text in ("case", "default"):
        while index < len(tokens) and tokens[index].text != ":":
            index += 1
        return index + 1
    if text == "else":  # an if inside a macro; walk on
        return statement(tokens, index + 1, depth, function)
    return simple(tokens, index, depth, function)


def block(tokens, index, depth, function):
    end = matching(tokens, index)
    inner = tokens[index + 1:end - 1]
    position = 0
    while position < len(inner):
        position = statement(inner, position, depth, function)
    return end


def control(tokens, index, depth, function):
    keyword = tokens[index]
    function.nesting = max(function.nesting, depth + 1)
    if index + 1 >= len(tokens) or tokens[index + 1].text != "(":
        return index + 1
    end = matching(tokens, index + 1)
    check_condition(keyword, tokens[index + 2:end - 1], function)
    if keyword.text == "switch" and end < len(tokens) and tokens[end].text == "{":
        check_switch(keyword, tokens[end + 1:matching(tokens, end) - 1], function)
    index = statement(tokens, end, depth + 1, function)
    while keyword.text == "if" and index < len(tokens) and tokens[index].text == "else":
        if index + 1 < len(tokens) and tokens[index + 1].text == "if":
            # A chain of else-if is one level, not a staircase.
            return control(tokens, index + 1, depth, function)
        index = statement(tokens, index + 1, depth + 1, function)
    return index


def check_condition(keyword, tokens, function):
    if keyword.text == "for":
        parts, depth = [[]], 0
        for token in tokens:
            depth += token.text in ("(", "[", "{")
            depth -= token.text in (")", "]", "}")
            if token.text == ";" and depth == 0:
                parts.append([])
            else:
                parts[-1].append(token)
        tokens = parts[1] if len(parts) > 1 else []
    for token in tokens:
        if token.text == "=":
            function.remarks.append((token.line, "assignment in a condition"))


def check_switch(keyword, tokens, function):
    own, default, depth = False, None, 0
    for position, token in enumerate(tokens):
        depth += token.text == "{"
        depth -= token.text == "}"
        if depth:
            continue
        if token.text == "case" and position + 1 < len(tokens):
            own = own or tokens[position + 1].text.startswith("ASSAY_")
        if token.text == "default" and position + 1 < len(tokens) \
                and tokens[position + 1].text == ":":
            default = token
    if own and default is not None:
        function.remarks.append((default.line, "'default:' in a switch over our own enum"))


def simple(tokens, index, depth, function):
    first = index
    while index < len(tokens):
        text = tokens[index].text
        if text == ";":
            return index + 1
        if text == ":" and index == first + 1:  # a label
            return index + 1
        if text == "(":
            end = matching(tokens, index)
            # NAME(...) { .. } is a loop made by a macro.
            if index == first + 1 and end < len(tokens) and tokens[end].text == "{":
                function.nesting = max(function.nesting, depth + 1)
                return block(tokens, end, depth + 1, function)
            index = end
        elif text in "[{":
            index = matching(tokens, index)
        else:
            index += 1
    return index
