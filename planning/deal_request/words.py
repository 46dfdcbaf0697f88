# ruff: noqa: E501  tables of words and patterns are read best one to a line
"""The words of the trade and what they mean. Content is named by IAB Content Taxonomy 3.1 tier 1, places by ISO 3166."""

from __future__ import annotations

from collections.abc import Mapping

from planning.deal_request.types import AUDIENCE, CONTENT, DEAL_TYPE, FORMAT, INVENTORY, QUALITY

INVENTORY_WORDS: Mapping[str, str] = {
    "ctv": "connected tv; connected television; ctv; ott; over the top; smart tv; streaming tv; streaming television; tv streaming; big screen",
    "linear_tv": "linear tv; linear television; linear; broadcast tv; broadcast television; cable tv; cable television; tv spots; primetime tv",
    "video": "online video; digital video; web video; olv; video; in-stream video; instream video; in-stream; instream; outstream; out-stream",
    "display": "display; banner; banners; display ads; display banners; web display; standard display",
    "mobile_app": "mobile app; mobile apps; mobile in-app; in-app; in app; app inventory; mobile; apps",
    "native": "native; native ads; sponsored content; in-feed; infeed",
    "audio": "audio; podcast; podcasts; radio; streaming audio; digital audio; music streaming",
    "dooh": "dooh; digital out of home; digital out-of-home; out of home; out-of-home; billboard; billboards; digital screens",
}

FORMAT_WORDS: Mapping[str, str] = {
    "pre-roll": "pre-roll; preroll; pre roll",
    "mid-roll": "mid-roll; midroll; mid roll",
    "post-roll": "post-roll; postroll; post roll",
    "rewarded": "rewarded; rewarded video; rewarded videos",
    "interstitial": "interstitial; interstitials; full-screen; fullscreen",
    "skippable": "skippable",
    "non-skippable": "non-skippable; unskippable; non skippable; not skippable",
    "takeover": "takeover; homepage takeover; roadblock; takeovers",
    "homepage": "homepage; home page",
    "leaderboard": "leaderboard; leaderboards",
    "medium-rectangle": "medium rectangle; mpu; mrec",
    "15s": "15s; :15; 15-second; 15 second; 15 seconds; 15 sec",
    "30s": "30s; :30; 30-second; 30 second; 30 seconds; 30 sec",
    "60s": "60s; :60; 60-second; 60 second; 60 seconds; 60 sec",
    "6s": "6s; :06; 6-second; 6 second; bumper; bumpers",
}

CONTENT_WORDS: Mapping[str, str] = {
    "sports": "sport; sports; sporting; football; soccer; basketball; baseball; hockey; tennis; golf; live sports; nfl; nba; mlb; nhl; olympics; motorsport; motorsports; running; cycling",
    "news": "news; newsroom; current affairs; breaking news; journalism",
    "politics": "politics; political; elections; election",
    "entertainment": "entertainment; celebrity; celebrities; pop culture",
    "movies": "movies; movie; film; films; cinema",
    "television": "tv shows; series; drama; dramas; sitcoms; comedy; comedies; reality tv",
    "music": "music; concerts; hip hop; pop music",
    "food": "food; cooking; recipes; restaurants; dining; culinary; food and drink; food & drink",
    "travel": "travel; tourism; holidays abroad; vacations; vacation; hotels; airlines",
    "automotive": "automotive; auto; autos; cars; car; vehicles; ev; evs; electric vehicles; trucks",
    "business": "business; b2b; small business; entrepreneurs content",
    "finance": "finance; personal finance; financial; investing; banking; money content; stock market; stocks",
    "technology": "technology; tech; computing; gadgets; software; consumer electronics",
    "health": "health; medical; healthcare; pharma content",
    "fitness": "fitness; wellness; yoga; gym",
    "style": "fashion; style; style & fashion; beauty; cosmetics; luxury",
    "gaming": "gaming; games; video games; esports; e-sports",
    "family": "family; parenting; family content; kids and family",
    "children": "kids; children; kids content; childrens; cartoons",
    "home": "home; home and garden; home & garden; gardening; diy; interior design; home improvement",
    "science": "science; nature; wildlife; documentaries; documentary",
    "education": "education; educational; learning",
    "real estate": "real estate; property; housing",
    "weather": "weather; forecasts; weather content",
    "pets": "pets; dogs; cats; animals",
    "religion": "religion; religious; faith",
    "lifestyle": "lifestyle; living",
    "shopping": "shopping; retail content; e-commerce content; deals content",
    "adult": "adult content; gambling; betting; alcohol; mature content; violence; ugc; user-generated content; user generated content",
}

