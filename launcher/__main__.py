from launcher.cli import app
from shared import open_files

open_files.allow_many()
app(prog_name="./sibol")
