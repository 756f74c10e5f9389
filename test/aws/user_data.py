"""Takes user data apart: writes it, and each script that it would write, into a folder."""

import json
import pathlib
import re
import sys

if __name__ == "__main__":
    source, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    script = json.loads(json.loads(source.read_text()))  # the console quotes what jsonencode quoted
    folder.mkdir()
    (folder / "user_data").write_text(script)
    for path, text in re.findall(r"^cat >(/usr/local/lib/windlass/\S+) <<'END'\n(.*?)^END$", script, re.DOTALL | re.MULTILINE):
        (folder / pathlib.Path(path).name).write_text(text)
    print(*sorted(p.name for p in folder.iterdir()))
