from hashlib import sha256

import pytest

from encdec.sources.split import assign, fraction

SHARES = {"train": 0.7, "val": 0.1, "test": 0.2}


def test_a_key_falls_where_the_first_eight_bytes_of_its_digest_say():
    # sha256("abc") is in FIPS 180-2: ba7816bf 8f01cfea ...; 0xba7816bf / 2**32 = 0.72839...
    assert fraction("abc") == 0xBA7816BF8F01CFEA / 2**64
    assert fraction("abc") == pytest.approx(0.7284, abs=1e-4)


@pytest.mark.parametrize(
    ("shares", "split"),
    [
        ({"train": 0.72, "val": 0.1, "test": 0.18}, "val"),  # 0.7284 lies between 0.72 and 0.82
        ({"train": 0.73, "val": 0.1, "test": 0.17}, "train"),
        ({"train": 0.4, "val": 0.3, "test": 0.3}, "test"),
        ({"train": 0.1, "val": 0.1}, "val"),  # the last one takes what is left
    ],
)
def test_the_splits_lie_one_after_the_other(shares, split):
    assert assign("abc", shares) == split


def test_shares_come_out_as_declared():
    splits = [assign(sha256(str(index).encode()).hexdigest(), SHARES) for index in range(20_000)]
    for split, share in SHARES.items():
        # Five standard deviations of a binomial share: 5 * sqrt(p (1 - p) / n) <= 0.018.
        assert splits.count(split) / 20_000 == pytest.approx(share, abs=5 * (share * (1 - share) / 20_000) ** 0.5)
