r"""One symbol with its dress: ``\tilde{C}_{i,t-1}`` is the name ``C_tilde_i`` at t-1."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from ostinato.equations.latex_tokens import spelled
from ostinato.equations.latex_vocabulary import ACCENTS, GREEK, identifier

if TYPE_CHECKING:
    from ostinato.core.errors import Span
    from ostinato.equations.latex_cursor import Cursor
    from ostinato.equations.latex_tokens import Token

Time: TypeAlias = Literal["none", "now", "before", "initial"]

_TRANSPOSED: Final = re.compile(
    r"\s*\^\s*(?P<brace>\{\s*)?(?:T|\\(?:top|intercal|transpose)\b|\\math\w+\s*(?:\{\s*T\s*\}|T))"
    r"(?(brace)\s*\})"
)
_OPENERS: Final = {"(": ")", "[": "]", "<": ">", "langle": "rangle"}


@dataclass(frozen=True, slots=True)
class Symbol:
    r"""A name, and the step whose value it means (none for a parameter).

    ``scripted`` tells ``\sigma_g`` from ``\sigma``; ``superscript`` says that part of the name
    stood where a power stands.
    """

    name: str
    time: Time
    span: Span
    scripted: bool = False
    superscript: bool = False


@dataclass(slots=True)
class _Draft:
    pieces: list[str]
    time: Time = "none"
    scripted: bool = False
    superscript: bool = False


def starts_symbol(token: Token | None) -> bool:
    """Say whether a name can begin here."""
    return token is not None and (
        token.kind in ("letter", "word") or token.is_command(*GREEK, *ACCENTS)
    )


def read_symbol(cursor: Cursor, *, target: bool = False) -> Symbol:
    """Read a name with its accents, scripts and time.

    Args:
        cursor: stands at the first token.
        target: on the left side, where the index 0 means the value before the first step.

    Raises:
        EquationError: the symbol is a transposed matrix, or at another time than t and t-1.
    """
    start = cursor.at
    draft = _Draft([])
    _base(cursor, draft, 0)
    _scripts(cursor, draft, start, target)
    _call_time(cursor, draft, start, target)
    name = identifier("_".join(draft.pieces))
    span = cursor.since(start)
    if not name.isidentifier():
        cursor.fail(f"`{name}` cannot be a name", "use letters, digits and `_`", span)
    return Symbol(name, draft.time, span, draft.scripted, draft.superscript)


def _base(cursor: Cursor, draft: _Draft, depth: int) -> None:
    token = cursor.peek()
    if token is None or not (starts_symbol(token) or token.is_mark("{")) or depth > 8:
        cursor.fail(f"expected a name, found {cursor.shown()}", "write a name, such as `h_t`")
    start = cursor.at
    cursor.take()
    if token.is_mark("{"):
        _base(cursor, draft, depth + 1)
        _scripts(cursor, draft, start, target=False)
        if not cursor.accept("}"):
            cursor.fail(f"expected `}}`, found {cursor.shown()}", "close the brace behind the name")
    elif token.is_command(*ACCENTS):
        _base(cursor, draft, depth + 1)
        draft.pieces.append(ACCENTS[token.text])
    elif token.kind == "word":
        draft.pieces.append(re.sub(r"[\s-]+", "_", token.text))
    else:
        draft.pieces.append(token.text)


def _scripts(cursor: Cursor, draft: _Draft, start: int, target: bool) -> None:
    while token := cursor.peek():
        if token.is_mark("'"):
            cursor.take()
            draft.pieces.append("prime")
        elif token.is_mark("_"):
            cursor.take()
            _index(cursor, draft, start, _script(cursor), target)
        elif not (token.is_mark("^") and _superscript(cursor, draft, start, target)):
            return
        draft.scripted = True


def _script(cursor: Cursor) -> list[Token]:
    """Take what one ``_`` or ``^`` holds, without its braces."""
    held: list[Token] = []
    while accent := cursor.accept_command(*ACCENTS):
        held.append(accent)
    token = cursor.peek()
    if token is None or token.is_mark(")", "]", "}", "_", "^", "=", ","):
        cursor.fail(f"expected an index, found {cursor.shown()}", "write `h_t` or `h_{t-1}`")
    cursor.take()
    if not token.is_mark("{"):
        return [*held, token]
    depth = 1
    while inner := cursor.peek():
        cursor.take()
        depth += inner.is_mark("{") - inner.is_mark("}")
        if depth == 0:
            return held
        held.append(inner)
    cursor.fail("the brace is never closed", "write `}` behind the index", token.span)


# Times


def _index(cursor: Cursor, draft: _Draft, start: int, script: list[Token], target: bool) -> None:
    """Read the comma pieces of an index: the last may be the time, the others name."""
    pieces = _split(_unwrapped(script))
    for number, piece in enumerate(pieces, 1):
        time = _time(cursor, piece, start, target and number == len(pieces))
        if time == "none":
            draft.pieces.append(_piece_name(cursor, piece))
        elif number < len(pieces):
            cursor.fail(
                "the time is not the last part of the index",
                "write the time last: `h_{i,t}`",
                cursor.since(start),
            )
        else:
            _set_time(cursor, draft, start, time)


def _set_time(cursor: Cursor, draft: _Draft, start: int, time: Time) -> None:
    if draft.time != "none":
        cursor.fail("the symbol has two times", "keep one of them", cursor.since(start))
    draft.time = time


def _time(cursor: Cursor, piece: list[Token], start: int, target: bool) -> Time:
    """Return the time that a piece of an index means; refuse other steps than t and t-1."""
    text = "".join(t.text for t in _unwrapped(piece) if not t.is_mark("{", "}"))
    if target and text == "0":
        return "initial"
    if text == "t":
        return "now"
    match = re.fullmatch(r"t([+-])(\w+)", text)
    if not match:
        return "none"
    sign, distance = match.groups()
    if (sign, distance) == ("-", "1"):
        return "before"
    symbol = cursor.since(start)
    if sign == "+":
        cursor.fail(
            f"a value at `{text}` lies in the future",
            "write the equations of step t: `h_t` from `h_{t-1}`",
            symbol,
        )
    cursor.fail(
        f"a value at `{text}` is not kept: a step reads t and t-1 only",
        "carry it in a state of its own: with `p_t = h_{t-1}`, `p_{t-1}` is the value at t-2",
        symbol,
    )


def _call_time(cursor: Cursor, draft: _Draft, start: int, target: bool) -> None:
    """Read ``h(t-1)`` and ``h[t]``."""
    opener = cursor.peek()
    if opener is None or not opener.is_mark("(", "["):
        return
    held: list[Token] = []
    for ahead in range(1, 5):
        token = cursor.peek(ahead)
        if token is None or token.is_mark(_OPENERS[opener.text]):
            break
        held.append(token)
    plain = bool(held) and held[0].kind in ("letter", "number")
    closer = cursor.peek(len(held) + 1)
    if not plain or closer is None or not closer.is_mark(_OPENERS[opener.text]):
        return
    before = cursor.at
    cursor.at += len(held) + 2
    time = _time(cursor, held, start, target)
    if time == "none":
        cursor.at = before
    else:
        _set_time(cursor, draft, start, time)


# Names


def _superscript(cursor: Cursor, draft: _Draft, start: int, target: bool) -> bool:
    """Take a superscript that is a time or part of the name; leave a power where it is."""
    before = cursor.at
    cursor.take()
    script = _script(cursor)
    inner = _unwrapped(script)
    if len(script) == 1 and script[0].text in ("T", "top", "intercal"):
        span = cursor.since(start)
        line = cursor.source[span.line - 1].strip()
        mend = "name a matrix of its own, whose shape is inferred from what stands on its two sides"
        if (plain := _TRANSPOSED.sub("", line)) != line:
            mend += f": `{plain}`"
        cursor.fail("a transposed matrix is not part of the equation language", mend, span)
    if script and all(t.is_command("prime") or t.is_mark("'") for t in script):
        draft.pieces.extend("prime" for _ in script)
        return True
    if len(script) == 1 and (script[0].is_mark("*") or script[0].is_command("ast", "star")):
        draft.pieces.append("star")
        return True
    if _time(cursor, _split(inner)[-1], start, target) == "none":
        if not _is_name(inner) or (len(inner) == len(script) and _is_power(inner, draft)):
            cursor.at = before
            return False
        draft.superscript = len(inner) == len(script)
    _index(cursor, draft, start, script, target)
    return True


def _is_power(script: list[Token], draft: _Draft) -> bool:
    """Numbers are powers, and everything above a plain ``e``; letters belong to the name."""
    return script[0].kind == "number" or (draft.pieces == ["e"] and not draft.scripted)


def _is_name(script: list[Token]) -> bool:
    return bool(script) and all(
        t.kind in ("letter", "word", "number") or t.is_mark(",") or t.is_command(*GREEK)
        for t in script
    )


def _unwrapped(script: list[Token]) -> list[Token]:
    """Return a script without the brackets around all of it."""
    while len(script) > 2:
        closer = _OPENERS.get(script[0].text)
        if closer is None or script[-1].text != closer:
            break
        script = script[1:-1]
    return script


def _split(script: list[Token]) -> list[list[Token]]:
    pieces: list[list[Token]] = [[]]
    for token in script:
        if token.is_mark(","):
            pieces.append([])
        else:
            pieces[-1].append(token)
    return pieces


def _piece_name(cursor: Cursor, piece: list[Token]) -> str:
    """Spell one piece of an index as part of a name: ``hh``, ``c_tilde``, ``h_1``."""
    name = ""
    accent = ""
    for token in piece:
        if token.is_command(*ACCENTS):
            accent = f"_{ACCENTS[token.text]}"
        elif token.is_mark("_", ";", "/") or token.is_command("to", "rightarrow"):
            name += "_"
        elif token.is_mark("'") or token.is_command("prime"):
            name += "_prime"
        elif token.kind in ("letter", "word", "number") or token.is_command(*GREEK):
            name += re.sub(r"[\s-]+", "_", token.text) + accent
            accent = ""
        elif not token.is_mark("{", "}"):
            cursor.fail(
                f"`{spelled(token)}` cannot be part of an index",
                "an index is a name such as `W_{hh}`, or a time: `h_t`, `h_{t-1}`",
                token.span,
            )
    if not name:
        cursor.fail("an index is empty", "write `h_t` or `h_{t-1}`")
    return name
