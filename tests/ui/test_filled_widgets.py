"""What the page puts into its widgets reaches the browser, also if the browser draws them after the next run.

Streamlit tells the browser a value of the session state in the run that sets it. A browser that still loads the code
of that kind of widget draws it after the next run, with the widget's default, and sends that. A widget with
`persist_state` is told its value until the browser has sent its state. The fixture `filled_widgets` of conftest.py
walks all widgets of all tests of the pages. These tests show that it finds one, and that Streamlit does as it says.
"""

from __future__ import annotations

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.testing.v1 import AppTest

SCRIPT = """
import streamlit as st
if "way" not in st.session_state:
    st.session_state["way"], st.session_state["n"] = "b", 3
    {then}
st.segmented_control("Way", ["a", "b"], key="way", persist_state={persist!r})
st.number_input("How many", 1, 9, step=1, key="n", persist_state={persist!r})
"""


def _told(tab: AppTest) -> list[bool]:
    return [bool(each.proto.set_value) for each in (*tab.segmented_control, *tab.number_input)]


@pytest.mark.parametrize("then", ["pass", "st.rerun()"])
def test_a_value_is_told_until_the_browser_has_sent_the_widgets_state(then: str) -> None:
    tab = AppTest.from_string(SCRIPT.format(then=then, persist="page")).run()
    assert _told(tab) == [True, True]
    tab._run(WidgetStates())  # the event of a browser that has not drawn the widgets
    assert _told(tab) == [True, True]
    tab.run()  # the event of one that has
    assert _told(tab) == [False, False]
    assert (tab.session_state["way"], tab.session_state["n"]) == ("b", 3)


@pytest.mark.parametrize("then", ["pass", "st.rerun()"])
def test_the_walk_finds_a_widget_whose_value_would_be_lost(then: str, filled_widgets: set[str]) -> None:
    tab = AppTest.from_string(SCRIPT.format(then=then, persist=None)).run()
    tab._run(WidgetStates())
    assert filled_widgets == {"way", "n"}
    filled_widgets.clear()
