import re
import time

from omibackend.core.show.body import SHOWN_CHARS, show

JSON = "application/json"


def text_of(html: str) -> str:
    plain = re.sub(r"<[^>]+>", "", html)
    for entity, letter in (("&quot;", '"'), ("&#x27;", "'"), ("&lt;", "<"), ("&gt;", ">")):
        plain = plain.replace(entity, letter)
    return plain.replace("&amp;", "&")


def test_it_indents_and_colours_json() -> None:
    shown = show(b'{"a":[1,"x",null],"b":{}}', JSON)
    assert text_of(shown.html) == '{\n  "a": [\n    1,\n    "x",\n    null\n  ],\n  "b": {}\n}'
    assert '<span class="k">&quot;a&quot;</span>' in shown.html
    assert '<span class="s">&quot;x&quot;</span>' in shown.html
    assert '<span class="n">1</span>' in shown.html
    assert shown.hidden_bytes == 0


def test_it_escapes_what_a_sender_wrote() -> None:
    shown = show(b'{"<img src=x onerror=alert(1)>": "</span><script>"}', JSON)
    assert "<img" not in shown.html
    assert "<script>" not in shown.html


def test_it_keeps_numbers_and_doubled_keys_as_they_were_sent() -> None:
    shown = show(b'{"a":1.50,"a":12345678901234567890123}', JSON)
    assert text_of(shown.html) == '{\n  "a": 1.50,\n  "a": 12345678901234567890123\n}'


def test_it_shows_letters_in_place_of_escapes() -> None:
    assert '"caf\u00e9 \U0001f492"' in text_of(show(rb'{"a":"caf\u00e9 \ud83d\udc92"}', JSON).html)
    assert r"\ud83d" in show(rb'{"a":"\ud83d"}', JSON).html


def test_it_folds_a_photo_to_its_size() -> None:
    photo = b'{"base64":"/9j/4AAQ' + b"A" * 4_000_000 + b'","next":1}'
    shown = show(photo, JSON)
    assert "3.0 MB as base64" in shown.html
    assert '<span class="k">&quot;next&quot;</span>' in shown.html
    assert len(shown.html) < 1000
    assert shown.hidden_bytes == 0


def test_it_stops_where_the_page_is_full() -> None:
    body = b'{"segments": [' + b",".join([b'{"text": "one two three"}'] * 300_000) + b"]}"
    started = time.perf_counter()
    shown = show(body, JSON)
    assert time.perf_counter() - started < 2
    assert SHOWN_CHARS <= len(text_of(shown.html)) < SHOWN_CHARS * 1.1
    assert shown.hidden_bytes > 7_000_000


def test_it_takes_a_thousand_levels() -> None:
    shown = show(b"[" * 1000 + b"1" + b"]" * 1000, JSON)
    assert text_of(shown.html).count("[") == 1000
    assert len(shown.html) < 40_000


def test_it_shows_what_is_not_json_as_it_came() -> None:
    assert show(b"<b>hello", "text/plain").html == "&lt;b&gt;hello"
    broken = show(b'{"a": 1, oops <b>', JSON)
    assert text_of(broken.html).endswith("oops <b>")
    assert "<b>" not in broken.html


def test_it_shows_a_form_one_field_a_line() -> None:
    shown = show(b"From=%2B33&Body=Yes+%3Cb%3E", "application/x-www-form-urlencoded")
    assert text_of(shown.html) == "From = +33\nBody = Yes <b>"


def test_it_does_not_show_binary() -> None:
    shown = show(b"RIFF\x00\x01" * 100, "application/octet-stream")
    assert (shown.html, shown.hidden_bytes) == ("", 600)
