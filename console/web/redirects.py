"""Where a link may lead that came from outside."""


def local_path(text: str) -> str:
    """A path of this console, or "/": what a link brings along must not lead elsewhere."""
    if text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable():
        return text if "\\" not in text else "/"
    return "/"
