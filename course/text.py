"""What several rooms do with a piece of text."""


def one_line(text: str) -> str:
    """Text with all white space as single spaces: how lines are compared, and messages shown."""
    return " ".join(text.split())
