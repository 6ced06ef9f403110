"""From the options to the app: paths, virtualenv, imports, the callable; and why it did not load.

Runs in the zygote, or in each worker with lazy-apps, with the working directory of the server.
What a user got wrong is a LoadError, one sentence that says what to do; what the app raised is
shown as its own traceback, without frames of ours.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType, TracebackType
    from typing import Any, Callable

# uWSGI knows the first; every framework's tutorial writes one of them.
DEFAULT_NAMES = ("application", "app")


class LoadError(Exception):
    """The app cannot be loaded as it was configured; the text is for people."""


class App:
    """What was found: the callable, and its name as `module:attribute`."""

    def __init__(self, name: str, target: Callable[..., Any]) -> None:
        self.name = name
        self.callable = target


class Applications:
    """`applications = {"/path": app}` in the module: it names several, and none for all."""

    def __init__(self, name: str, by_path: dict[Any, Any]) -> None:
        self.name = name
        self.by_path = by_path


def load(options: dict[str, Any]) -> App | Applications | None:
    """None: no app is configured but those of mounts, or none at all (need-app = false)."""
    prepare(options)
    wanted = options["callable"]
    if options["wsgi-file"]:
        name, wanted = split_file(options["wsgi-file"], wanted)
        module = load_file(name)
    elif options["module"]:
        name, colon, attribute = options["module"].partition(":")
        module = import_module(name)
        wanted = attribute if colon else wanted
    else:
        return None
    by_path = vars(module).get("applications")
    if not wanted and isinstance(by_path, dict):
        return Applications(f"{name}:applications", by_path)
    return find_callable(module, name, wanted)


def prepare(options: dict[str, Any]) -> None:
    """What comes before the first import of the app's."""
    enter_folder(options["chdir"])
    extend_path(options["pythonpath"])
    activate_virtualenv(options["virtualenv"])
    if options["gevent"]:
        from mewsgi import _gevent

        _gevent.patch(options)
    for name in options["import"]:
        import_helper(name)


def load_named(text: str, wanted: str, option: str) -> App:
    """An app as `pkg.mod`, `pkg.mod:app` or `path/file.py:app`; `option` says where it stands."""
    path, wanted_there = split_file(text, wanted)
    if "/" in path or path.endswith((".py", ".wsgi")):
        return find_callable(load_file(path, option), path, wanted_there)
    name, colon, attribute = text.partition(":")
    return find_callable(import_module(name, option), name, attribute if colon else wanted)


# ---- where things are looked for


def enter_folder(folder: str) -> None:
    if not folder:
        return
    try:
        os.chdir(folder)
    except OSError as error:
        raise LoadError(f"chdir = {folder}: {error.strerror}") from None


def extend_path(folders: list[str]) -> None:
    """As uWSGI: the working directory, then each folder in front of the one before."""
    sys.path.insert(0, ".")
    for folder in folders:
        for found in expand(folder):
            sys.path.insert(0, found)


def expand(pattern: str) -> list[str]:
    if not any(character in pattern for character in "*?["):
        return [pattern]
    from glob import glob

    return sorted(glob(pattern)) or [pattern]


def activate_virtualenv(folder: str) -> None:
    """Only for `interpreter` and `virtualenv` together: else the python is the venv's own."""
    if not folder:
        return
    folder = os.path.abspath(folder)
    if os.path.realpath(sys.prefix) == os.path.realpath(folder):
        return
    import site

    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    abi = version + getattr(sys, "abiflags", "").replace("d", "")
    names = [os.path.join(folder, "lib", name, "site-packages") for name in (abi, version)]
    packages = next((name for name in names if os.path.isdir(name)), None)
    if packages is None:
        raise LoadError(
            f"virtualenv = {folder} holds no packages for {sys.executable} "
            f"({names[-1]} is missing); make it with this python, or leave interpreter out so "
            "that the virtualenv's own runs the app"
        )
    before = list(sys.path)
    site.addsitedir(packages)
    added = [entry for entry in sys.path if entry not in before]
    sys.path[:] = before
    # In front of the interpreter's own packages, behind what the options put first.
    place = next(
        (index for index, entry in enumerate(before) if entry.endswith("-packages")), len(before)
    )
    sys.path[place:place] = added
    sys.prefix = sys.exec_prefix = folder
    os.environ["VIRTUAL_ENV"] = folder


