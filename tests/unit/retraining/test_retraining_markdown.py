"""Whatever a class, a text or a file is called, the page says it and does nothing else with it."""

import pytest

from encdec.retraining.markdown import code, prose, table

ZERO = "\u200b"
DOLLAR = r"<span>\$</span>"


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("cat", "`cat`"),
        ("<img src=x onerror=alert(1)>", "`<img src=x onerror=alert(1)>`"),
        ("[x](http://evil)", "`[x](http://evil)`"),
        ("@everyone", "`@everyone`"),
        ("a`b", "``a`b``"),
        ("`", "`` ` ``"),
        ("``` ```", "```` ``` ``` ````"),
        ("two\nlines\r\n\n# head", "`two lines # head`"),
        ("gpj.\u202eexe", "`gpj. exe`"),
        ("  ", "(nothing)"),
        ("", "(nothing)"),
        ("img#3.png of gh-7, fixture", "`img#3.png of gh-7, fixture`"),
        ("Closes #3, o/n#4", f"`Closes #{ZERO}3, o/n#4`"),
        ("fixes: o/n#3", f"`fixes: o/n#{ZERO}3`"),
        ("resolved GH-3 and fix https://x/issues/3", f"`resolved GH{ZERO}-3 and fix https:{ZERO}//x/issues/3`"),
        ("x" * 500, f"`{'x' * 160}…`"),
    ],
)
def test_a_text_from_outside_is_code(text, markdown):
    assert code(text) == markdown


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("accuracy 0.98 [0.97, 1.00] (min_new_rows)", "accuracy 0.98 [0.97, 1.00] (min_new_rows)"),
        ("a [link](http://evil)", f"a [link]\\(http:{ZERO}//evil)"),
        ("![x](y)", "![x]\\(y)"),
        ("<script>", "\\<script>"),
        ("&lt;b&gt;", "\\&lt;b\\&gt;"),
        ("*bold* _it_ ~~no~~ `c`", "\\*bold\\* \\_it\\_ \\~\\~no\\~\\~ \\`c\\`"),
        ("ask @joe about #12, gh-7", f"ask @{ZERO}joe about #{ZERO}12, gh{ZERO}-7"),
        ("www.evil.example", f"www{ZERO}.evil.example"),
        ("one\n# two", "one # two"),
        ("back\\slash", "back\\\\slash"),
        ("__c__ and ___d___", "\\_\\_c\\_\\_ and \\_\\_\\_d\\_\\_\\_"),
        ("a__b min_new_rows", "a\\_\\_b min_new_rows"),
        (r"$x$ $$\href{y}$$", rf"{DOLLAR}x{DOLLAR} {DOLLAR}{DOLLAR}\\href{{y}}{DOLLAR}{DOLLAR}"),
        ("closes #3, fixes o/n#3", f"closes #{ZERO}3, fixes o/n#{ZERO}3"),
        (
            "resolves GH-3, https://github.com/o/n/issues/3",
            f"resolves GH{ZERO}-3, https:{ZERO}//github.com/o/n/issues/3",
        ),
    ],
)
def test_a_sentence_has_no_markup_but_its_own(text, markdown):
    assert prose(text) == markdown


def test_a_table_reads_as_plain_text_and_no_field_breaks_out_of_it():
    assert table(("name", "rows"), [(code("a|b"), "1"), ("日本", "1,200")], right=(1,)).splitlines() == [
        "| name   |  rows |",
        "| ------ | ----: |",
        "| `a\\|b` |     1 |",
        "| 日本   | 1,200 |",
    ]
