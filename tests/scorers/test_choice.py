"""`one_of`: which option an answer chooses, or why it is not judged."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab.scorers._choice import one_of
from tests.scorers.test_words import FAILS, PASSES, UNSURE, outcome

SENTIMENT = ["positive", "negative", "neutral"]
A_TO_D = list("ABCD")
TO_I = list("ABCDEFGHI")

# Answers to a question whose right option is B.
LETTERS = [
    ("(b)", PASSES),
    ("b)", PASSES),
    ("b.", PASSES),
    ("B.", PASSES),
    ("B)", PASSES),
    ("B:", PASSES),
    ("[B]", PASSES),
    ("{B}", PASSES),
    ("'B'", PASSES),
    ('"B"', PASSES),
    ("`B`", PASSES),
    ("__B__", PASSES),
    ("*B*", PASSES),
    ("**B.** Paris", PASSES),
    ("**(B)**", PASSES),
    ("B) Paris", PASSES),
    ("B. Paris", PASSES),
    ("B: Paris", PASSES),
    ("(B) Paris", PASSES),
    ("B - Paris", PASSES),
    ("B – Paris", PASSES),
    ("Option B", PASSES),
    ("option b", PASSES),
    ("answer: b", PASSES),
    ("**Answer:** B", PASSES),
    ("**Answer: B**", PASSES),
    ("Answer:\nB", PASSES),
    ("Answer: (B)", PASSES),
    ("The answer is B", PASSES),
    ("The answer is b.", PASSES),
    ("the answer is (b)", PASSES),
    ("The correct answer is B, because a dog is an animal.", PASSES),
    ("The answer is: B", PASSES),
    ("It's B.", PASSES),
    ("I choose B", PASSES),
    ("I think the answer is B.", PASSES),
    ("I'd go with B.", PASSES),
    ("B is correct.", PASSES),
    ("B is the right answer", PASSES),
    ("B, because a car", PASSES),
    ("B!", PASSES),
    ("B?", PASSES),
    ("\\boxed{B}", PASSES),
    ("$\\boxed{\\text{B}}$", PASSES),
    ("So the answer is \\boxed{B}.", PASSES),
    ("\\boxed{\\textbf{(B)}}", PASSES),
    ("(Ｂ)", PASSES),
    ("Correct answer: **B**", PASSES),
    ("Final Answer: B", PASSES),
    ("<b>B</b>", PASSES),
    ("My answer: B", PASSES),
    ("The best choice is B.", PASSES),
    ("答案是B。", PASSES),
    ("正解はBです", PASSES),
    ("답: B", PASSES),
    ("La réponse est B.", PASSES),
    ("Die Antwort ist B.", PASSES),
    ("B\n", PASSES),
    ("\n\nB", PASSES),
    ("- B", PASSES),
    ("> B", PASSES),
    ("# B", PASSES),
    ("The answer is B: a dog", PASSES),
    ("It must be B", PASSES),
    ("Definitely B.", PASSES),
    ("A is wrong. The answer is B.", PASSES),
    ("First I thought of A, but C is also wrong. So the answer is B.", PASSES),
    ("Options A, C and D are wrong, so the answer is B.", PASSES),
    ("A", FAILS),
    ("Not B", FAILS),
    ("not B", FAILS),
    ("It is not B.", FAILS),
    ("B is wrong", FAILS),
    ("B is not correct", FAILS),
    ("The answer is not B", FAILS),
    ("A or B", FAILS),
    ("either A or B", FAILS),
    ("A and B", FAILS),
    ("A/B", FAILS),
    ("A, B", FAILS),
    ("AB", FAILS),
    ("neither A nor B", FAILS),
    ("I am not sure", FAILS),
    ("None of them", FAILS),
    ("Don't know", FAILS),
    ("All of the above", FAILS),
    ("It is a mammal", FAILS),
    ("B-flat", FAILS),
    ("B+", FAILS),
    ("Hepatitis B", UNSURE),
    ("Plan B", UNSURE),
    ("Vitamin B", UNSURE),
    ("?", FAILS),
    ("Bob", FAILS),
    ("B B B", PASSES),
    ("B or C", FAILS),
    ("The answer is B or C", FAILS),
    ("The answer is B. Wait, the answer is C.", UNSURE),
    ("Either way, B", PASSES),
    ("B. A is wrong", UNSURE),
    ("Obviously B", PASSES),
    ("Statement B is true", PASSES),
    ("B or maybe C", FAILS),
    ("B? No.", UNSURE),
    ("B is the wrong answer", FAILS),
    ("not only B", UNSURE),
    ("I can't decide between B and C", FAILS),
    ("d'accord", FAILS),
    ("c'est bon", FAILS),
    ("A. B. C. D.", UNSURE),
    ("a b c d", FAILS),
    ("The answer isn't B", FAILS),
]

LABELS = [
    (list("12345"), "4/5", "4", PASSES),
    (list("12345"), "4 out of 5", "4", PASSES),
    (list("12345"), "4.5", "4", FAILS),
    (SENTIMENT, "far from positive", "positive", UNSURE),
    (SENTIMENT, "no positive words", "positive", UNSURE),
    (SENTIMENT, "positive: no", "positive", UNSURE),
    (SENTIMENT, "Is it positive?", "positive", UNSURE),
    (SENTIMENT, "positive", "positive", PASSES),
    (SENTIMENT, "Positive.", "positive", PASSES),
    (SENTIMENT, "not positive", "positive", FAILS),
    (SENTIMENT, "isn't positive", "positive", FAILS),
    (SENTIMENT, "The sentiment is positive", "positive", PASSES),
    (SENTIMENT, "positive/negative", "positive", FAILS),
    (SENTIMENT, "neither positive nor negative", "positive", FAILS),
    (SENTIMENT, "neither positive nor negative, so neutral", "neutral", UNSURE),
    (SENTIMENT, "The text is not positive, so the sentiment is negative.", "negative", PASSES),
    (SENTIMENT, "non-negative", "negative", FAILS),
    (SENTIMENT, "positively", "positive", FAILS),
    (SENTIMENT, "no doubt positive", "positive", PASSES),
    (SENTIMENT, "I would not say it is positive", "positive", UNSURE),
    (SENTIMENT, "somewhere between positive and negative", "positive", FAILS),
    (SENTIMENT, "**Positive**", "positive", PASSES),
    (SENTIMENT, "Sentiment: **Positive**\n\nThe review praises it.", "positive", PASSES),
    (SENTIMENT, "label: neutral", "neutral", PASSES),
    (SENTIMENT, "不是positive", "positive", UNSURE),
    (["true", "not true"], "This is not true", "not true", PASSES),
    (["true", "not true"], "This is not true", "true", FAILS),
    (["true", "not true"], "It is true.", "true", PASSES),
    (["true", "false"], "not true", "true", FAILS),
    (["likely", "unlikely"], "It is unlikely", "unlikely", PASSES),
    (["likely", "unlikely"], "not likely", "likely", FAILS),
    (["yes", "no"], "No, it is", "no", PASSES),
    (["yes", "no"], "I know", "no", FAILS),
    (["yes", "no"], "yes", "yes", PASSES),
    (["yes", "no"], "Yes, there is no doubt", "no", UNSURE),
    (["cat", "black cat"], "a black cat", "black cat", PASSES),
    (["cat", "black cat"], "a black cat", "cat", FAILS),
    (["cat", "black cat"], "a cat", "cat", PASSES),
    (["C", "C++", "C#"], "I'd use C++", "C++", PASSES),
    (["C", "C++", "C#"], "I'd use C#", "C", FAILS),
    (["1", "2", "3"], "The answer is 2.", "2", PASSES),
    (["1", "2", "3"], "(2)", "2", PASSES),
    (["1", "2", "3"], "12", "2", FAILS),
    (["1", "2", "3"], "2.5", "2", FAILS),
    (TO_I, "I think so", "I", FAILS),
    (TO_I, "I", "I", PASSES),
    (TO_I, "(I)", "I", PASSES),
    (TO_I, "The answer is I.", "I", PASSES),
    (TO_I, "I think B", "B", PASSES),
    (TO_I, "I'm sure it's C", "C", PASSES),
    (["A", "B"], "The answer is A because a dog is a mammal", "A", PASSES),
    (["A", "B"], "A. A dog", "A", PASSES),
    (["A", "B"], "A", "A", PASSES),
    (["A", "B"], "a", "A", PASSES),
    (["A", "B"], "the answer is a", "A", PASSES),
    (["A", "B"], "the answer is a dog", "A", FAILS),
    (["A", "B"], "(a) a dog", "A", PASSES),
    (["A", "B"], "A: a dog", "A", PASSES),
    (["A", "B"], "a) a dog", "A", PASSES),
    (["A", "B"], "A dog is a mammal", "A", FAILS),
    (["A", "B"], "As far as I know", "A", FAILS),
    (["A", "B"], "What a day", "A", FAILS),
    (["A", "B"], "A lot", "A", FAILS),
    (["World", "Sports", "Sci/Tech"], "Sci/Tech", "Sci/Tech", PASSES),
    (["World", "Sports", "Sci/Tech"], "It is about sports", "Sports", PASSES),
    (["spam", "ham", "not spam"], "not spam", "not spam", PASSES),
    (["entailment", "contradiction", "neutral"], "The relation is entailment.", "entailment", PASSES),
    (["Option 1", "Option 10"], "Option 10", "Option 10", PASSES),
    (["Option 1", "Option 10"], "Option 10", "Option 1", FAILS),
    (["yes", "no", "maybe"], "maybe yes", "yes", FAILS),
    (["正", "负"], "正", "正", PASSES),
    (["正面", "负面"], "这是正面的", "正面", PASSES),
    (["긍정", "부정"], "긍정입니다", "긍정", PASSES),
    (["high", "low"], "The risk is high", "high", PASSES),
]


@pytest.mark.parametrize(("answer", "want"), LETTERS)
def test_letters_are_read_as_models_write_them(answer: str, want: bool | None) -> None:
    assert outcome(one_of(among=A_TO_D), answer, "B") is want


@pytest.mark.parametrize(("among", "answer", "expected", "want"), LABELS)
def test_labels_are_whole_words_and_the_longest_wins(
    among: list[str], answer: str, expected: str, want: bool | None
) -> None:
    assert outcome(one_of(among=among), answer, expected) is want


def test_without_options_the_answer_is_compared_with_the_expected_texts() -> None:
    assert outcome(one_of(), "**Yes**.", ["yes", "yeah"]) is PASSES
    assert outcome(one_of(), "Yes, it is", ["yes", "yeah"]) is FAILS


@pytest.mark.parametrize(
    ("answer", "chosen"),
    [
        ("A is a cat, so the answer is C.", "C"),
        ("A? No. The correct answer is: **(D)**", "D"),
        ("B and C are wrong. Final answer: A", "A"),
        ("A, B and C are wrong: \\boxed{D}", "D"),
    ],
)
def test_a_conclusion_counts_more_than_what_is_named_before_it(answer: str, chosen: str) -> None:
    assert one_of(among=A_TO_D)(answer, chosen).answer == chosen


@given(st.sampled_from(A_TO_D), st.sampled_from(A_TO_D))
def test_two_options_are_no_choice(first: str, second: str) -> None:
    for answer in (f"{first} or {second}", f"{first}, {second}", f"{first}/{second}", f"either {first} or {second}"):
        assert outcome(one_of(among=A_TO_D), answer, first) is (PASSES if first == second else FAILS)


@given(st.text(st.sampled_from("aei bcdot,.'"), max_size=40))
def test_text_in_small_letters_without_labels_never_chooses_the_article(text: str) -> None:
    if text.strip(" .,'") not in ("a", "") and "a." not in text and "a," not in text and "a'" not in text:
        assert outcome(one_of(among=["A", "Z"]), f"it is {text} thing", "A") is not PASSES


def test_unsure_is_another_outcome_than_wrong() -> None:
    assert outcome(one_of(among=A_TO_D), "Answer: B\nReason: A is wrong", "B") is UNSURE
