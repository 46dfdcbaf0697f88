"""Countries, states and cities by their names: ISO 3166 codes; a city is the state's code and its name."""

from __future__ import annotations

from collections.abc import Mapping

_COUNTRIES = """US united states;united states of america;usa;u.s.;america;us-wide;nationwide us
CA canada
MX mexico
GB united kingdom;uk;great britain;britain
IE ireland
DE germany
FR france
ES spain
IT italy;italian
NL netherlands;holland
BE belgium
AT austria
CH switzerland
SE sweden
NO norway
DK denmark
FI finland
PL poland
PT portugal
CZ czech republic;czechia
GR greece
TR turkey
JP japan
KR south korea;korea
CN china
IN india
SG singapore
HK hong kong
AU australia
NZ new zealand
BR brazil
AR argentina
CL chile
CO colombia
ZA south africa
AE united arab emirates;uae
SA saudi arabia
IL israel
ID indonesia
TH thailand
VN vietnam
PH philippines
MY malaysia"""
_STATES = """AL alabama;AK alaska;AZ arizona;AR arkansas;CA california;CO colorado;CT connecticut;DE delaware;FL florida
GA georgia;HI hawaii;ID idaho;IL illinois;IN indiana;IA iowa;KS kansas;KY kentucky;LA louisiana;ME maine;MD maryland
MA massachusetts;MI michigan;MN minnesota;MS mississippi;MO missouri;MT montana;NE nebraska;NV nevada;NH new hampshire
NJ new jersey;NM new mexico;NY new york state;NC north carolina;ND north dakota;OH ohio;OK oklahoma;OR oregon
PA pennsylvania;RI rhode island;SC south carolina;SD south dakota;TN tennessee;TX texas;UT utah;VT vermont;VA virginia
WA washington state;WV west virginia;WI wisconsin;WY wyoming;DC washington dc"""
_CITIES = """US-NY new york;new york city;nyc;manhattan;brooklyn
US-CA los angeles;san francisco;bay area;san diego;sacramento;silicon valley
US-IL chicago
US-TX houston;dallas;austin;san antonio
US-MA boston
US-FL miami;orlando;tampa
US-WA seattle
US-GA atlanta
US-PA philadelphia;pittsburgh
US-AZ phoenix
US-CO denver
US-MI detroit
US-MN minneapolis
US-NV las vegas
US-OR portland
US-TN nashville
US-NC charlotte
GB london;manchester;birmingham
DE berlin;munich;hamburg;frankfurt
FR paris
ES madrid;barcelona
CA toronto;montreal;vancouver
AU sydney;melbourne
JP tokyo"""


def _read() -> dict[str, str]:
    found: dict[str, str] = {}
    for line in _COUNTRIES.splitlines():
        code, names = line.split(" ", 1)
        found |= dict.fromkeys(names.split(";"), code)
    for part in _STATES.replace("\n", ";").split(";"):
        code, name = part.split(" ", 1)
        found[name] = f"US-{code}"
    for line in _CITIES.splitlines():
        code, names = line.split(" ", 1)
        found |= {
            name: f"{code}:{name.title() if name != 'nyc' else 'New York'}" for name in names.split(";")
        }
    return found


PLACES: Mapping[str, str] = _read()
"""Names, folded, to codes."""
CODES = frozenset({"US", "UK", "USA", "EU"})
"""Read as places only where they are written in capitals: "us" is mostly us."""
