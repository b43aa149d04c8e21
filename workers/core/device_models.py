"""Names of device models, and whether two of them can be of one device.

A browser names a phone by its code (SM-S911B), an app may name it as it is sold (Galaxy S23). Two
codes or two names are compared; a code and a name of one maker tell nothing.
"""

import re
from enum import StrEnum
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


class NameStyle(StrEnum):
    """The way in which a model was named."""

    CODE = "code"
    NAME = "name"
    EITHER = "either"  # the OPPO A78 is sold as that, TECNO CI8n is a code


# By maker: the forms of its codes, and how its names begin. Of one maker is what is sold under
# several brands with codes of one form.
MAKERS: Final = {
    "apple": (r"(?:iphone|ipad|ipod)\d+,\d+", ("apple", "iphone", "ipad", "ipod")),
    "samsung": (
        r"(?:sm|gt|sgh|sch|shv)[-_]?[a-z]?\d|sc-\d\d[a-z]|sc[gv]\d\d",
        ("samsung", "galaxy"),
    ),
    "google": (r"g(?:vu6c|9bqd|kws6|e2ae|c3ve|zpf0|pj41)", ("google", "pixel", "nexus")),
    "xiaomi": (
        r"m(?:1[5-9]|2[01])\d{2}[a-z0-9]\d|2[0-9]\d{2,5}[a-z0-9]{3,}",
        ("xiaomi", "redmi", "poco", "mi "),
    ),
    "oppo": (
        r"cph\d{4}|p[a-z]{2}[a-z]?\d{2,3}|(?:kb|le|ne|in|gm|hd|ac|be|dn|eb|iv)2?[012]\d{2,3}",
        ("oppo", "reno", "oneplus", "nord", "find"),
    ),
    "realme": (r"rmx\d", ("realme",)),
    "vivo": (r"[vi]?[12]\d{3}$", ("vivo", "iqoo")),
    "motorola": (r"xt\d{3,4}", ("motorola", "moto", "edge ", "razr")),
    "huawei": (
        r"[a-z]{3}-(?:[altcdbn]{0,2}[lnwx]{1,2})\d",
        ("huawei", "honor", "mate", "nova", "mediapad"),
    ),
    "sony": (r"xq-|so-?\d\d|sog\d", ("sony", "xperia")),
    "nokia": (r"ta-\d{4}", ("nokia", "hmd")),
    "tecno": (r"(?!)", ("tecno", "spark", "camon")),
    "infinix": (r"x\d{3,4}", ("infinix",)),
    "lg": (r"lm-|lg-|lgm-", ("lg ", "lge")),
    "htc": (r"(?!)", ("htc",)),
    "asus": (r"(?:asus_)?ai\d{4}", ("asus", "zenfone", "rog phone")),
    "zte": (r"zte ?[a-z]?\d{4}", ("zte", "nubia", "blade ")),
    "amazon": (r"kf[a-z]{3,}|aft[a-z0-9]+", ("amazon", "fire ", "kindle")),
    "lenovo": (r"tb-?[a-z]?\d{3}", ("lenovo",)),
    "sharp": (r"sh-[a-z]?\d\d|shg\d\d", ("sharp", "aquos")),
    "nothing": (r"a\d{3}p?$", ("nothing", "cmf phone")),
    "itel": (r"(?!)", ("itel",)),
}  # fmt: skip

# What a maker's models may be prefixed with, each with the maker as above.
BRANDS: Final = {
    **{maker: maker for maker in MAKERS}, "oneplus": "oppo", "lge": "lg", "honor": "huawei",
}  # fmt: skip

APPLE_FAMILIES: Final = ("iphone", "ipad", "ipod")

_CODES: Final = {maker: re.compile(form, re.ASCII) for maker, (form, _) in MAKERS.items()}
_APPLE_CODE = re.compile(r"(iphone|ipad|ipod)\d+,\d+", re.ASCII)
_CODE = re.compile(r"[a-z]{0,5}-?\d[a-z0-9]*(?:[-_/][a-z0-9]+)*|[a-z]{2,4}-[a-z0-9]+", re.ASCII)
_CODE_CHARACTERS_MIN = 5  # of shorter ones some are names: S23, P30, A78
_TABLET = re.compile(
    r"sm-?[txp]\d|\btab(let)?\b|\bpad\b|ipad|mediapad|kf[a-z]{3,}|\btb-?[a-z]?\d{3}", re.ASCII
)
_NETWORK = re.compile(r"[ _-](?:5g|4g|lte)$", re.ASCII)  # sold with it, and named without


class ModelName(msgspec.Struct, frozen=True):
    """A model as it was named, for comparing. `maker` is "" where nobody can tell."""

    plain: str
    joined: str
    maker: str
    style: NameStyle


@lru_cache(maxsize=4096)
def same_model(one: str, other: str) -> bool | None:
    """Tells whether two models of one system are one; None where nobody can tell.

    That is so where one is not named, where a maker's models are named in different ways, and where
    one is what an owner called their iPhone.
    """
    first, second = model_name(one), model_name(other)
    if first.joined in GENERIC or second.joined in GENERIC:
        return None
    if first.maker == second.maker == "apple":
        return _same_apple(first, second)
    if first.joined == second.joined:
        return True
    if "apple" in (first.maker, second.maker):
        return None
    if not first.maker or first.maker != second.maker:
        return False
    is_alike = first.style is second.style and _without_network(first) != _without_network(second)
    return False if is_alike else None


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
    joined = _joined(rest)
    if not maker:
        maker = next((m for m, form in _CODES.items() if form.match(rest)), "")
        maker = maker or next(
            (m for m, (_, names) in MAKERS.items() if f"{rest} ".startswith(names)), ""
        )
    return ModelName(rest, joined, maker, _style(rest, joined, maker))


def _style(rest: str, joined: str, maker: str) -> NameStyle:
    if maker and _CODES[maker].match(rest):
        return NameStyle.CODE
    if _CODE.fullmatch(rest) is None:
        return NameStyle.NAME
    return NameStyle.CODE if len(joined) >= _CODE_CHARACTERS_MIN else NameStyle.EITHER


def _joined(text: str) -> str:
    return "".join(character for character in text if character.isalnum())


def _without_network(name: ModelName) -> str:
    return _joined(_NETWORK.sub("", name.plain))


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
