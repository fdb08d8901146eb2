"""Names of places, schools, streets, new estates and plots of land, put together from parts.

No name is taken from a register. The parts are those of English place names (a stream, a tree or a trade, then a
clearing, a farm or a hill) and of the ways in which schools are named in life: after a road, a ward, a saint. Put
together they can meet a real hamlet by chance; what would be a town is in `REAL`, and is never given.

All functions draw from the generator that they are given and nothing else: same generator, same names. All names in one
answer differ. All letters are in latin-1; `schools` gives one school a letter that is not in ASCII.
"""

from collections.abc import Iterable, Iterator

import numpy as np

STARTS = (
    *("Amber", "Birch", "Bower", "Brack", "Bram", "Brind", "Cald", "Clay", "Corn", "Cran", "Dray", "Elder", "Fern", "Flax"),
    *("Gorse", "Harn", "Hazel", "Heron", "Holm", "Kest", "Lark", "Ling", "Marl", "Moss", "Oster", "Pell", "Quern", "Rush"),
    *("Salt", "Sedge", "Skell", "Sorrel", "Swan", "Tarn", "Teasel", "Thrim", "Wend", "Whin", "Wrack", "Yarrow"),
)
ENDS = ("ley", "wick", "combe", "field", "holt", "mere", "stow", "thorpe", "den", "hurst", "worth", "by", "cote", "well")
QUALIFIERS = ("Nether", "Upper", "Great", "Little", "Long", "Cold", "Abbots", "Monks")
LANDMARKS = ("Hollow", "Marsh", "Barrow", "Cross", "Heath", "Warren", "Copse", "Orchard", "Meadow", "Acre")
ALONE = ("Coldharbour", "Fiveways", "The Levels", "Windmill Bank", "Priory Fields", "Staithe End", "Tollbar")
# Parts that put together give a town, a well-known village, a river or a word.
REAL = frozenset(
    {
        *("Amberley", "Birchfield", "Birchwell", "Brackley", "Brackwell", "Bramcote", "Bramfield", "Bramley"),
        *("Bramwell", "Brindley", "Caldwell", "Clayworth", "Cornfield", "Cornwell", "Cranfield", "Cranley"),
        *("Cranmere", "Cranwell", "Cranworth", "Draycote", "Fernhurst", "Flaxby", "Flaxley", "Hazelmere"),
        *("Hazelwell", "Larkfield", "Lingfield", "Lingwell", "Mossley", "Osterley", "Quernwell", "Rushden"),
        *("Rushmere", "Rushwick", "Rushworth", "Saltby", "Saltley", "Saltwell", "Saltwick", "Sedgefield", "Sedgeley"),
        *("Sedgewick", "Swanley", "Swanmere", "Swanwick", "Wendley", "Great Barrow"),
        "Quenock",
    }
)

# Planning areas say where in the town they are. Those that do not can be anywhere.
PLANNING_AREAS = {
    "anywhere": (
        "Kingsgate",
        "Priory Park",
        "Castle Hill",
        "Fairfield",
        "Parkside",
        "Millfields",
        "Stonebridge",
        "Abbeyfields",
    ),
    "centre": ("Old Town", "Town Centre", "Market Quarter"),
    "coast": ("Harbourside", "Seafront", "The Quays", "Shoreline", "Lighthouse"),
    "river": ("Riverside", "Water Meadows", "Bridge End"),
    "inland": ("Vale", "Downs", "Woodlands", "Heathlands", "Hill Villages", "Orchards"),
    "north": ("North Vale", "North End", "Northfields"),
    "south": ("South Vale", "South End", "Southfields"),
    "east": ("East Vale", "East End", "Eastfields"),
    "west": ("West Vale", "West End", "Westfields"),
}
RIVERS = (("Sall", "Birl", "Corr", "Tarr", "Thurl", "Quen", "Lorr"), ("ow", "en", "ock", "et"))

