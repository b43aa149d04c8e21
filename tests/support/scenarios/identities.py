"""Scenarios of identity: crowds behind one address, ids that many share, ids that are lent."""

from tests.support.oracle import DAY_MS, HOUR_MS, MINUTE_MS
from tests.support.scenarios.scenario import (
    ANN,
    BEN,
    MINE,
    ORGANIC,
    SEEN,
    Scenario,
    bought,
    clicked,
    opened,
    world,
)
from tests.support.worlds import (
    CARRIER_NAT,
    GAME,
    GOOGLE,
    HOME,
    IPHONE,
    PIXEL,
    PRIVATE,
    PROGRAM,
    SHOP,
    SUMMER,
    UNSPECIFIED,
    UPDATED_IPHONE,
    WINTER,
    ZEROED,
)


def _crowds() -> list[Scenario]:
    staff = [(SHOP, f"employee {number:02}") for number in range(40)]
    minutes = dict(zip(staff, range(0, 400, 10), strict=True))  # when each arrives
    calls = [
        opened(minutes[user] * MINUTE_MS, user=user[1], address=HOME, device=device)
        for user, device in zip(staff, [IPHONE, IPHONE, IPHONE, PIXEL] * 10, strict=True)
    ]
    clicks = [
        clicked("c1", 5 * MINUTE_MS, SUMMER, **SEEN),
        clicked("c2", 100 * MINUTE_MS, GOOGLE, **SEEN),
        clicked("c3", 100 * MINUTE_MS, WINTER, address=HOME, device=UPDATED_IPHONE),
    ]
    expected = {
        user: [
            ORGANIC
            if minutes[user] < 5 or call.device == PIXEL
            else ("address_and_device", "c1" if minutes[user] < 100 else "c2")
        ]
        for user, call in zip(staff, calls, strict=True)
    }
    office = world(*clicks, *calls)
    return [Scenario("an office of 40 behind one address", office, expected)] + [
        Scenario(
            f"an address that is nobody's own: {address}",
            world(
                clicked("c1", -1, address=address, device=IPHONE),
                opened(0, address=address, device=IPHONE),
            ),
            {ANN: [ORGANIC]},
        )
        for address in (CARRIER_NAT, PRIVATE, UNSPECIFIED, "10.1.2.3", "172.16.0.1", "fd00::7")
    ]


_KNOWN_BY: list[Scenario] = [
    Scenario(
        "the zeroed IDFA of iOS",
        world(
            clicked("c1", -1, device_ids=(ZEROED,)),
            opened(0, device_ids=(ZEROED,)),
            opened(0, user="ben", device_ids=(ZEROED, "d2")),
        ),
        {ANN: [ORGANIC], BEN: [ORGANIC]},
    ),
    Scenario(
        "a program's user agent",
        world(
            clicked("c1", -1, address=HOME, device=PROGRAM),
            opened(0, address=HOME, device=PROGRAM),
        ),
        {ANN: [ORGANIC]},
    ),
    Scenario(
        "two apps with the same user id",
        world(
            clicked("c1", -20, SUMMER, **MINE),
            clicked("c1", -10, WINTER, app=GAME, **SEEN),
            opened(0, **MINE),
            opened(0, app=GAME, **SEEN),
        ),
        {ANN: [("device_id", "c1")], (GAME, "ann"): [("address_and_device", "c1")]},
    ),
    Scenario(
        "a user id that is a click id, here and of another app",
        world(
            clicked("c1", -10),
            clicked("c2", -10, app=GAME, **SEEN),
            opened(0, user="c1"),
            opened(0, user="c2", **SEEN),
        ),
        {(SHOP, "c1"): [("click_id", "c1")], (SHOP, "c2"): [ORGANIC]},
    ),
    Scenario(
        "an id that a later call tells counts from the beginning",
        world(clicked("c1", -10, **MINE), opened(0), bought(DAY_MS, **MINE)),
        {ANN: [("device_id", "c1")]},
        [(0, 0, 1, 0)],
    ),
    Scenario(
        "a click without a source lends what it saw of the visitor",
        world(
            clicked("c1", -HOUR_MS, SUMMER, **SEEN),
            clicked("c2", -10, None, **SEEN),
            opened(0, user="c2"),
            clicked("c3", -20, WINTER, **MINE),
            clicked("c4", -10, None, **MINE),
            opened(0, user="ben", click_id="c4"),
        ),
        {(SHOP, "c2"): [("address_and_device", "c1")], BEN: [("device_id", "c3")]},
    ),
    Scenario(
        "what was lent does not name another lender",
        world(
            clicked("c1", -30, SUMMER, device_ids=("d2",)),
            clicked("c2", -20, None, device_ids=("d1", "d2")),
            clicked("c3", -10, None, **MINE),
            opened(0, click_id="c3"),
        ),
        {ANN: [ORGANIC]},
    ),
]


IDENTITIES = [*_crowds(), *_KNOWN_BY]
