import numpy as np

from emg.analytics.pairing import Pair, device_intervals, pair


def test_it_pairs_raw_with_activated() -> None:
    names = ["CH1 Raw", "CH2 Raw", "CH1 activated", "CH2 activated"]

    assert pair(names) == (Pair("CH1", 0, 2), Pair("CH2", 1, 3))


def test_it_does_not_mind_case_order_or_separator() -> None:
    names = ["ch2_ACTIVATED", "CH2 raw", "CH1-Raw "]

    assert pair(names) == (Pair("CH2", 1, 0), Pair("CH1", 2, None))


def test_it_takes_a_channel_without_a_role_as_its_own_muscle() -> None:
    assert pair(["EMG1", "R. Tib Ant", "straw"]) == (
        Pair("EMG1", 0, None),
        Pair("R. Tib Ant", 1, None),
        Pair("straw", 2, None),
    )


def test_it_knows_no_muscle_by_its_activation_alone() -> None:
    assert pair(["CH1 activated", "activated"]) == ()


def test_it_reads_what_the_device_reported() -> None:
    activated = np.zeros(9900)
    activated[990:2970] = activated[4950:5940] = 1e-4

    found = device_intervals(activated, 990.0)

    assert np.allclose(found, [(1.0, 3.0), (5.0, 6.0)], atol=0.06)
    assert device_intervals(np.zeros(9900), 990.0) == ()
