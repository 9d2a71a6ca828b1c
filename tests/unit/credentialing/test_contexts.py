import json
import shutil

import pytest

from services.credentialing import contexts
from shared.errors import Invalid


def test_every_context_is_as_it_was_published():
    assert contexts.CREDENTIALS in contexts.known()
    assert contexts.OPEN_BADGES in contexts.known()
    assert contexts.OPEN_BADGES_EXTENSIONS in contexts.known()


def test_a_changed_context_is_noticed(tmp_path):
    folder = tmp_path / "contexts"
    shutil.copytree(contexts.FOLDER, folder)
    (folder / "credentials-v2.json").write_text(json.dumps({"@context": {}}))

    with pytest.raises(Invalid, match=r"credentials-v2\.json"):
        contexts.known(folder)


@pytest.mark.parametrize(
    "url",
    ["https://evil.example/context", "file:///etc/passwd", "http://www.w3.org/ns/credentials/v2"],
)
def test_no_other_context_is_ever_loaded(url):
    with pytest.raises(Invalid):
        contexts.load(url)
