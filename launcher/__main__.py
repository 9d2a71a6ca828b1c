from launcher.cli import app
from launcher.processes import allow_many_files

allow_many_files()
app(prog_name="./sibol")
