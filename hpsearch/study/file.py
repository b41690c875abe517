"""Reading a study file: plain Python that defines one study."""

import sys
import tokenize
import traceback
from dataclasses import dataclass
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

from hpsearch.errors import HpsearchError, Refused, Stopped, sentence
from hpsearch.protocol import Source
from hpsearch.study import Study
from hpsearch.study.namesakes import refuse_namesakes
from hpsearch.values import STUDY


@dataclass(frozen=True)
class StudyFile:
    """A study with the file that defines it."""

    path: Path
    text: str
    study: Study

    @property
    def name(self) -> str:
        """The file's name without its suffix."""
        return self.path.stem

    @property
    def sources(self) -> tuple[Source, ...]:
        """The data that any arm of the study, or a teacher, names; each once."""
        return self.study.sources

    @property
    def known(self) -> tuple[type | FunctionType, ...]:
        """The classes and functions the file names, its own and imported ones, and those its values hold."""
        module = sys.modules.get(f"{STUDY}{self.name}")
        named = [value for value in vars(module).values() if isinstance(value, type | FunctionType)] if module else []
        return tuple(dict.fromkeys((*named, *sorted(self.study.kinds, key=lambda kind: kind.__qualname__))))


def read(path: Path) -> StudyFile:
    """The study of a file; refused, with the line, where it cannot be read or defines none or several."""
    if not path.is_file():
        raise Refused(f"there is no study file {path}: write one with `hpsearch new {path}`")
    try:
        with tokenize.open(path) as file:
            text = file.read()
        code = compile(path.read_bytes(), str(path), "exec")  # bytes: Python itself minds a byte order mark and a coding line
    except SyntaxError as error:
        at = f"{path}, line {error.lineno}:" if error.lineno else f"{path} cannot be read as a Python file:"
        raise Refused(f"{at} {error.msg}") from error
    except (ValueError, OSError) as error:  # no text, or not ours to read
        raise Refused(f"{path} cannot be read as a Python file: {error}") from error
    refuse_namesakes(path)
    module = _load(path, code)
    found = {name: value for name, value in vars(module).items() if isinstance(value, Study)}
    studies = list(dict.fromkeys(id(value) for value in found.values()))
    if not studies:
        raise Refused(f"{path} defines no study: write study = Study(question=..., base=..., ...) in it")
    if len(studies) > 1:
        raise Refused(f"{path} defines {len(studies)} studies, {', '.join(found)}: keep one to a file")
    return StudyFile(path, text, next(iter(found.values())))


def _load(path: Path, code: CodeType) -> ModuleType:
    name = f"{STUDY}{path.stem}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise Refused(f"{path} is not a Python file: its name must end in .py")
    module = module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look their module up
    sys.path.insert(0, str(path.resolve().parent))  # modules beside the study
    try:
        exec(code, vars(module))  # what was read, and not what a cache of compiled files takes for it
    except HpsearchError as error:
        raise type(error)(f"{path}, line {_line(error, path)}: {error}") from error
    except (Stopped, KeyboardInterrupt):
        raise
    except BaseException as error:  # whatever the user's file raises is the user's to mend, sys.exit too
        raise Refused(f"{path}, line {_line(error, path)}: {sentence(error)}") from error
    return module


def _line(error: BaseException, path: Path) -> int | None:
    """The last line of the study file on the way to the error."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename).resolve() == path.resolve()]
    return lines[-1] if lines else None
