"""Restricts redirect targets that come from outside to paths of this console."""


def local_path(text: str) -> str:
    """Returns the path if it is one of this console, else "/": a link must not lead elsewhere."""
    if text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable():
        return text if "\\" not in text else "/"
    return "/"
