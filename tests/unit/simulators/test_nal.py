"""Elementary streams are cut into pictures, and nothing but a proper stream is taken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.encoder.clips import Codec
from simulators.encoder.nal import BitstreamError, access_units, parameter_sets, split_annex_b
from tests.unit.simulators.synthetic import sets, unit

CODECS: list[Codec] = ["h264", "h265"]
SHORT, LONG = b"\x00\x00\x01", b"\x00\x00\x00\x01"


def stream(codec: Codec, *pictures: tuple[bytes, ...]) -> bytes:
    """Join pictures, each a tuple of units, with delimiters and start codes of both lengths."""
    return b"".join(LONG + unit(codec, "aud", 1) + b"".join(SHORT + each for each in picture) for picture in pictures)


@pytest.mark.parametrize("codec", CODECS)
def test_pictures_keep_their_slices_and_lose_what_shows_nothing(codec: Codec) -> None:
    key, slices = unit(codec, "idr", 50), [unit(codec, "slice", 20, seed) for seed in (1, 2)]
    noise = unit(codec, "filler", 9), unit(codec, "sei", 9)
    first, second = access_units(codec, stream(codec, (*sets(codec), noise[1], key), (*slices, noise[0])))
    assert (first.units, first.keyframe) == ((*sets(codec), key), True)
    assert (second.units, second.keyframe) == (tuple(slices), False)
    assert parameter_sets(codec, first) == sets(codec)


@pytest.mark.parametrize("codec", CODECS)
def test_every_keyframe_gets_the_parameter_sets_even_if_sent_once(codec: Codec) -> None:
    key = unit(codec, "idr", 50)
    pictures = access_units(codec, stream(codec, (*sets(codec), key), (key,)))
    assert [picture.units for picture in pictures] == [(*sets(codec), key)] * 2


@pytest.mark.parametrize("codec", CODECS)
def test_a_stream_that_cannot_be_joined_at_its_start_is_refused(codec: Codec) -> None:
    with pytest.raises(BitstreamError, match="keyframe"):
        access_units(codec, stream(codec, (unit(codec, "slice", 5),)))
    with pytest.raises(BitstreamError, match="keyframe"):
        access_units(codec, stream(codec, (sets(codec)[0], unit(codec, "idr", 5))))
    with pytest.raises(BitstreamError, match="delimiter"):
        access_units(codec, SHORT + unit(codec, "idr", 5))


@given(st.lists(st.binary(min_size=1).map(lambda b: b.replace(b"\x00", b"\x07"))), st.sampled_from([SHORT, LONG]))
def test_splitting_returns_what_was_joined(units: list[bytes], code: bytes) -> None:
    assert list(split_annex_b(b"".join(code + each for each in units))) == units


@given(st.binary(), st.sampled_from(CODECS))
def test_garbage_is_refused_or_cut_but_never_crashes(garbage: bytes, codec: Codec) -> None:
    try:
        pictures = access_units(codec, garbage)
    except BitstreamError:
        return
    assert all(picture.units for picture in pictures)
