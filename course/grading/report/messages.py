"""What a check says, grouped: the same message with other numbers in it is the same message."""

import ast
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from course.checks import ENDED_IN_ERROR, NOT_ANSWERED

GAP = "…"
LONGEST = 600
# What `expect` adds to a message when the condition was not one True or False.
ADDED = " (Your answer gives a "
# Characters that turn the direction of the text behind them, and so can make a page say what is not there.
TURNING = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C])
OWN = (
    (re.compile(re.escape(NOT_ANSWERED)), "Not answered yet."),
    (re.compile(re.escape(ENDED_IN_ERROR)), "The cell with the answer ended in an error."),
    (re.compile(r"There is no (.+?) yet\. Run the cell.*"), r"There is no \1 yet: the name that is asked for is missing."),
    (re.compile(r"Your answer stops with an error in the line `.*`\. (\w+)\b.*"), r"The answer stops with an error: \1."),
    (re.compile(r"(What your answer gives cannot be checked, .*? asked for\.) .*"), r"\1"),
)


@dataclass(frozen=True)
class Message:
    """A message of a check, as the `pieces` between what it fills in when it is run."""

    pieces: tuple[str, ...]

    @property
    def words(self) -> str:
        """The message, with … for what it fills in."""
        return GAP.join(self.pieces)

    def says(self, told: str) -> bool:
        """Whether `told` is this message, whatever it filled in.

        Piece by piece, not as one regular expression: a trainee has a say in what is filled in, and could make one
        that takes for ever.
        """
        first, *rest = self.pieces
        if not rest:
            return told == first
        end = len(told) - len(rest[-1])
        if not told.startswith(first) or not told.endswith(rest[-1]) or end < len(first):
            return False
        at = len(first)
        for piece in rest[:-1]:
            at = told.find(piece, at, end)
            if at < 0:
                return False
            at += len(piece)
        return True


def clean(text: object, longest: int = LONGEST) -> str:
    """What somebody else wrote, fit for a page: one line, no control characters, no more than `longest` characters."""
    kept = str(text)[: 20 * longest].translate(TURNING)
    kept = "".join(" " if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") else character for character in kept)
    kept = " ".join(kept.split())
    return kept if len(kept) <= longest else kept[: longest - 1] + GAP


def messages_of(source: str) -> tuple[Message, ...]:
    """What a check may say: the second argument of each `expect` in its `source`. None where it cannot be read.

    What fills in least comes first.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return ()
    found = []
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "expect" and len(call.args) > 1:
            said = call.args[1]
            parts = said.values if isinstance(said, ast.JoinedStr) else [said]
            filled = "".join(str(part.value) if isinstance(part, ast.Constant) else "\0" for part in parts)
            pieces = tuple(" ".join(filled.split()).split("\0"))
            if any(pieces):
                found.append(Message(pieces))
    return tuple(sorted(found, key=lambda message: len(message.pieces)))


def in_general(told: str, messages: Iterable[Message]) -> str:
    """What a message says whatever was found: as its author wrote it, else with its numbers and quotations left out."""
    for own in (told, told.rpartition(ADDED)[0]):
        for message in messages:
            if own and message.says(own):
                return message.words
    for pattern, words in OWN:
        if pattern.fullmatch(told):
            return pattern.sub(words, told)
    told = re.sub(r"`[^`]*`", f"`{GAP}`", told)
    return re.sub(r"(?<![A-Za-z0-9_])-?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?", GAP, told)


def commonest(told: Iterable[str], messages: Sequence[Message]) -> tuple[str, int] | None:
    """The message that was earned most often, and how often; None where there is none.

    In the words that were read if all read the same, with … for what differed otherwise. Of two as common, the first in
    the alphabet, so that the same records make the same report.
    """
    read = Counter(text for text in told if text)
    groups: dict[str, Counter] = {}
    for text, count in read.items():
        groups.setdefault(in_general(text, messages), Counter())[text] += count
    if not groups:
        return None
    words = min(groups, key=lambda general: (-groups[general].total(), general))
    group = groups[words]
    return (next(iter(group)) if len(group) == 1 and GAP in words else words), group.total()