ROADS = (
    *("Ropewalk", "Tanner", "Linton", "Sailmaker", "Cordwainer", "Beacon", "Brickfield", "Chandler", "Cooperage"),
    *("Dovecote", "Falconer", "Fletcher", "Gasworks", "Granary", "Haywain", "Hopfield", "Ironmonger", "Jubilee"),
    *("Kilnfield", "Lamplighter", "Limekiln", "Maltings", "Millrace", "Netmaker", "Oyster", "Packhorse", "Paddock"),
    *("Pilot", "Pinfold", "Quarryman", "Reedbed", "Saddler", "Saltpan", "Shepherd", "Signal", "Slipway", "Smithy"),
    *("Spinney", "Tollgate", "Turnpike", "Verger", "Wainwright", "Wharfinger", "Wheatsheaf", "Whitethorn", "Windlass"),
)
KINDS_OF_ROAD = {"Road": 0.5, "Lane": 0.24, "Street": 0.14, "Avenue": 0.12}
# Streets of a port are named after the ports across the water, in their own letters.
ABROAD = ("Malmö Road", "Tromsø Road", "Château Lane", "Orléans Avenue", "Belle Île Road")
SAINTS = {
    "Church of England": (
        *("Aldhelm", "Aldric", "Alkmund", "Bega", "Botolph", "Cedd", "Cuthman", "Ebba", "Edith", "Ethelburga", "Felix"),
        *("Guthlac", "Hilda", "Hybald", "Ivo", "Mildred", "Osyth", "Oswin", "Petroc", "Rumon", "Swithun", "Tova"),
        *("Werburgh", "Wilfrid", "Winifred", "Wulfric"),
    ),
    "Catholic": (
        *("Agatha", "Anselm", "Bernadette", "Blaise", "Brendan", "Cecilia", "Clare", "Columba", "Dominic", "Elmo"),
        *("Finbar", "Fiacre", "Gregory", "Jerome", "Lucy", "Monica", "Philomena", "Zita"),
    ),
}
LAST_WORDS = {
    "community": "Primary School",
    "academy": "Primary Academy",
    "Church of England": "CE Primary School",
    "Catholic": "Catholic Primary School",
}

ESTATES = ("Quay", "Gardens", "Wharf", "Fields", "Rise", "Maltings", "Meadow", "Yard", "Mill", "Place")
PLOTS = {
    "council": (
        "Former bus depot",
        "Former highways yard",
        "Playing field",
        "Former library and car park",
        "Old town baths",
    ),
    "National Health Service": ("Former cottage hospital", "Former clinic", "Former ambulance station", "Old nurses' home"),
    "rail company": ("Goods yard", "Former engine shed", "Old sidings", "Former parcels depot"),
    "developer": (
        "Cleared brickworks",
        "Former cannery",
        "Former printing works",
        "Cleared laundry",
        "Land kept for a school",
    ),
    "diocese": ("Glebe field", "Former vicarage and grounds", "Old church hall", "Former convent"),
    "private owner": ("Former garden nursery", "Former cinema", "Paddocks", "Old dairy", "Former timber merchant's"),
}


def places(rng: np.random.Generator, count: int) -> list[str]:
    """`count` names of wards and villages, such as "Whinstow", "Nether Hollow" and "Coldharbour", in no order.

    Three quarters are one word put together, and as few as can be of these begin alike. Raises ValueError when there
    are not so many; over 500 can be made.
    """
    told_apart = _mixed(rng, [*_joined(QUALIFIERS, LANDMARKS, " "), *ALONE])
    joined = _begun_unlike(rng)
    some = max(min(round(count / 4), len(told_apart)), count - len(joined))
    if some > len(told_apart):
        raise ValueError(f"{count} names were asked for, and {len(told_apart) + len(joined)} can be made.")
    return _mixed(rng, [*told_apart[:some], *joined[: count - some]])


def planning_areas(rng: np.random.Generator, count: int, where: list[str] | None = None) -> list[str]:
    """`count` names of planning areas, such as "Harbourside", in the order of `where`.

    `where` says for each what its name may tell: one of the keys of PLANNING_AREAS ("coast", "centre", "north", ...).
    Without it every name fits anywhere (then `count` is at most 8). A place whose names are used up gets such a name.
    """
    free = {kind: iter(_mixed(rng, names)) for kind, names in PLANNING_AREAS.items()}
    names = [next(free[kind], None) or next(free["anywhere"], None) for kind in (where or ["anywhere"] * count)[:count]]
    if None in names or len(names) < count:
        raise ValueError(f"There are not {count} names of planning areas for {where or 'anywhere'}.")
    return names


def river(rng: np.random.Generator) -> str:
    """The name of a river, such as "River Sallow"."""
    return "River " + str(rng.choice(_joined(*RIVERS)))


def schools(rng: np.random.Generator, wards: list[str], types: list[str]) -> list[str]:
    """A name for each school, given the name of its ward and its type ("community", "academy", ...).

    Church schools are named after a saint, or where the saints are used up after the ward; others after a road (half of
    them), or after the ward unless another school has that name. No two have the same name or differ in the last words
    only. One, not a church school if there are others, has a letter that is in latin-1 and not in ASCII.
    """
    saints = {kind: iter(_mixed(rng, names)) for kind, names in SAINTS.items()}
    roads = _roads(rng, set(wards))
    plain = [i for i, kind in enumerate(types) if kind not in SAINTS]
    abroad = int(rng.choice(plain or range(len(types)))) if types else None
    after_a_road = rng.random(len(types)) < 0.5
    stems: list[str] = []
    for i, (ward, kind) in enumerate(zip(wards, types, strict=True)):
        saint = next(saints.get(kind, iter(())), None)
        if i == abroad:
            stem = str(rng.choice(ABROAD))
        elif saint:
            stem = f"St {saint}'s"
        elif ward in stems or (after_a_road[i] and kind not in SAINTS):
            stem = next(road for road in roads if road not in stems)
        else:
            stem = ward
        stems.append(stem)
    return [f"{stem} {LAST_WORDS[kind]}" for stem, kind in zip(stems, types, strict=True)]