# ---- modules and files


def import_module(name: str, option: str = "module") -> ModuleType:
    if not name or not all(part.isidentifier() for part in name.split(".")):
        raise LoadError(
            f"{option} = {name} is no module name; write pkg.mod or pkg.mod:callable, "
            "or use wsgi-file for a path"
        )
    try:
        __import__(name)
    except ModuleNotFoundError as error:
        if error.name and (name + ".").startswith(error.name + "."):
            raise LoadError(missing_module(name, error.name)) from None
        raise
    return sys.modules[name]


def import_helper(name: str) -> None:
    """The option `import`: a module, or a file by its path."""
    if "/" in name or name.endswith(".py"):
        load_file(name)
    else:
        import_module(name)


def split_file(text: str, wanted: str) -> tuple[str, str]:
    """`path/file.py:app` in one; a file whose name holds a colon is still a file."""
    path, colon, attribute = text.rpartition(":")
    if colon and not os.path.exists(text) and os.path.exists(path):
        return path, attribute
    return text, wanted


def file_module_name(path: str) -> str:
    """`uwsgi_file_` and the path; apps compare `__name__` with it."""
    stem = os.path.splitext(path[2:] if path.startswith("./") else path)[0]
    return "uwsgi_file_" + stem.replace("/", "_").replace(".", "_")


def load_file(path: str, option: str = "wsgi-file") -> ModuleType:
    """Any suffix will do; nothing is cached beside it, as app.wsgi and app.py would collide."""
    from importlib.machinery import ModuleSpec, SourceFileLoader

    name = file_module_name(path)
    whole = os.path.abspath(path)
    loader = SourceFileLoader(name, whole)
    try:
        source = loader.get_data(whole)
    except OSError as error:
        raise LoadError(
            f"{option} = {path}: {error.strerror} (looked for {whole}); "
            "the path counts from the working directory, after chdir"
        ) from None
    code = loader.source_to_code(source, whole)
    spec = ModuleSpec(name, loader, origin=whole)
    spec.has_location = True
    module = type(sys)(name)
    module.__spec__, module.__loader__, module.__file__ = spec, loader, whole
    sys.modules[name] = module
    try:
        exec(code, module.__dict__)  # noqa: S102 -- that is what the option is for
    except ModuleNotFoundError as error:
        sys.modules.pop(name, None)
        add_hint(error, whole)
        raise
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def add_hint(error: ModuleNotFoundError, file: str) -> None:
    """A file's folder is not on sys.path, as with uWSGI; say so where that is what is wrong."""
    folder = os.path.dirname(file)
    top = (error.name or "").partition(".")[0]
    if top and is_module(os.path.join(folder, top)):
        error.mewsgi_hint = (  # type: ignore[attr-defined]
            f"{top} lies beside {file}: add --pythonpath {folder}"
        )


def is_module(path: str) -> bool:
    return os.path.isfile(path + ".py") or os.path.isdir(path)


# ---- the callable


def find_callable(module: ModuleType, where: str, wanted: str) -> App:
    if not wanted:
        wanted = default_name(module, where)
    attribute, parentheses, rest = wanted.partition("(")
    if parentheses and rest.strip() != ")":
        raise LoadError(
            f"{where}:{wanted}: a factory is called without arguments; write {attribute}()"
        )
    target: Any = module
    for part in attribute.split("."):
        try:
            target = getattr(target, part)
        except AttributeError:
            raise LoadError(missing_attribute(module, where, attribute)) from None
    name = f"{where}:{wanted}"
    if not callable(target):
        raise LoadError(f"{name} is not callable, it is {describe(target)}{offer(module, where)}")
    if parentheses:
        target = target()
        if not callable(target):
            raise LoadError(f"{name} returned {describe(target)}, which is not callable")
    return App(name, target)


