"""Lists how browsers, apps and libraries identify themselves: one row a form, with its source.

The first form whose pattern is found in a user agent reads it. `docs/measurement.md` repeats this
table (`make docs`).
"""

from enum import StrEnum
from typing import Final

import msgspec


class VersionRule(StrEnum):
    """The worth of the version in a user agent."""

    EXACT = "the system's"
    AT_LEAST = "frozen: this one or a later one"
    KERNEL = "the kernel's, which stands for the system's"
    SAFARI = "Safari's, which is iPadOS's if it is an iPad"
    WITHHELD = "withheld"


class AgentForm(msgspec.Struct, frozen=True, kw_only=True):
    """A form of user agents. Its pattern may name the groups `version` and `model`."""

    name: str
    pattern: str
    system: str
    version: VersionRule
    example: str
    since: str
    source: str


_CHROMIUM = "chromium.org/updates/ua-reduction, phase 6 (Chrome 110, February 2023)"
_WEBKIT_26 = "webkit.org/blog/17333; whatwg/compat#283; device-detector#8262 (September 2025)"
_DETECTOR = "matomo-org/device-detector 3856a28, Tests/fixtures (August 2026)"
_APPLE = r"(?P<model>iPhone|iPad|iPod)"
_IOS = r" OS (?P<version>\d+(?:_\d+)*) like Mac OS X"