def closed_schools(rng: np.random.Generator, wards: list[str], taken: Iterable[str], count: int = 4) -> list[str]:
    """Names of `count` schools that have closed, none of them one of `taken` (names of schools that are open)."""
    open_stems = [_stem(name) for name in taken]
    roads = (road for road in _roads(rng, set(wards)) if road not in open_stems)
    free_wards = iter(_mixed(rng, sorted(set(wards) - set(open_stems))))
    saints = iter(_mixed(rng, [s for s in SAINTS["Church of England"] if f"St {s}'s" not in open_stems]))
    names = []
    for i in range(count):
        saint, ward = (next(saints, None), None) if i % 3 == 1 else (None, next(free_wards, None) if i % 3 == 2 else None)
        names.append(f"St {saint}'s CE Primary School" if saint else f"{ward or next(roads)} Primary School")
    return names


def housing(rng: np.random.Generator, count: int) -> list[str]:
    """`count` names of new estates: "Ropewalk Quay", "Land off Tanner Lane", "Brickfield Lane phase 2"."""
    roads = _roads(rng, set())
    firsts, kinds = _mixed(rng, ROADS), _mixed(rng, ESTATES)
    names = []
    for i in range(count):
        form, first = rng.random(), firsts[i % len(firsts)]
        if i >= len(firsts) or form < 0.25:
            names.append(f"Land off {next(roads)}")
        elif form < 0.45:
            names.append(f"{next(roads)} phase {rng.integers(2, 4)}")
        else:
            kind = next(k for k in (kinds[i % len(kinds)], "Gardens") if not first.endswith((k, k.lower())))
            names.append(f"{first} {kind}")
    return names


def sites(rng: np.random.Generator, owners: list[str]) -> list[str]:
    """A name for each plot of land, fitting its owner (a key of PLOTS): "Former bus depot, Tanner Lane"."""
    plots = {owner: _mixed(rng, names) for owner, names in PLOTS.items()}
    roads = _roads(rng, set())
    names = []
    for i, owner in enumerate(owners):
        turn = owners[:i].count(owner)
        names.append(f"{plots[owner][turn % len(plots[owner])]}, {next(roads)}")
    return names


def _roads(rng: np.random.Generator, not_after: set[str]) -> Iterator[str]:
    """Roads: first each with a name of its own ("Tanner Lane", "Whinstow Road"), then the same names of other kinds.

    None is named after a place in `not_after`. Ends after more than two hundred.
    """
    villages = [name for name in _begun_unlike(rng) if name not in not_after]
    firsts = _mixed(rng, [*ROADS, *villages[: len(ROADS) // 2]])
    kinds = list(KINDS_OF_ROAD)
    first_kind = rng.choice(len(kinds), len(firsts), p=list(KINDS_OF_ROAD.values()))
    for turn in range(len(kinds)):
        for first, kind in zip(firsts, first_kind, strict=True):
            yield f"{first} {kinds[(kind + turn) % len(kinds)]}"


def _stem(school: str) -> str:
    """What a school's name says before its last words: "Tanner Lane" of "Tanner Lane Primary Academy"."""
    longest_first = sorted(LAST_WORDS.values(), key=len, reverse=True)
    last = next((f" {words}" for words in longest_first if school.endswith(f" {words}")), "")
    return school.removesuffix(last)


def _joined(starts: Iterable[str], ends: Iterable[str], between: str = "") -> list[str]:
    """Every start with every end, but for real names and those in which two words would run into one letter."""
    pairs = [(start, end) for start in starts for end in ends if start[-1] != end[0]]
    return [name for start, end in pairs if (name := f"{start}{between}{end}") not in REAL]


def _begun_unlike(rng: np.random.Generator) -> list[str]:
    """All place names of one word, mixed so that one of each start comes before the second of any."""
    by_start = [_mixed(rng, _joined([start], ENDS)) for start in _mixed(rng, STARTS)]
    return [names[turn] for turn in range(len(ENDS)) for names in by_start if turn < len(names)]


def _mixed(rng: np.random.Generator, names: Iterable[str]) -> list[str]:
    names = list(names)
    return [names[i] for i in rng.permutation(len(names))]
