"""What libtiff has to say about a damaged TIFF stays out of the log."""

import pytest
from picture_files import decode, encode, noise
from tihua_server.errors import InvalidInput
from tihua_server.libtiff import silence_libtiff


def test_a_damaged_tiff_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """Not even on the descriptor of standard error, past Python."""
    silence_libtiff()
    fax = bytearray(encode(noise(200, 200).convert("1"), "TIFF", compression="group4"))
    fax[300:900] = bytes(600)
    lzw = encode(noise(90, 90), "TIFF", compression="tiff_lzw")
    for content in (bytes(fax), lzw[:-9_000], lzw[:400] + bytes(9_000) + lzw[9_400:]):
        try:
            decode(content)
        except InvalidInput:
            continue
    assert capfd.readouterr() == ("", "")