def default_name(module: ModuleType, where: str) -> str:
    for name in DEFAULT_NAMES:
        if hasattr(module, name):
            return name
    names = " and no ".join(f"`{name}`" for name in DEFAULT_NAMES)
    raise LoadError(f"{where} has no {names}{offer(module, where)}")


def missing_attribute(module: ModuleType, where: str, attribute: str) -> str:
    from difflib import get_close_matches

    text = f"{where} has no `{attribute}`"
    close = get_close_matches(attribute, list_callables(module), n=1)
    if close:
        return f"{text}; did you mean {where}:{close[0]}?"
    return text + offer(module, where)


def offer(module: ModuleType, where: str) -> str:
    """What there is instead, as the end of a sentence."""
    names = list_callables(module)
    if not names:
        return "; it has no callables at all"
    factory = next((name for name in names if name in ("create_app", "make_app")), None)
    shown = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
    if factory:
        return f"; to call its factory write {where}:{factory}() (callables there: {shown})"
    return f"; callables there: {shown}"


def list_callables(module: ModuleType) -> list[str]:
    """Public ones that are the module's own: not what it imported, no classes."""
    own = []
    for name, value in list(vars(module).items()):
        if name.startswith("_") or isinstance(value, type) or not callable(value):
            continue
        home = getattr(value, "__module__", None)
        if not hasattr(value, "__code__") or home == module.__name__:
            own.append(name)
    return own


def describe(value: Any) -> str:
    if value is None:
        return "None"
    kind = type(value).__name__
    return f"{'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind}"


# ---- why not


def missing_module(name: str, missing: str) -> str:
    text = f"there is no module {missing}"
    if missing != name:
        text += f" (for {name})"
    parent = sys.modules.get(missing.rpartition(".")[0])
    folders = list(getattr(parent, "__path__", [])) if parent else sys.path
    if parent is not None and not folders:
        return f"{text}: {parent.__name__} is a module, not a package"
    close = similar_module(missing.rpartition(".")[2], folders)
    if close:
        whole = ".".join([*missing.split(".")[:-1], close, *name[len(missing) + 1 :].split(".")])
        text += f"; did you mean {whole.rstrip('.')}?"
    shown = "".join(f"\n  {os.path.abspath(entry)}" for entry in folders)
    help_text = "" if parent else "\nadd the folder that holds it by --pythonpath, or --chdir to it"
    return f"{text}\nlooked for it in:{shown}{help_text}"


def similar_module(name: str, folders: list[str]) -> str | None:
    from difflib import get_close_matches

    names = set()
    for folder in folders:
        try:
            entries = os.listdir(folder)
        except OSError:
            continue
        for entry in entries:
            stem, suffix = os.path.splitext(entry)
            if stem.isidentifier() and (suffix == ".py" or os.path.isdir(f"{folder}/{entry}")):
                names.add(stem)
    close = get_close_matches(name, sorted(names), n=1)
    return close[0] if close else None


def explain_failure(error: BaseException, what: str = "the app") -> str:
    """The text that the log and `mewsgi reload` show."""
    if isinstance(error, LoadError):
        return f"{what} did not load: {error}"
    if isinstance(error, SystemExit):
        head = f"{what} called sys.exit({'' if error.code is None else repr(error.code)})"
        head += " while it was imported"
    else:
        head = f"{what} did not load: {type(error).__name__} while it was imported"
    from traceback import format_exception

    lines = "".join(format_exception(type(error), error, below_ours(error))).rstrip("\n")
    hint = getattr(error, "mewsgi_hint", None)
    return f"{head}\n{lines}" + (f"\n{hint}" if hint else "")


def below_ours(error: BaseException) -> TracebackType | None:
    """The traceback from the app's first frame on; ours lie above it."""
    entry = error.__traceback__
    while entry is not None and not is_ours(entry.tb_frame.f_code.co_filename):
        entry = entry.tb_next
    while entry is not None and is_ours(entry.tb_frame.f_code.co_filename):
        entry = entry.tb_next
    return entry


def is_ours(filename: str) -> bool:
    return filename.startswith((os.path.dirname(__file__) + os.sep, "<frozen importlib"))
