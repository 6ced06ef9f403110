"""Start of a zygote: the master runs `<python> <package>/_zygote.py <boot descriptor>`.

The python is the app's, and may be any: until its version is checked, this must be parseable by
all of them, down to 2.7. What follows loads our package by its folder, so that neither this folder
nor the site-packages that it lies in gets on the path of the app. All the rest is _bootstrap.py.
"""

import sys

if sys.version_info < (3, 9):  # noqa: UP036 -- whichever python was chosen
    sys.stderr.write(
        "mewsgi needs Python 3.9 or newer, but %s is Python %d.%d; "  # noqa: UP031
        "choose another by --interpreter or --virtualenv\n"
        % ((sys.executable,) + sys.version_info[:2])  # noqa: RUF005
    )
    sys.exit(1)

import os
from importlib.machinery import ModuleSpec, SourceFileLoader

# The folder of a script is put first on the path, unless python was told to be careful.
if not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
    del sys.path[0]

folder = os.path.dirname(os.path.abspath(__file__))
file = os.path.join(folder, "__init__.py")
loader = SourceFileLoader("mewsgi", file)
spec = ModuleSpec("mewsgi", loader, origin=file, is_package=True)
spec.submodule_search_locations = [folder]
spec.has_location = True
package = type(sys)("mewsgi")
package.__spec__ = spec
package.__loader__ = loader
package.__package__ = "mewsgi"
package.__path__ = [folder]
package.__file__ = file
sys.modules["mewsgi"] = package
loader.exec_module(package)

from mewsgi._bootstrap import run  # noqa: E402

run(int(sys.argv[1]))
