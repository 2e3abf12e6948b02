import pytest

from emg.analytics import Amplitude, Mvc, MvcSource
from emg.analytics.mvc import reference

GIVEN, STORED = Amplitude(150, "uV"), Amplitude(0.2, "mV")


def cascade(given: Amplitude | None, stored: Amplitude | None, *peaks: float) -> Mvc:
    return reference(unit="V", given=given, stored=stored, peaks=peaks, quantile=0.9)


def test_it_prefers_the_given_then_the_stored_then_an_estimate() -> None:
    found = [cascade(GIVEN, STORED, 1.0), cascade(None, STORED, 1.0), cascade(None, None, 1.0, 2.0)]

    assert [each.source for each in found] == ["given", "stored", "estimated"]
    assert [each.value for each in found] == pytest.approx([1.5e-4, 2e-4, 1.9])
    assert {each.unit for each in found} == {"V"}
    assert cascade(None, None) == Mvc(None, "V", MvcSource.NONE)


def test_it_is_not_led_by_one_artefact() -> None:
    assert cascade(None, None, *[1.0] * 19, 100.0).value == pytest.approx(1.0)


@pytest.mark.parametrize("value", [0.0, -1e-4, float("nan"), float("inf")])
def test_it_refuses_an_mvc_that_is_none(value: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        cascade(Amplitude(value, "V"), None)


@pytest.mark.parametrize("unit", ["", "N", "%"])
def test_it_refuses_a_unit_it_cannot_convert(unit: str) -> None:
    with pytest.raises(ValueError, match="cannot be told"):
        cascade(Amplitude(1, unit), None)


def test_it_keeps_an_unknown_unit_as_it_is() -> None:
    assert Amplitude(3, "counts").to("counts") == 3


@pytest.mark.parametrize(
    ("unit", "volts"), [("mV", 1e-3), ("uV", 1e-6), ("µV", 1e-6), ("nV", 1e-9)]
)
def test_it_converts_voltages(unit: str, volts: float) -> None:
    assert Amplitude(5, unit).to("V") == pytest.approx(5 * volts)
