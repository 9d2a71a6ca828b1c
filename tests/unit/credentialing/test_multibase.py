import pytest
from hypothesis import given
from hypothesis import strategies as st
from openvc.multibase import encode_multibase

from services.credentialing import multibase
from shared.errors import Invalid


@given(st.binary(max_size=80))
def test_bytes_come_back_from_either_spelling(content):
    assert multibase.from_base58(multibase.base58(content)) == content
    assert multibase.from_base64url(multibase.base64url(content)) == content


@given(st.binary(min_size=1, max_size=80))
def test_base58_is_spelled_as_elsewhere(content):
    assert multibase.base58(content) == encode_multibase(content)


@pytest.mark.parametrize("text", ["", "abc", "z0", "zO", "zé", "z" + "2" * 300])
def test_what_is_not_base58_is_refused(text):
    with pytest.raises(Invalid):
        multibase.from_base58(text)


@pytest.mark.parametrize("text", ["", "abc", "u+/", "ué", "ua", "ua="])
def test_what_is_not_base64url_is_refused(text):
    with pytest.raises(Invalid):
        multibase.from_base64url(text)