FORMS: Final = (
    AgentForm(
        name="Windows Phone, which names others as well",
        pattern=r"Windows Phone",
        system="Windows Phone",
        version=VersionRule.WITHHELD,
        example="Mozilla/5.0 (Windows Phone 10.0; Android 6.0.1; Microsoft; Lumia 950) …",
        since="",
        source=_DETECTOR,
    ),
    AgentForm(
        name="Chrome, Edge, Opera, Samsung Internet and others on Android, reduced",
        pattern=r"Android 10; K(?: Build/[^;)]*)?[;)]",
        system="Android",
        version=VersionRule.WITHHELD,
        example="Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 … Chrome/131.0.0.0 Mobile …",
        since="Chrome 110, 2023-02",
        source=_CHROMIUM,
    ),
    AgentForm(
        name="Facebook and Messenger on iOS",
        pattern=r"\bFBAN/(?=.*FBDV/(?P<model>iP(?:hone|ad|od)\d+,\d+))"
        r"(?=.*FBSV/(?P<version>[\d.]+))",
        system="iOS",
        version=VersionRule.EXACT,
        example="… Mobile/21A350 [FBAN/FBIOS;FBDV/iPhone16,1;…;FBSV/17.0.2;…]",
        since="",
        source=_DETECTOR,
    ),
    AgentForm(
        name="Instagram and Threads on iOS",
        pattern=r"\((?P<model>iP(?:hone|ad|od)\d+,\d+); (?:iOS|iPadOS) (?P<version>\d+(?:_\d+)*);",
        system="iOS",
        version=VersionRule.EXACT,
        example="… Mobile/15E148 Instagram 267.0.0.8.92 (iPhone15,2; iOS 16_1_1; ro_RO; …)",
        since="",
        source=_DETECTOR,
    ),
    AgentForm(
        name="Firefox on iOS",
        pattern=_APPLE + r"[^)]{0,40} OS 18_7 like.*FxiOS/",
        system="iOS",
        version=VersionRule.WITHHELD,
        example="Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) … FxiOS/145.0 Mobile/…",
        since="Firefox 145, 2025-11",
        source="mozilla-mobile/firefox-ios#29548",
    ),
    AgentForm(
        name="Chrome and Google on iOS",
        pattern=_APPLE + r"[^)]{0,40}" + _IOS + r".*(?:CriOS|GSA)/",
        system="iOS",
        version=VersionRule.EXACT,
        example="Mozilla/5.0 (iPhone; CPU iPhone OS 26_2_0 like Mac OS X) … CriOS/146.0.7680.55 …",
        since="",
        source=_DETECTOR,
    ),
    AgentForm(
        name="Safari and the browsers that follow it, from iOS 26 on",
        pattern=_APPLE + r"[^)]{0,40} OS \d+_\d+.*?"
        r"\bVersion/(?P<version>(?:2[6-9]|[3-9]\d)(?:\.\d+)*)",
        system="iOS",
        version=VersionRule.EXACT,
        example="Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) … Version/26.0 Mobile/…",
        since="iOS 26, 2025-09",
        source=_WEBKIT_26,
    ),
    AgentForm(
        name="Apps on iOS that append the system, from iOS 26 on",
        pattern=_APPLE + r"[^)]{0,40} OS 18_[67].*?\biOS[/ ](?P<version>2[6-9](?:[._]\d+)*)",
        system="iOS",
        version=VersionRule.EXACT,
        example="Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) … Mobile/15E148;…/iOS/26.1",
        since="iOS 26, 2025-09",
        source=_DETECTOR,
    ),
    AgentForm(
        name="Web views of apps (TikTok, Line, LinkedIn, …), from iOS 18.6 on",
        pattern=_APPLE + r"[^)]{0,40} OS (?P<version>18_[67])(?:_\d+)? like(?!.*\bVersion/)",
        system="iOS",
        version=VersionRule.AT_LEAST,
        example="Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) … Mobile/15E148",
        since="iOS 26, 2025-09",
        source=_WEBKIT_26,
    ),
    AgentForm(
        name="Safari, web views and other browsers on iOS",
        pattern=_APPLE + r"[^)]{0,40}" + _IOS,
        system="iOS",
        version=VersionRule.EXACT,
        example="Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) … Version/17.5 Mobile/…",
        since="",
        source=_DETECTOR,
    ),
    AgentForm(
        name="Chrome, Edge and Firefox on an iPad, as a desktop",
        pattern=r"\(Macintosh;.*(?:CriOS|EdgiOS|FxiOS|GSA)/",
        system="iOS",
        version=VersionRule.WITHHELD,
        example="Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) … CriOS/146.0.7680.55 Mobile/…",
        since="iPadOS 13, 2019-09",
        source="developer.apple.com/videos/play/wwdc2019/203",
    ),
    AgentForm(
        name="Safari on an iPad, or on a Mac",
        pattern=r"\(Macintosh;(?!.*(?:Chrome|Firefox)/)"
        r".*Version/(?P<version>\d+(?:\.\d+)*).* Safari/",
        system="Mac OS X",
        version=VersionRule.SAFARI,
        example="Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) … Version/17.4 Safari/605.1.15",
        since="iPadOS 13, 2019-09",
        source="developer.apple.com/videos/play/wwdc2019/203",
    ),
    AgentForm(
        name="Browsers and apps on a Mac",
        pattern=r"\bMacintosh\b|\bmacOS\b|Darwin/[\d.]+ \((?:x86_64|i386)|Darwin/.*Macintosh",
        system="Mac OS X",
        version=VersionRule.WITHHELD,
        example="Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) … Chrome/131.0.0.0 Safari/537.36",
        since="macOS 11, 2020-11",
        source="bugs.webkit.org/show_bug.cgi?id=216593; crbug.com/1175225",
    ),
    AgentForm(
        name="Apps on iOS that name their system (Alamofire, AFNetworking)",
        pattern=r"(?:(?P<model>iP(?:hone|ad|od)(?:\d+,\d+)?)[; ]+)?(?<![\w.-])"
        r"(?:iOS|iPadOS|iPhone OS)[/ ](?P<version>(?:9|[1-9]\d)(?:[._]\d+)*)"
        # Beside a kernel and without a model it may be the app's own version: `Shop iOS/12.1`.
        r"(?(model)|(?!.*\bDarwin/))",
        system="iOS",
        version=VersionRule.EXACT,
        example="Liulo/1.1.6 (vn.bachminh.podcastvn; build:6; iOS 17.0.0) Alamofire/5.6.4",
        since="",
        source=_DETECTOR,
    ),
    AgentForm(
        name="Apps on iOS (URLSession)",
        pattern=r"(?:(?P<model>iP(?:hone|ad|od)\d+,\d+)[^)]{0,40}\) )?"
        r"CFNetwork/.*\bDarwin/(?P<version>\d+\.\d+)",
        system="iOS",
        version=VersionRule.KERNEL,
        example="Shop/12 CFNetwork/1494.0.7 Darwin/23.4.0",
        since="",
        source="matomo-org/device-detector 3856a28, regexes/oss.yml (August 2026)",
    ),
    AgentForm(
        name="Instagram's and Facebook's own calls on Android",
        pattern=r"Android \(\d+/(?P<version>\d+(?:\.\d+)*)(?:; [^;]*){3}; (?P<model>[^;]+);",
        system="Android",
        version=VersionRule.EXACT,
        example="Instagram 293.0.2.28.93 Android (33/13; 450dpi; 1080x2208; samsung; SM-A236M; …)",
        since="",
        source=_DETECTOR,
    ),
    AgentForm(
        name="Facebook's and Messenger's own calls on Android, by their own fields",
        pattern=r"\bFBAN/(?=.*FBDV/(?P<model>[^;\]]+))(?=.*FBSV/(?P<version>\d[\d.]*))"
        r"(?=.*FBPN/)",
        system="Android",
        version=VersionRule.EXACT,
        example="[FBAN/FB4A;FBAV/490.0.0.63.82;…;FBPN/com.facebook.katana;FBDV/SM-S911B;FBSV/14;…]",
        since="",
        source=_DETECTOR,
    ),
    AgentForm(
        name="Firefox on Android",
        pattern=r"\(Android (?P<version>\d+(?:\.\d+)*); (?:Mobile|Tablet)[;)]",
        system="Android",
        version=VersionRule.EXACT,
        example="Mozilla/5.0 (Android 13; Mobile; rv:109.0) Gecko/112.0 Firefox/112.0",
        since="",
        source="developer.mozilla.org, User-Agent: Firefox",
    ),
    AgentForm(
        name="Web views (Facebook, Instagram, TikTok, Line), Dalvik, Samsung Internet, old Chrome",
        pattern=r"Android (?P<version>\d+(?:\.\d+)*);"
        r"(?: (?:[a-z]{2}[-_][A-Za-z]{2}|HarmonyOS);)?(?! ?(?:API|SDK)\b) ?(?:SAMSUNG )?"
        r"(?P<model>[^;)]*?(?:\([^)]*\)[^;)]*?)?)(?: ?Build/[^;)]*)?(?:; wv)?[;)]",
        system="Android",
        version=VersionRule.EXACT,
        example="Dalvik/2.1.0 (Linux; U; Android 14; RMX3890 Build/UKQ1.230917.001)",
        since="",
        source=_DETECTOR,
    ),
    AgentForm(
        name="Apps on Android that name their system",
        pattern=r"(?<![\w.-])Android(?: OS)?[/ ](?P<version>(?:[5-9]|[1-9]\d)(?:\.\d+)*)\b",
        system="Android",
        version=VersionRule.EXACT,
        example="Shop/4.2 Android/14 okhttp/4.12.0",
        since="",
        source=_DETECTOR,
    ),
    AgentForm(
        name="Others on Android and HarmonyOS",
        pattern=r"(?i:android)|\b(?:Open)?Harmony(?:OS)?\b",
        system="Android",
        version=VersionRule.WITHHELD,
        example="DuckDuckGo/5 (com.duckduckgo.mobile.android; Android API 33)",
        since="",
        source=_DETECTOR,
    ),
    AgentForm(
        name="Silk, Samsung Internet and others on Android, as a desktop",
        pattern=r"\bX11;.*\b(?:Silk|SamsungBrowser|OculusBrowser|HuaweiBrowser|MiuiBrowser|EdgA)/",
        system="Android",
        version=VersionRule.WITHHELD,
        example="Mozilla/5.0 (X11; Linux x86_64) … Silk/120.4.1 like Chrome/120.0.6099.144 …",
        since="",
        source=_DETECTOR,
    ),
    AgentForm(
        name="Apple TV",
        pattern=r"\bApple ?TV|\btvOS\b",
        system="tvOS",
        version=VersionRule.WITHHELD,
        example="AppleCoreMedia/1.0.0.21L227 (Apple TV; U; CPU OS 17_4 like Mac OS X; en_us)",
        since="",
        source=_DETECTOR,
    ),
    AgentForm(
        name="Browsers on Windows",
        pattern=r"\bWindows NT\b",
        system="Windows",
        version=VersionRule.WITHHELD,
        example="Mozilla/5.0 (Windows NT 10.0; Win64; x64) … Chrome/131.0.0.0 Safari/537.36",
        since="Windows 11, 2021-10",
        source="learn.microsoft.com/microsoft-edge/web-platform/how-to-detect-win11",
    ),
    AgentForm(
        name="Browsers on Chrome OS",
        pattern=r"\bCrOS\b",
        system="Chrome OS",
        version=VersionRule.WITHHELD,
        example="Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) … Chrome/135.0.0.0 Safari/537.36",
        since="Chrome 110, 2023-02",
        source=_CHROMIUM,
    ),
    AgentForm(
        name="Browsers on Linux, and Chrome on Android tablets, as a desktop",
        pattern=r"\bX11; (?:\w+; )?Linux\b",
        system="Linux",
        version=VersionRule.WITHHELD,
        example="Mozilla/5.0 (X11; Linux x86_64) … Chrome/131.0.0.0 Safari/537.36",
        since="",
        source="blog.chromium.org, desktop site on tablets (Chrome 110, 2023-02)",
    ),
)  # fmt: skip
