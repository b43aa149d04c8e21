"""Sentences of the operations, which speak to the terminal, in the words of a page."""

import re

_OPTION = re.compile(r"--([a-z][a-z0-9-]*)")
# A whole sentence that only sends people to a command.
_COMMAND_SENTENCE = re.compile(r"\s*[^.;]*`waybill [^`]*`[^.;]*\.?")


def in_words(message: str) -> str:
    """`--app-token must ...` as "App token must ...", without pointers to commands."""
    text = _COMMAND_SENTENCE.sub("", message).strip()
    text = _OPTION.sub(lambda option: option[1].replace("-", " "), text) or message
    return text[0].upper() + text[1:]


def local_path(text: str) -> str:
    """A path of this console, or "/": what a link brings along must not lead elsewhere."""
    if text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable():
        return text if "\\" not in text else "/"
    return "/"