AUDIENCE_WORDS: Mapping[str, str] = {
    "women": "women; woman; female; females; moms; mums; mothers",
    "men": "men; male; males; dads; fathers",
    "parents": "parents; families; households with children",
    "age:18-24": "college students; students; young adults",
    "age:18-34": "gen z and millennials; young people",
    "age:13-27": "gen z; generation z; gen-z",
    "age:28-43": "millennials; millennial; gen y",
    "age:44-59": "gen x; generation x; gen-x",
    "age:60+": "boomers; baby boomers; seniors; retirees; older adults",
    "income:high": "high income; affluent; high net worth; wealthy; hni",
    "sports fans": "sports fans; sport fans; football fans; fans of sports; nfl fans",
    "auto intenders": "auto intenders; car buyers; in-market auto; in market for a car; in-market for cars; auto shoppers",
    "business decision makers": "business decision makers; decision makers; executives; it decision makers; c-suite; bdms",
    "travellers": "frequent travelers; frequent travellers; travelers; travellers; business travellers",
    "gamers": "gamers",
    "cord cutters": "cord cutters; cord-cutters; cord nevers",
    "pet owners": "pet owners; dog owners; cat owners",
    "home owners": "home owners; homeowners; new movers",
    "outdoor enthusiasts": "outdoor enthusiasts; hikers; campers; runners; cyclists",
    "foodies": "foodies; home cooks",
    "health conscious": "health conscious; fitness enthusiasts",
}

DEAL_TYPE_WORDS: Mapping[str, str] = {
    "PG": "programmatic guaranteed; pg; pg deal; automated guaranteed; guaranteed deal; guaranteed",
    "PD": "preferred deal; preferred deals; preferred; pd; pd deal; fixed price; fixed-price; unreserved fixed rate; non-guaranteed; non guaranteed; not guaranteed; nonguaranteed",
    "PA": "private auction; private auctions; pa deal; pmp; private marketplace; private market place; invite-only auction; invitation-only auction",
}

QUALITY_WORDS: Mapping[str, str] = {
    "premium": "premium; high quality; high-quality; top tier; top-tier; quality; best; brand safe; brand-safe",
    "viewable": "viewable; high viewability; viewability",
}

TABLES: Mapping[str, Mapping[str, str]] = {
    INVENTORY: INVENTORY_WORDS,
    FORMAT: FORMAT_WORDS,
    CONTENT: CONTENT_WORDS,
    AUDIENCE: AUDIENCE_WORDS,
    DEAL_TYPE: DEAL_TYPE_WORDS,
    QUALITY: QUALITY_WORDS,
}

_NEGATORS = """
avoid avoiding don't dont except exclude excludes excluding minus never no not skip without
"""
NEGATORS = frozenset(_NEGATORS.split())
"""What comes after one of these is kept out, until the clause ends."""

_JOINERS = """
& / and any nor or
"""
JOINERS = frozenset(_JOINERS.split())
"""What carries a negation on to the next word."""

_FILLERS = """
a about across ad ads adult adults advertisement advertising agency all also am an and any anything around as at
audience audiences available be below between book budget but buy buying by campaign campaigns can cap capped
client clients content could cpm cpms day days deal deals dollar dollars during each end ending ends eur euro
euros find floor for from gbp get give goal got guys have hello hey hi i id ids if impression impressions imps
in into inventory is it its launch least less like line looking lovers make max maximum me media month months
more most my need needed needs new of offer ok on only or our over people per placement placements please plus
pounds price priced prices product products program programme publisher publishers push put quarter rate rates
reach reaching request run running season seek seeking should slot slots some something spend spot spots start
starting starts supply target targeted targeting than thanks that the their them then these they this those
through till time to total under unit units until up us usd use using value via viewer viewers volume want
wanted we week weekend weeks welcome will with within would year you your
"""
FILLERS = frozenset(_FILLERS.split())
"""Words that say nothing of what is looked for."""
