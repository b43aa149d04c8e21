"""Names of device models, and whether two of them can be of one device.

A browser names a phone by its code (SM-S911B), an app may name it as it is sold (Galaxy S23). Two
codes or two names are compared; a code and a name of one maker tell nothing.
"""

import re
from functools import lru_cache
from typing import Final

import msgspec

from shared.names.invisible import trimmed
from shared.placeholders import is_no_id

# What is said when no model is named.
GENERIC: Final = frozenset(
    {
        "", "k", "android", "linux", "mobile", "phone", "smartphone", "genericsmartphone",
        "generictablet", "tablet", "wv", "u", "unknown", "undefined", "null", "none", "other",
        "device", "iosdevice", "genericandroid", "mac", "macintosh", "desktop", "windows", "pc",
        "generic", "model", "devicename", "devicemodel", "device_name", "device_model",
    }
)  # fmt: skip

# By maker: how its codes and its names begin, in the form in which they are compared.
MAKERS: Final = {
    "apple": (("iphone", "ipad", "ipod"), ("apple",)),
    "samsung": (("sm", "gt", "sc5", "scg", "scv"), ("samsung", "galaxy")),
    "google": (("gvu6c", "g"), ("google", "pixel", "nexus")),
    "xiaomi": (("m20", "21", "22", "23", "24", "25"), ("xiaomi", "redmi", "poco", "mi")),
    "oppo": (("cph", "ph", "pe", "pg"), ("oppo", "reno", "oneplus", "find")),
    "realme": (("rmx",), ("realme",)),
    "vivo": (("v1", "v2", "i2"), ("vivo", "iqoo")),
    "motorola": (("xt",), ("motorola", "moto", "edge")),
    "huawei": (("ane", "ele", "vog", "mar", "lya", "noh", "jny"), ("huawei", "mate", "nova")),
    "honor": (("nla", "any", "rmo", "lly", "rky"), ("honor",)),
    "sony": (("xq", "so5", "sog"), ("sony", "xperia")),
    "nokia": (("ta1",), ("nokia", "hmd")),
    "tecno": (("kl", "ck", "bg"), ("tecno", "spark", "camon")),
    "infinix": (("x6",), ("infinix", "hot")),
    "lg": (("lm", "lgm"), ("lg", "lge")),
    "htc": ((), ("htc",)),
    "asus": (("asusi", "asusa"), ("asus", "zenfone")),
    "zte": (("z2", "zte"), ("nubia", "blade")),
}  # fmt: skip

# What a maker's models may be prefixed with, each with the maker as above.
BRANDS: Final = {
    **{maker: maker for maker in MAKERS}, "oneplus": "oppo", "lge": "lg",
}  # fmt: skip

APPLE_FAMILIES: Final = ("iphone", "ipad", "ipod")

_APPLE_CODE = re.compile(r"(iphone|ipad|ipod)\d+,\d+", re.ASCII)
_CODE = re.compile(r"[a-z]{0,5}-?\d[a-z0-9]*(?:[-_/][a-z0-9]+)*|[a-z]{2,4}-[a-z0-9]+", re.ASCII)
_TABLET = re.compile(r"sm-?[txp]\d|\btab(let)?\b|\bpad\b|ipad", re.ASCII)


class ModelName(msgspec.Struct, frozen=True):
    """A model as it was named, for comparing. `maker` is "" where nobody can tell."""

    plain: str
    joined: str
    maker: str
    is_code: bool


@lru_cache(maxsize=4096)
def same_model(one: str, other: str) -> bool | None:
    """Tells whether two models are one; None where one is not named, or in another way."""
    first, second = model_name(one), model_name(other)
    if first.joined in GENERIC or second.joined in GENERIC:
        return None
    if first.maker == second.maker == "apple":
        return _same_apple(first, second)
    if first.joined == second.joined:
        return True
    is_one_maker = first.maker == second.maker != ""
    return None if is_one_maker and first.is_code != second.is_code else False


def told_model(text: str) -> str:
    """Returns the model that a text names; "" for a word of no model and for a placeholder."""
    model = trimmed(text)
    return "" if model.lower() in GENERIC or is_no_id(model) else model


def is_named(model: str) -> bool:
    """Tells whether this says which model a device is: "iPhone" is all iPhones."""
    name = model_name(model)
    return name.joined not in GENERIC and name.plain not in APPLE_FAMILIES


def is_tablet(model: str) -> bool:
    """Tells whether the name is one of a tablet."""
    return _TABLET.search(model_name(model).plain) is not None


def is_iphone(model: str) -> bool:
    """Tells whether the name is one of an iPhone, or of an iPod."""
    return model_name(model).plain.startswith(("iphone", "ipod"))


@lru_cache(maxsize=4096)
def model_name(model: str) -> ModelName:
    """Reads a name: in lower case, without its maker's and without "/DS" (two SIM cards)."""
    plain = model.strip().lower().removesuffix("/ds")
    branded = (
        (maker, rest.strip(" _-"))
        for brand, maker in BRANDS.items()
        if (rest := plain.removeprefix(brand)) != plain
        and rest[:1] in {" ", "_", "-"}
        and rest.strip(" _-")
    )
    maker, rest = next(branded, ("", plain))
    joined = "".join(character for character in rest if character.isalnum())
    is_code = _CODE.fullmatch(rest) is not None
    if maker:
        is_code = is_code and joined.startswith(MAKERS[maker][0])
        return ModelName(rest, joined, maker, is_code)
    for maker, beginnings in MAKERS.items():
        if joined.startswith((*beginnings[not is_code], *APPLE_FAMILIES)):  # Apple's stand first
            return ModelName(rest, joined, maker, is_code)
    return ModelName(rest, joined, "", is_code)


def _same_apple(one: ModelName, other: ModelName) -> bool | None:
    kinds = [next((f for f in APPLE_FAMILIES if f in name.plain), "") for name in (one, other)]
    if kinds[0] != kinds[1]:
        return False
    if one.joined == other.joined:
        return None if one.plain in APPLE_FAMILIES else True
    if one.plain in APPLE_FAMILIES or other.plain in APPLE_FAMILIES:
        return None
    codes = [_APPLE_CODE.fullmatch(name.plain) is not None for name in (one, other)]
    return None if codes[0] != codes[1] else False
