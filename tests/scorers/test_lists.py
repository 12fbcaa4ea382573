"""`list_f1`: lists as models write them, and the F1 of each."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab.scorers._overlap import list_f1

TEAMS = ["Argentina", "France", "Croatia"]

LISTS = [
    ("Here are the teams: Argentina, France, and Croatia. Let me know if you need more!", TEAMS, 1.0),
    ("**Teams**\n\n1. Argentina\n2. France\n3. Croatia", TEAMS, 1.0),
    ("- [x] Argentina\n- [x] France\n- [x] Croatia", TEAMS, 1.0),
    ("- [ ] Argentina\n- [x] France\n- [x] Croatia", TEAMS, 0.67),
    ("Both France and Croatia", ["France", "Croatia"], 1.0),
    ("1.Argentina\n2.France\n3.Croatia", TEAMS, 1.0),
    ("-Argentina\n-France\n-Croatia", TEAMS, 1.0),
    ("The primes are 2, 3, and 5.", [2, 3, 5], 1.0),
    ("2,35", [2, 3, 5], 0.4),
    ("Argentina, France, Croatia and others", TEAMS, 0.86),
    ("Argentina, France, Croatia", TEAMS, 1.0),
    ("1. Argentina\n2. France\n3. Croatia", TEAMS, 1.0),
    ("1) Argentina\n2) France\n3) Croatia", TEAMS, 1.0),
    ("a) Argentina\nb) France\nc) Croatia", TEAMS, 1.0),
    ("* Argentina\n* France\n* Croatia", TEAMS, 1.0),
    ("• Argentina\n• France\n• Croatia", TEAMS, 1.0),
    ("– Argentina\n– France\n– Croatia", TEAMS, 1.0),
    ("**Argentina**, **France**, **Croatia**", TEAMS, 1.0),
    ("Argentina\nFrance\nCroatia", TEAMS, 1.0),
    ("Argentina\n\nFrance\n\nCroatia", TEAMS, 1.0),
    ("The winners are: Argentina, France, and Croatia", TEAMS, 1.0),
    ("The winners are:\n1. Argentina\n2. France\n3. Croatia", TEAMS, 1.0),
    ("Here are the teams:\n\n- Argentina\n- France\n- Croatia\n\nI hope this helps!", TEAMS, 1.0),
    ("Sure! Here you go:\n- **Argentina** – won in 2022\n- **France**: runner-up\n- **Croatia** (third)", TEAMS, 1.0),
    ("Bosnia and Herzegovina, Chad", ["Bosnia and Herzegovina", "Chad"], 1.0),
    ("Bosnia and Herzegovina and Chad", ["Bosnia and Herzegovina", "Chad"], 1.0),
    ("Chad and Bosnia and Herzegovina", ["Bosnia and Herzegovina", "Chad"], 1.0),
    ("- Bosnia and Herzegovina\n- Chad", ["Bosnia and Herzegovina", "Chad"], 1.0),
    ("Bosnia & Herzegovina, Chad", ["Bosnia and Herzegovina", "Chad"], 1.0),
    ("Doe, Jane and Smith, John", ["Smith, John", "Doe, Jane"], 1.0),
    ("2, 3 and 5", [2, 3, 5], 1.0),
    ("2;3;5", [2, 3, 5], 1.0),
    ("[2, 3, 5]", [2, 3, 5], 1.0),
    ("{2, 3, 5}", [2, 3, 5], 1.0),
    ("2\n3\n5", [2, 3, 5], 1.0),
    ("2,3", [2, 3], 1.0),
    ("2.0, 3, 5", [2, 3, 5], 1.0),
    ("1,000 and 2,000", [1000, 2000], 1.0),
    ("1,234", [1, 234], 0.0),
    ("2,3,7", [2, 3, 5], 0.67),
    ("Argentina, Argentina, France, Croatia", TEAMS, 0.86),
    ("not Argentina, France, Croatia", TEAMS, 0.67),
    ("Argentina, France, not Croatia", TEAMS, 0.67),
    ("All except Argentina, France, Croatia", TEAMS, 0.67),
    ("Argentina, France, Croatia, Brazil", TEAMS, 0.86),
    ("Argentina, France and Croatia, but not Brazil", TEAMS, 0.86),
    ("- Argentina\n- France\n- Croatia\nand Brazil", TEAMS, 0.86),
    ("Argentina or France or Croatia", TEAMS, 0.0),
    ("South Argentina, France, Croatia", TEAMS, 0.67),
    ("['Argentina', 'France', 'Croatia']", TEAMS, 1.0),
    ("(Argentina, France, Croatia)", TEAMS, 1.0),
    ("| Team |\n|---|\n| Argentina |\n| France |\n| Croatia |", TEAMS, 1.0),
    ("| # | Team |\n|---|---|\n| 1 | Argentina |\n| 2 | France |\n| 3 | Croatia |", TEAMS, 1.0),
    ("| Team | Year |\n|---|---|\n| Argentina | 2022 |\n| France | 2018 |\n| Croatia | 1998 |", TEAMS, 1.0),
    ("Argentina | France | Croatia", TEAMS, 1.0),
    ("Argentina/France/Croatia", TEAMS, 1.0),
    ("Argentina·France·Croatia", TEAMS, 1.0),
    ("Argentina und Frankreich", ["Argentina", "Frankreich"], 1.0),
    ("Argentina y Francia", ["Argentina", "Francia"], 1.0),
    ("阿根廷、法国、克罗地亚", ["阿根廷", "法国", "克罗地亚"], 1.0),
    ("阿根廷和法国", ["阿根廷", "法国"], 1.0),
    ("アルゼンチンとフランス", ["アルゼンチン", "フランス"], 1.0),
    ("1. Argentina 2. France 3. Croatia", TEAMS, 1.0),
    ("Argentina, France and Croatia are the winners.", TEAMS, 1.0),
    ("Argentina, France and Croatia are not the winners.", TEAMS, 0.67),
    ("The teams that did not win are Argentina, France and Croatia", TEAMS, 0.67),
    ("Argentina: no\nFrance: yes\nCroatia: yes", TEAMS, 0.67),
    ("Trinidad and Tobago, Chad", ["Trinidad and Tobago", "Chad"], 1.0),
    ("Trinidad and Chad", ["Trinidad and Tobago", "Chad"], 0.5),
    ('{"a": ["Argentina"], "b": ["France","Croatia"]}', TEAMS, 0.67),
    ('[{"name":"Argentina"},{"name":"France"},{"name":"Croatia"}]', TEAMS, 1.0),
    ("I don't know", TEAMS, 0.0),
    ("none", TEAMS, 0.0),
    ("The Beatles and Queen", ["Beatles", "Queen"], 1.0),
    ("Beatles, Queen", ["The Beatles", "Queen"], 1.0),
    ("Simon & Garfunkel, Queen", ["Simon & Garfunkel", "Queen"], 1.0),
    ("Simon and Garfunkel", ["Simon", "Garfunkel"], 1.0),
    ("U.S., U.K.", ["US", "UK"], 1.0),
    ("C, C++ and C#", ["C", "C++", "C#"], 1.0),
    ("C++, C#", ["C", "C#"], 0.5),
    ("AC/DC, Queen", ["AC/DC", "Queen"], 1.0),
    ("- Argentina, 2022\n- France, 2018\n- Croatia, 1998", TEAMS, 1.0),
    ("- Argentina, Brazil\n- France\n- Croatia", TEAMS, 0.86),
    ("Argentina; France; Croatia.", TEAMS, 1.0),
    ("Croatia > France > Argentina", TEAMS, 1.0),
    ("Winner(s): Argentina, France, Croatia", TEAMS, 1.0),
    ("Argentina (2022), France (2018), Croatia (1998)", TEAMS, 1.0),
    ("Argentina 🇦🇷, France 🇫🇷, Croatia 🇭🇷", TEAMS, 1.0),
    ("red green blue", ["red", "green", "blue"], 1.0),
    ("red, green, blue", ["red", "green", "blue", "red"], 0.86),
    ("1. 2\n2. 3\n3. 5", [2, 3, 5], 1.0),
    ("one, two", ["one", "two"], 1.0),
    ("```\nArgentina\nFrance\nCroatia\n```", TEAMS, 1.0),
    ("Argentina, France\nCroatia", TEAMS, 1.0),
    ("New York, NY; Boston, MA", ["New York, NY", "Boston, MA"], 1.0),
    ("Paris, France; Rome, Italy", ["Paris", "Rome"], 0.67),
    ("-5, 3", [-5, 3], 1.0),
    ("- 5\n- 3", [5, 3], 1.0),
    ("-5\n-3", [5, 3], 0.0),
]


@pytest.mark.parametrize(("answer", "expected", "f1"), LISTS)
def test_lists_are_read_as_models_write_them(answer: str, expected: list[Any], f1: float) -> None:
    assert list_f1()(answer, expected).value == pytest.approx(f1, abs=0.005)


NAMES = st.lists(
    st.sampled_from(["Argentina", "Bosnia and Herzegovina", "Côte d'Ivoire", "South Korea", "Smith, John", "C++", "C"]),
    min_size=1,
    max_size=5,
    unique=True,
)


@given(NAMES, st.sampled_from(["; ", "\n", "\n- ", "\n* "]))
def test_a_list_equals_itself_however_it_is_written(names: list[str], between: str) -> None:
    bullet = between if between.strip() and between != "; " else ""
    answer = between.join(names) if not bullet else "".join(bullet + name for name in names)
    assert list_f1()(answer, names).value == 1
    assert list_f1()(json.dumps(names), names).value == 1


@given(NAMES, NAMES)
def test_only_the_same_items_give_1(answered: list[str], expected: list[str]) -> None:
    same = set(answered) == set(expected)
    assert (list_f1()("\n".join(answered), expected).value == 1) is same
    assert (list_f1()("; ".join(answered), expected).value == 1) is same


@given(NAMES, st.sampled_from(["not ", "except ", "South ", "Old "]))
def test_an_item_with_another_word_before_it_is_another_item(names: list[str], word: str) -> None:
    assert list_f1()("; ".join([*names[:-1], word + names[-1]]), names).value < 1
