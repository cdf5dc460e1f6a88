"""Counter-based streams."""

import numpy as np
import pytest

from gridagora.sim.streams import Streams, philox, stream_key

U = np.uint64


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_known_answers(counter, key, expected):
    """Philox4x32-10 gives the known answers that Random123 ships (file kat_vectors)."""
    assert tuple(int(w) for w in philox(*map(U, counter), *map(U, key))) == expected


def test_a_member_keeps_its_draw_in_a_larger_population():
    """The first ten members draw the same whether there are ten or 70,000 of them."""
    streams = Streams(7)
    assert (streams.words("noise", "households", 70_000)[:10] == streams.words("noise", "households", 10)).all()


def test_concern_name_day_and_draw_give_other_numbers():
    """Each part of key and counter changes the draw."""
    s = Streams(7)
    base = s.uniforms("noise", "households", 5)
    others = [
        Streams(8).uniforms("noise", "households", 5),
        s.uniforms("quote", "households", 5),
        s.uniforms("noise", "firms", 5),
        s.uniforms("noise", "households", 5, day=1),
        s.uniforms("noise", "households", 5, draw=1),
    ]
    assert all((base != other).all() for other in others)


@pytest.mark.compiled
def test_moments():
    """A million draws have the mean and spread of their law."""
    s = Streams(1)
    u = s.uniforms("a", "b", 1_000_000)
    z = s.normals("a", "b", 1_000_000)
    assert abs(u.mean() - 0.5) < 0.002
    assert u.min() > 0
    assert u.max() < 1
    assert abs(z.mean()) < 0.005
    assert abs(z.std() - 1) < 0.005


def test_key_is_two_words_of_sha256():
    """The key of a stream never changes between versions: published results depend on it."""
    assert stream_key(42, "noise", "households") == stream_key(42, "noise", "households")
    assert all(0 <= int(k) < 2**32 for k in stream_key(42, "noise", "households"))


def test_rows_of_draws_are_the_draws_one_by_one():
    """Several draws at once are those that each gives alone, whatever the day and the first of them."""
    streams = Streams(7)
    rows = streams.uniform_rows("quote", "households", 50, 3, day=2, first=4)
    alone = [streams.uniforms("quote", "households", 50, day=2, draw=4 + row) for row in range(3)]
    words = [streams.words("quote", "households", 50, day=2, draw=4 + row)[:, 0] for row in range(3)]
    assert (rows == np.stack(alone)).all()
    assert (rows == (np.stack(words) + 0.5) / 2**32).all()
    normal = streams.normal_rows("quote", "households", 50, 2)
    assert (normal == np.stack([streams.normals("quote", "households", 50, draw=row) for row in range(2)])).all()
