import resource
import subprocess
import sys

from shared.open_files import ENOUGH
from tests.support.places import ROOT


def test_a_limit_of_1024_open_files_is_raised():
    program = (
        "import resource as r; from shared import open_files;"
        "most = r.getrlimit(r.RLIMIT_NOFILE)[1]; r.setrlimit(r.RLIMIT_NOFILE, (1024, most));"
        "open_files.allow_many(); print(r.getrlimit(r.RLIMIT_NOFILE)[0])"
    )

    told = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True
    )

    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert int(told.stdout) == (ENOUGH if most < 0 else min(most, ENOUGH))
