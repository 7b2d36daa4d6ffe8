"""The edit matrix: small projects, one edit each, and whether the fingerprint of ``step`` in ``flow.py`` must change.

A project is one text; ``# file: name`` lines part it into files, the first part being ``flow.py``. An edit replaces
the first ``old`` (``old`` must be there) by ``new`` in the whole text.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["MUST", "MUST_NOT", "Edit", "files"]


class Edit(NamedTuple):
    """One edit of one project."""

    name: str
    text: str
    old: str
    new: str


def files(text: str) -> dict[str, str]:
    """Part a project's text into its files."""
    found = {"flow.py": ""}
    current = "flow.py"
    for line in text.lstrip("\n").splitlines(keepends=True):
        if line.startswith("# file: "):
            current = line.removeprefix("# file: ").strip()
            found[current] = ""
        else:
            found[current] += line
    return found


HELPERS = '''
from lib import scale

def step(x):
    return scale(x) + 1

# file: lib.py
from deep import shift
LIMIT = 3
UNUSED = 4

def scale(x, by=2, *, clip=10):
    """Scale."""
    # a comment
    y = min(x * by, clip)
    return shift(y) if y < LIMIT else y

def other(x):
    return x

# file: deep.py
def shift(x):
    return x + OFFSET

OFFSET = 5
'''

CLASSES = '''
from lib import Model, model, Config

def step(x: int) -> float:
    config = Config(1)
    return model.predict(x) + Model.kind(x) + Model.static(x) + config.total

# file: lib.py
import functools
from dataclasses import dataclass, field

class Meta(type):
    def __call__(cls, *args):
        made = super().__call__(*args)
        made.extra = 1
        return made

class Root:
    def shared(self):
        return 7

    def __init_subclass__(cls, **kw):
        super().__init_subclass__()
        cls.tag = 3

class Base(Root):
    """A base."""
    __secret = 4

    def common(self, x):
        return x * 2 + self.shared() + self.__secret

class Model(Base, metaclass=Meta):
    """A model."""
    factor = 2
    table = {"a": [1, 2]}

    def __init__(self, bias):
        self.bias = bias

    def predict(self, x):
        """Predict."""
        return self.common(x) * self.factor + self.bias + self.half + self.cached + super().common(1)

    @property
    def half(self):
        return 0.5

    @functools.cached_property
    def cached(self):
        return 0.25

    @classmethod
    def kind(cls, x):
        return x - 1

    @staticmethod
    def static(x):
        return x + 2

    def annotated(self, x: int) -> int:
        return x

@dataclass(order=False)
class Config:
    a: int
    b: list = field(default_factory=list)
    c: float = 1.5

    @property
    def total(self):
        return self.a + self.c

model = Model(10)
'''

WRAPPED = """
import functools
import contextlib
from lib import timed, powered, Handler

RATE = 0.5

@timed
@powered(3)
def inner(x):
    return x + 1

@functools.lru_cache(maxsize=8)
def cached(x):
    return x * 3

@functools.wraps(cached)
def wrapped(x):
    return cached(x) + 1

@contextlib.contextmanager
def opened(x):
    yield x + 1

@functools.singledispatch
def dispatched(x):
    return 1

@dispatched.register
def _(x: int):
    return 2

@dispatched.register(list)
def _of_list(x):
    return 3

def make(factor):
    def scaled(x):
        return x * factor
    return scaled

def first(x):
    return x

def second(x):
    return x + 1

def third(x):
    return x + 2

def marked(x):
    return x + marked.level
marked.level = 5

double = make(2)
halve = functools.partial(make, 4)
part = functools.partial(first, 1)
keyed = functools.partial(second, x=1)
handler = Handler(rate=3)
bound = handler.handle
table = {"first": first, "more": [second, (third, lambda x: x + 3)]}
chosen = frozenset({first, third})
pair = [lambda x: x + 1, lambda x: x + 2]

def step(x):
    with opened(x) as y:
        total = inner(y) + cached(y) + wrapped(y) + dispatched(y) + double(y) + halve()(y) + marked(y)
    total += part() + keyed() + handler(y) + bound(y) + table["first"](y) + pair[0](y)
    return total + sum(f(y) for f in chosen)

# file: lib.py
import functools

class Handler:
    def __init__(self, rate):
        self.rate = rate

    def __call__(self, x):
        return x * self.rate

    def handle(self, x):
        return x - self.rate

def timed(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args) * 1
    return wrapper

def powered(power):
    def decorate(function):
        def wrapper(*args):
            return function(*args) ** power
        return wrapper
    return decorate
"""

FLOW = '''
def step(rows, limit=3, *, mode="a"):
    total = 0
    done = False
    for row in rows:
        if row > limit:
            continue
        try:
            total += int(row)
            total = total - 1
        except ValueError:
            total -= 1
        finally:
            done = not done
        try:
            total += float(row)
            total = total * 2
        except ValueError:
            pass
        while total > 100:
            total -= 7
            break
        else:
            total += 0
    with open("a") as a, open("b") as b:
        total += len(a.read()) + len(b.read())
    match total:
        case 0 | 1:
            total = 5
        case [x, *rest] if rest:
            total = x
    squares = [n * n for n in range(total) if n % 2]
    text = f"{total:.2f}" + mode
    if (m := len(text)) > 3 and total is not None:
        total += m
    options = {"a": 1, "b": 0.0}
    allowed = total in {"x", "y", "z"}
    def nested(a, b=1):
        """Nested."""
        class Local:
            """Local."""
            size: int = 3
            def area(self):
                return self.size * 2
        return Local().area() + a - b
    pick = lambda a, b: a - b
    assert total
    del done
    return nested(total), squares, pick(1, 2), options, allowed, -1 ** 2, (1, 2)[0], x if total else limit
'''

MODULES = """
import pkg
import pkg.sub
import pkg.sub as renamed
import pkg.chosen
import importlib
from pkg import plain as other_name, swapped
from stars import *

def step(x):
    from pkg import late
    from pkg.later import deep as deeper
    import pkg.lazy
    import pkg.named as named
    y = pkg.sub.function(x) + renamed.CONSTANT + pkg.VALUE + other_name(x) + late.go(x) + deeper(x)
    y += pkg.lazy.run(x) + named.run(x) + starred(x) + pkg.relative(x) + pkg.dynamic
    y += importlib.import_module("pkg.constant").run(x)
    return y + getattr(pkg.chosen, "run" + "_it")(x) + swapped(x)

# file: stars.py
def starred(x):
    return x + 1

# file: pkg/__init__.py
VALUE = 1
UNREAD = 2

def plain(x):
    return x

def swapped(x):
    return x

def spare(x):
    return x

def relative(x):
    from . import near
    from .near import close as nearer
    return near.run(x) + nearer(x)

def __getattr__(name):
    if name == "dynamic":
        return 11
    raise AttributeError(name)

# file: pkg/sub.py
CONSTANT = 2
UNREAD = 3
def function(x):
    return x + 2

# file: pkg/late.py
def go(x):
    return x + 3

# file: pkg/later.py
def deep(x):
    return x + 4

# file: pkg/lazy.py
def run(x):
    return x + 5

# file: pkg/named.py
def run(x):
    return x + 6

# file: pkg/near.py
def run(x):
    return x + 7
def close(x):
    return x + 8

# file: pkg/constant.py
def run(x):
    return x + 9

# file: pkg/chosen.py
def run_it(x):
    return x + 10
"""

DATA = """
import datetime
import decimal
import enum
import logging
import re
import threading
from collections import OrderedDict, defaultdict, deque
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple, TypedDict
import numpy

LOG = logging.getLogger("one")
LOCK = threading.Lock()
PATTERN = re.compile("a+", re.I)
WEIGHTS = numpy.array([1.0, 2.0])
WHERE = Path("data.csv")
PRICE = decimal.Decimal("1.10")
DAY = datetime.date(2020, 1, 2)
NESTED = {"a": [1, {"b": (2, 3)}], "c": {4, 5}}
ORDERED = OrderedDict(a=1, b=2)
QUEUE = deque([1, 2], maxlen=5)
SPACE = SimpleNamespace(deep=[1, 2])
GROUPS = defaultdict(list, a=[1])
FIRST = []
SECOND = FIRST
SENTINEL = object()

class Colour(enum.Enum):
    RED = 1
    BLUE = 2

    def shade(self):
        return self.value * 2

class Point(NamedTuple):
    x: int
    y: int = 3

class Row(TypedDict, total=True):
    a: int

class Slotted:
    __slots__ = ("a", "__b")
    def __init__(self):
        self.a = 1
        self.__b = 2

class Words(dict):
    pass

class Whole(int):
    pass

SLOTTED = Slotted()
WORDS = Words(a=1)
WHOLE = Whole(3)
MEMBERS = [Colour.RED]

def step(x):
    global COUNT
    COUNT = x
    LOG.info("x")
    with LOCK:
        y = PATTERN, WEIGHTS, WHERE, PRICE, DAY, NESTED, ORDERED, QUEUE, SPACE, GROUPS, SLOTTED, WORDS, WHOLE, MEMBERS
    FIRST.append(1)
    return y, Colour.BLUE.shade(), Point(1), Row(a=1), SECOND, SENTINEL, UNKNOWN, len(x)
"""

TYPES = """
from __future__ import annotations
from typing import Annotated, TYPE_CHECKING, TypeVar
import lib
if TYPE_CHECKING:
    from lib import Never

T = TypeVar("T", bound="lib.Bound")

def step(a: lib.Table, b: list["Inner"], c: Annotated[int, lib.Unit("m")] = 1, d: T = None) -> dict[str, lib.Result]:
    return a.total() + b[0].total()

class Inner:
    def total(self):
        return 1

# file: lib.py
class Table:
    def total(self):
        return 2

class Result:
    size = 3

class Bound:
    size = 4

class Unit:
    def __init__(self, name):
        self.name = name
"""

READS = '''
import inspect
from lib import helper, Tool

def describe(function):
    return function.__doc__

def step(x):
    return describe(helper) + Tool().text()

# file: lib.py
def helper(x: int) -> int:
    """Words."""
    return x

class Tool:
    """Tool words."""
    def text(self):
        return type(self).__doc__ or ""
'''

SOURCE = """
import inspect
from lib import helper

def step(x):
    return inspect.getsource(helper)

# file: lib.py
def helper(x):
    # comment
    return x
"""

SIGNATURE = """
import inspect
from lib import helper

def step(x):
    return [p.annotation for p in inspect.signature(helper).parameters.values()]

# file: lib.py
def helper(x: int):
    return x
"""

REGISTRY = """
import plugins
from registry import HANDLERS, Base

def step(x):
    return [handler(x) for handler in HANDLERS.values()] + [kind.run(x) for kind in Base.__subclasses__()]

# file: registry.py
HANDLERS = {}

def register(function):
    HANDLERS[function.__name__] = function
    return function

class Base:
    pass

# file: plugins.py
from registry import Base, register

@register
def alpha(x):
    return x + 1

class Child(Base):
    @staticmethod
    def run(x):
        return x + 2
"""

OWN = """
import sys

def first(x):
    return x + 1

def step(x):
    return globals()["fir" + "st"](x) + getattr(sys.modules[__name__], "sec" + "ond")(x)

def second(x):
    return x + 2
"""

STEPS = """
from hookline_stand_in import Step

@Step
def load(x: int):
    return x + 1

def step(x):
    return load(x)

# file: hookline_stand_in.py
class Step:
    def __init__(self, fn):
        self.fn = fn
    def __call__(self, *args):
        return self.fn(*args)
Step.__module__ = "hookline.stand_in"
"""

MODELS = '''
from pydantic import BaseModel, Field, field_validator
import attrs

LOW = 1

class Settings(BaseModel):
    """Settings."""
    depth: int = Field(default=3, ge=0)
    names: list[str] = []
    low: int = LOW

    @field_validator("depth")
    @classmethod
    def check(cls, value):
        return value + 1

    def twice(self):
        return self.depth * 2

@attrs.define
class Point:
    x: int = 1
    y: int = attrs.field(default=2, converter=int)

    def norm(self):
        return self.x + self.y

def step(x):
    return Settings(depth=x).twice() + Point().norm()
'''

RECURSION = """
def even(n):
    return n == 0 or odd(n - 1)

def odd(n):
    return n != 0 and even(n - 1)

def step(n):
    return even(n) if n else step(n + 1)
"""

BOUND = """
import enum
import dataclasses
import operator
from abc import ABC
from collections import namedtuple
from functools import partialmethod, singledispatchmethod, total_ordering
from math import sin as wave
from numpy import mean as middle
from operator import add as combine
import numpy as np
import lib
from sklearn.preprocessing import FunctionTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.base import BaseEstimator

Pair = namedtuple("Pair", "a b", defaults=[1])
Made = dataclasses.make_dataclass("Made", [("a", int, 2)])
Typed = type("Typed", (lib.Base,), {"size": 5, "go": lambda self: 6})
Short = enum.Enum("Short", "RED BLUE")
upper = "abc".upper
taken = operator.itemgetter(1)

def clean(x):
    return x * 2

transformer = FunctionTransformer(clean)
model = LogisticRegression(C=1.5)
vector = np.vectorize(clean)

class Planet(enum.Enum):
    EARTH = (5.9, 6.3)
    def __init__(self, mass, radius):
        self._mass = lib.table()

class Shape(ABC):
    pass

class Square:
    pass
Shape.register(Square)

class Descriptor:
    def __init__(self, by):
        self.by = by
    def __get__(self, owner, kind):
        return self.by + 1

@total_ordering
class Host:
    field = Descriptor(3)
    helped = lib.helped
    def __lt__(self, other):
        return True
    def _go(self, by):
        return by
    go = partialmethod(_go, 4)
    @singledispatchmethod
    def pick(self, x):
        return 1
    @pick.register
    def _(self, x: int):
        return 2
    def set_(self, value):
        self._value = value
    value = property(lambda self: self._value, set_)

class Net(BaseEstimator):
    def __init__(self, depth=1):
        self.depth = depth
    def fit(self, X):
        return X + 1

class Trouble(ValueError):
    code = 7

net = Net(depth=4)

def step(x):
    def deep():
        return [lib.inner(y) for y in [x]]
    if isinstance(x, Shape):
        raise Trouble(x)
    return (wave(x), middle(x), combine(1, 2), Pair(1), Made(), Typed().go(), Short.RED, upper(), taken(x),
            transformer, model, vector(x), Planet.EARTH._mass, Host().go(), net, deep(), lib.__dict__["hid" + "den"]())

# file: lib.py
def inner(y):
    return y + 1

def helped(self):
    return 3

def hidden():
    return 4

def table():
    return 5

class Base:
    def base(self):
        return 6
"""

SHADOWS = """
import sys

class Plain:
    def __init__(self):
        self.__x = 1

    def total(self):
        def inner(__y):
            return __y + self.__x + __hidden()
        return inner(2)

def _Plain__hidden():
    return 3

def make():
    rate = 2
    def outer(x):
        def inner():
            return rate * x
        return inner()
    return outer

scaled = make()
EMPTY = ()

def pick(kind, /, x, *rest, flag=False, **options):
    return kind, x, rest, flag, options

def step(x, *, hook=pick, plain=Plain()):
    try:
        import ujson_is_not_here as json
    except ImportError:
        import json
    total = scaled(x) + plain.total() + len(EMPTY)
    for n in range(3):
        if n: continue
        total += n
    return json.dumps([total, hook(1, 2, flag=True, more=(yes := 3)), yes, sys.maxsize, not x, *EMPTY, {**{}}])
"""


TEXTS = """
import contextvars
from collections import OrderedDict
from pathlib import Path

LIMIT = 3
PLACE = Path("x")
LEVEL = contextvars.ContextVar("level", default=1)

def helper(x):
    return x

TABLE = {"a": helper}

class shared(property):
    def __get__(self, owner, kind=None):
        return self.fget(kind) + 1

class Config:
    @shared
    def size(cls):
        return 1

def step(frame):
    return frame.query("x > @LIMIT"), PLACE, LEVEL.get(), TABLE, Config.size
"""


def _edits(base: str, *rows: tuple[str, str, str]) -> list[Edit]:
    return [Edit(name, base, old, new) for name, old, new in rows]


MUST = [
    *_edits(
        HELPERS,
        ("the body of the step", "scale(x) + 1", "scale(x) + 2"),
        ("the body of a helper", "min(x * by, clip)", "max(x * by, clip)"),
        ("the body of a helper's helper", "x + OFFSET", "x - OFFSET"),
        ("a constant", "LIMIT = 3", "LIMIT = 4"),
        ("a constant of another module", "OFFSET = 5", "OFFSET = 6"),
        ("an int that becomes a float", "LIMIT = 3", "LIMIT = 3.0"),
        ("an int that becomes a bool", "LIMIT = 3", "LIMIT = True"),
        ("a helper's default", "by=2", "by=3"),
        ("a helper's keyword-only default", "clip=10", "clip=11"),
        ("a default taken away", "by=2", "by"),
        ("a keyword-only parameter that becomes positional", "by=2, *, clip=10", "by=2, clip=10"),
        ("a global that shadows a builtin", "LIMIT = 3", "LIMIT = 3\ndef min(a, b): return a"),
        ("another helper under the same name", "import scale", "import other as scale"),
        ("a missing name that appears", "OFFSET = 5", "del_me = 5"),
        ("a helper rebound at import", "UNUSED = 4", "UNUSED = 4\nimport deep; deep.OFFSET = 9"),
        ("a helper replaced after its definition", "def other(x):", "scale = shift\ndef other(x):"),
        (
            "a helper wrapped after its definition",
            "def other(x):",
            "import functools\nscale = functools.partial(scale, by=9)\ndef other(x):",
        ),
        ("an expression that becomes a conditional", "else y", "else -y"),
    ),
    *_edits(
        CLASSES,
        ("a method", "* self.factor + self.bias", "* self.factor - self.bias"),
        ("a method of a base class", "return x * 2", "return x * 3"),
        ("a method of a base's base", "return 7", "return 8"),
        ("a class attribute", "factor = 2", "factor = 3"),
        ("a container in a class", "[1, 2]", "[1, 3]"),
        ("a mangled private attribute", "__secret = 4", "__secret = 5"),
        ("an instance's state", "Model(10)", "Model(11)"),
        ("a property", "return 0.5", "return 0.75"),
        ("a cached property", "return 0.25", "return 0.75"),
        ("a classmethod", "x - 1", "x - 2"),
        ("a staticmethod", "return x + 2", "return x + 3"),
        (
            "a staticmethod that becomes a classmethod",
            "@staticmethod\n    def static(x)",
            "@classmethod\n    def static(cls, x=0)",
        ),
        ("a metaclass's method", "made.extra = 1", "made.extra = 2"),
        ("a metaclass taken away", "Model(Base, metaclass=Meta)", "Model(Base)"),
        ("what __init_subclass__ does", "cls.tag = 3", "cls.tag = 4"),
        ("a base class taken away", "class Base(Root):", "class Base:\n    def shared(self): return 7"),
        ("another base class", "class Model(Base, m", "class Model(Root, m"),
        ("a method added", "    def annotated", "    def __len__(self): return 0\n    def annotated"),
        ("a data-class field's annotation", "a: int\n", "a: float\n"),
        ("a data-class field's default", "c: float = 1.5", "c: float = 2.5"),
        ("a data-class field's default factory", "default_factory=list", "default_factory=tuple"),
        ("a data-class field that leaves comparison", "default_factory=list)", "default_factory=list, compare=False)"),
        ("a data-class option", "order=False", "order=True"),
        ("a data-class field added", "c: float = 1.5", "c: float = 1.5\n    d: int = 0"),
        (
            "the order of data-class fields",
            "    b: list = field(default_factory=list)\n    c: float = 1.5",
            "    c: float = 1.5\n    b: list = field(default_factory=list)",
        ),
        ("the step's own annotation", "x: int) -> float", "x: float) -> float"),
        ("the step's return annotation", "-> float:", "-> int:"),
        ("the annotation of a method", "def annotated(self, x: int)", "def annotated(self, x: str)"),
        (
            "an arithmetic method on the class",
            "def static(x):\n        return x + 2",
            "def static(x):\n        return 2 + x",
        ),
    ),
    *_edits(
        WRAPPED,
        ("a decorator's argument", "@powered(3)", "@powered(4)"),
        ("a decorator's wrapper", "function(*args) ** power", "function(*args) * power"),
        ("an outer decorator's wrapper", "function(*args) * 1", "function(*args) * 2"),
        ("the order of decorators", "@timed\n@powered(3)", "@powered(3)\n@timed"),
        ("a decorator taken away", "@timed\n", ""),
        ("a decorated function", "def inner(x):\n    return x + 1", "def inner(x):\n    return x + 2"),
        ("a decorated function's annotation", "def inner(x):", "def inner(x: int):"),
        ("a cached function", "x * 3", "x * 4"),
        ("a wrapped function", "cached(x) + 1", "cached(x) + 2"),
        ("a context manager", "yield x + 1", "yield x + 2"),
        ("a dispatched function", "return 1\n", "return 9\n"),
        ("a registered implementation", "return 2\n", "return 9\n"),
        ("the type an implementation is registered for", "register(list)", "register(tuple)"),
        ("a closure's value", "double = make(2)", "double = make(3)"),
        ("a closure's code", "x * factor", "x + factor"),
        ("a partial's argument", "partial(first, 1)", "partial(first, 2)"),
        ("a partial's keyword", "partial(second, x=1)", "partial(second, x=2)"),
        ("a partial's function", "partial(first, 1)", "partial(third, 1)"),
        ("the state of a callable", "Handler(rate=3)", "Handler(rate=4)"),
        ("the __call__ of a callable", "x * self.rate", "x / self.rate"),
        ("a bound method", "x - self.rate", "x + self.rate"),
        ("a function in a dict", 'table = {"first": first', 'table = {"first": third'),
        ("a function deep in containers", "lambda x: x + 3", "lambda x: x + 4"),
        ("the order in a container", "[second, (third, ", "[third, (second, "),
        ("a function in a set", "frozenset({first, third})", "frozenset({first, second})"),
        ("the second of two lambdas on a line", "lambda x: x + 1, lambda x: x + 2", "lambda x: x + 1, lambda x: x + 5"),
        ("two lambdas that change places", "lambda x: x + 1, lambda x: x + 2", "lambda x: x + 2, lambda x: x + 1"),
        ("a function's attribute", "marked.level = 5", "marked.level = 6"),
    ),
    *_edits(
        FLOW,
        (
            "a line moved out of try",
            "            total = total * 2\n        except ValueError:\n            pass\n",
            "        except ValueError:\n            pass\n        total = total * 2\n",
        ),
        ("the exception that is caught", "except ValueError", "except TypeError"),
        ("a line moved out of finally", "        finally:\n            done = not done\n", "        done = not done\n"),
        ("break for continue", "            continue", "            break"),
        ("an else of a loop dropped", "        else:\n            total += 0\n", ""),
        ("the order of context managers", 'open("a") as a, open("b") as b', 'open("b") as b, open("a") as a'),
        ("a pattern", "case 0 | 1", "case 0 | 2"),
        ("a guard of a pattern", " if rest:", ":"),
        ("a capture that becomes a wildcard", "[x, *rest]", "[_, *rest]"),
        ("a comprehension's condition", "if n % 2", "if n % 3"),
        (
            "a comprehension that becomes a generator",
            "[n * n for n in range(total) if n % 2]",
            "(n * n for n in range(total) if n % 2)",
        ),
        ("a format", ":.2f", ":.3f"),
        ("a conversion in a format", "{total:.2f}", "{total!r:.2}"),
        ("a comparison", "row > limit", "row >= limit"),
        ("identity for equality", "total is not None", "total != None"),
        ("and for or", "> 3 and total", "> 3 or total"),
        ("zero for minus zero", '"b": 0.0', '"b": -0.0'),
        ("a text for bytes", '"a": 1', 'b"a": 1'),
        ("the order of dict entries", '{"a": 1, "b": 0.0}', '{"b": 0.0, "a": 1}'),
        ("a member of a constant set", '"y", "z"', '"y", "w"'),
        ("a nested function's default", "b=1", "b=2"),
        ("a nested function's body", "area() + a", "area() - a"),
        ("a nested class's annotation", "size: int = 3", "size: float = 3"),
        ("a nested class's method", "self.size * 2", "self.size * 3"),
        ("a lambda's operands", "a - b\n    assert", "b - a\n    assert"),
        ("an assertion dropped", "    assert total\n", ""),
        ("a deletion dropped", "    del done\n", ""),
        ("precedence", "-1 ** 2", "(-1) ** 2"),
        ("an index", "(1, 2)[0]", "(1, 2)[1]"),
        ("the branches of a conditional", "x if total else limit", "limit if total else x"),
        ("a parameter's name", "mode=", "kind="),
        ("the step's default", "limit=3", "limit=4"),
        ("the step's keyword-only default", 'mode="a"', 'mode="b"'),
        ("a function that becomes a generator", "    del done\n", "    del done\n    yield 1\n"),
        ("a function that becomes a coroutine", "def step", "async def step"),
        ("an augmented assignment", "total += int(row)", "total = total + int(row)"),
        ("statements that change places", "    total = 0\n    done = False\n", "    done = False\n    total = 0\n"),
        ("a line indented into a branch", "    del done\n", "    if total:\n        del done\n"),
    ),
    *_edits(
        MODULES,
        ("a function of a submodule", "def function(x):\n    return x + 2", "def function(x):\n    return x + 3"),
        ("a constant of a renamed module", "CONSTANT = 2", "CONSTANT = 3"),
        ("a constant of a package", "VALUE = 1", "VALUE = 2"),
        ("a function imported under another name", "def plain(x):\n    return x", "def plain(x):\n    return -x"),
        ("a module imported inside the step", "x + 3", "x + 33"),
        ("a function imported inside the step", "x + 4", "x + 44"),
        ("a dotted import inside the step", "x + 5", "x + 55"),
        ("a renamed import inside the step", "x + 6", "x + 66"),
        ("a relative import of a module", "x + 7", "x + 77"),
        ("a relative import of a function", "x + 8", "x + 88"),
        ("import_module of a constant", "x + 9", "x + 99"),
        ("a module read by getattr", "x + 10", "x + 101"),
        ("a star import", "def starred(x):\n    return x + 1", "def starred(x):\n    return x + 2"),
        ("a module's __getattr__", "return 11", "return 12"),
        (
            "an import of another function",
            "as other_name, swapped",
            "as other_name, spare as swapped\nswapped = pkg.sub.function",
        ),
        (
            "a library's name that becomes the project's",
            "import importlib\n",
            "import importlib\nclass importlib:\n    import_module = staticmethod(lambda name: pkg.sub)\n",
        ),
    ),
    *_edits(
        DATA,
        ("a pattern's text", '"a+"', '"a*"'),
        ("a pattern's flags", "re.I)", "re.S)"),
        ("an array's element", "[1.0, 2.0]", "[1.0, 2.5]"),
        ("an array's type", "numpy.array([1.0, 2.0])", "numpy.array([1.0, 2.0], dtype='f4')"),
        ("a path", '"data.csv"', '"data2.csv"'),
        ("a decimal's digits", '"1.10"', '"1.1"'),
        ("a date", "2020, 1, 2", "2020, 1, 3"),
        ("a value deep in containers", "(2, 3)", "(2, 4)"),
        ("a member of a set", "{4, 5}", "{4, 6}"),
        ("the order of an ordered dict", "OrderedDict(a=1, b=2)", "OrderedDict(b=2, a=1)"),
        ("a deque", "deque([1, 2]", "deque([1, 3]"),
        ("a deque's limit", "maxlen=5", "maxlen=6"),
        ("a namespace's content", "SimpleNamespace(deep=[1, 2])", "SimpleNamespace(deep=[1, 3])"),
        ("a default dict's factory", "defaultdict(list", "defaultdict(tuple"),
        ("two names of one list that part", "SECOND = FIRST", "SECOND = []"),
        ("an Enum member's value", "BLUE = 2", "BLUE = 3"),
        ("an Enum member in a list", "[Colour.RED]", "[Colour.BLUE]"),
        ("an Enum's method", "self.value * 2", "self.value * 3"),
        ("an Enum member added", "BLUE = 2", "BLUE = 2\n    GREEN = 3"),
        ("a NamedTuple's default", "y: int = 3", "y: int = 4"),
        ("a NamedTuple's field type", "x: int\n", "x: str\n"),
        ("a TypedDict's key type", "a: int\n\nclass Slotted", "a: str\n\nclass Slotted"),
        ("a TypedDict's totality", "total=True", "total=False"),
        ("a slot's value", "self.a = 1", "self.a = 2"),
        ("a private slot's value", "self.__b = 2", "self.__b = 3"),
        ("an item of a dict subclass", "Words(a=1)", "Words(a=2)"),
        ("the value of an int subclass", "Whole(3)", "Whole(4)"),
        ("an unknown name that becomes known", "SENTINEL = object()", "SENTINEL = object()\nUNKNOWN = 1"),
        ("another kind of lock", "threading.Lock()", "threading.RLock()"),
    ),
    *_edits(
        TYPES,
        ("a class in the step's annotation", "return 2", "return 22"),
        ("a class in a quoted annotation", "return 1", "return 11"),
        ("a class in the return annotation", "size = 3", "size = 33"),
        ("the bound of a type variable", "size = 4", "size = 44"),
        ("the metadata of an annotation", 'lib.Unit("m")', 'lib.Unit("km")'),
        ("a quoted annotation", 'list["Inner"]', 'tuple["Inner"]'),
    ),
    *_edits(
        READS,
        ("a docstring that is read", '"""Words."""', '"""Other words."""'),
        ("a class's docstring that is read", '"""Tool words."""', '"""Other tool words."""'),
    ),
    *_edits(SOURCE, ("a comment that getsource reads", "# comment", "# another comment")),
    *_edits(SIGNATURE, ("an annotation that signature reads", "x: int", "x: float")),
    *_edits(
        REGISTRY,
        ("a function that registered itself", "return x + 1", "return x + 11"),
        (
            "another function that registers itself",
            "class Child",
            "@register\ndef beta(x):\n    return x\n\nclass Child",
        ),
        ("the name a function registers under", "def alpha", "def gamma"),
        ("a subclass found by __subclasses__", "return x + 2", "return x + 22"),
    ),
    *_edits(
        OWN,
        ("a function found by globals()", "x + 1", "x + 11"),
        ("a function found by sys.modules", "x + 2", "x + 22"),
    ),
    *_edits(
        STEPS,
        ("another step's function", "return x + 1", "return x + 2"),
        ("another step's annotation", "x: int", "x: float"),
    ),
    *_edits(
        MODELS,
        ("a pydantic field's default", "default=3", "default=4"),
        ("a pydantic field's constraint", "ge=0", "ge=1"),
        ("a pydantic field's type", "depth: int", "depth: float"),
        ("a pydantic default from a constant", "LOW = 1", "LOW = 2"),
        ("a pydantic validator", "value + 1", "value + 2"),
        ("a pydantic model's method", "self.depth * 2", "self.depth * 3"),
        ("a mutable pydantic default", "list[str] = []", 'list[str] = ["a"]'),
        ("an attrs field's default", "x: int = 1", "x: int = 2"),
        ("an attrs converter", "converter=int", "converter=float"),
        ("an attrs method", "self.x + self.y", "self.x - self.y"),
    ),
    *_edits(
        RECURSION,
        ("one of two that call each other", "n != 0 and", "n == 1 and"),
        ("the other of the two", "n == 0 or", "n == 2 or"),
        ("a step that calls itself", "step(n + 1)", "step(n + 2)"),
        ("which of the two is called", "return even(n) if", "return odd(n) if"),
    ),
    *_edits(
        BOUND,
        ("a function of the standard library", "import sin as wave", "import cos as wave"),
        ("a function of a library", "import mean as middle", "import median as middle"),
        ("a builtin operator", "import add as combine", "import sub as combine"),
        ("a default of a namedtuple call", "defaults=[1]", "defaults=[2]"),
        ("the fields of a namedtuple call", '"a b"', '"b a"'),
        ("a default of make_dataclass", '("a", int, 2)', '("a", int, 3)'),
        ("a member of a class made by type()", '"size": 5', '"size": 55'),
        ("a method of a class made by type()", "self: 6", "self: 66"),
        ("a base of a class made by type()", "(lib.Base,)", "()"),
        ("the members of an Enum call", '"RED BLUE"', '"BLUE RED"'),
        ("the object of a bound builtin", '"abc".upper', '"abd".upper'),
        ("an itemgetter", "itemgetter(1)", "itemgetter(2)"),
        ("a function inside a library's object", "return x * 2", "return x * 3"),
        ("a parameter of a library's object", "C=1.5", "C=2.5"),
        ("another function in a library's object", "np.vectorize(clean)", "np.vectorize(lib.inner)"),
        ("a private attribute of an Enum member", "return 5", "return 55"),
        ("a class registered as another's", "Shape.register(Square)", "Shape.register(list)"),
        ("a class not registered any more", "Shape.register(Square)\n", ""),
        ("a descriptor's state", "Descriptor(3)", "Descriptor(4)"),
        ("a descriptor's method", "self.by + 1", "self.by + 2"),
        ("a function put into a class", "return 3", "return 33"),
        ("a partialmethod's argument", "partialmethod(_go, 4)", "partialmethod(_go, 5)"),
        ("a method that orders", "return True", "return False"),
        ("a dispatched method", "return 1\n", "return 11\n"),
        ("a registered method", "return 2\n", "return 22\n"),
        ("a property's setter", "self._value = value", "self._value = -value"),
        ("the method of an estimator of one's own", "return X + 1", "return X + 2"),
        ("the state of an estimator of one's own", "Net(depth=4)", "Net(depth=5)"),
        ("an attribute of an exception", "code = 7", "code = 8"),
        ("the base of an exception", "Trouble(ValueError)", "Trouble(KeyError)"),
        ("a helper reached only in a nested comprehension", "return y + 1", "return y + 2"),
        ("a function found in a module's __dict__", "return 4", "return 44"),
        ("a method of a base made elsewhere", "return 6\n", "return 66\n"),
    ),
    *_edits(
        TEXTS,
        ("a constant named in a query", "LIMIT = 3", "LIMIT = 4"),
        ("a path that becomes a pure path", "import Path\n", "import PurePath as Path\n"),
        ("the default of a context variable", "default=1", "default=2"),
        ("a dict that becomes another kind of dict", 'TABLE = {"a": helper}', "TABLE = OrderedDict(a=helper)"),
        ("a kind of property of one's own", "self.fget(kind) + 1", "self.fget(kind) + 2"),
    ),
    *_edits(
        SHADOWS,
        ("a mangled attribute of a default", "self.__x = 1", "self.__x = 2"),
        ("a mangled global", "return 3", "return 33"),
        (
            "the class that mangles",
            "class Plain:",
            "class Other:\n    def __init__(self):\n        self._Plain__x = 1\nclass Plain(Other):",
        ),
        ("a closure variable of a closure", "rate = 2", "rate = 3"),
        ("a default that is a function", "return kind, x, rest", "return x, kind, rest"),
        ("a positional-only mark", "kind, /, x", "kind, x"),
        ("a keyword-only mark", "*rest, flag=False", "*rest, other=0, flag=False"),
        ("an import that is tried first", "ujson_is_not_here", "pickle"),
        ("an import that is tried next", "import json\n", "import pickle as json\n"),
        ("an empty tuple that becomes a list", "EMPTY = ()", "EMPTY = []"),
        ("a one-line branch", "if n: continue", "if n: break"),
        ("a star in a call", "*EMPTY, {", "EMPTY, {"),
        ("a double star", "{**{}}", "{}"),
        ("a not dropped", "not x", "x"),
        ("an attribute of the standard library", "sys.maxsize", "sys.maxunicode"),
    ),
]

MUST_NOT = [
    *_edits(
        HELPERS,
        ("nothing", "LIMIT = 3", "LIMIT = 3"),
        ("a comment", "# a comment", "# another comment"),
        ("a comment added above", "LIMIT = 3", "# three\n\n\nLIMIT = 3"),
        ("a docstring", '"""Scale."""', '"""Scale.\n\n    More words.\n    """'),
        ("a docstring added to the step", "def step(x):", 'def step(x):\n    """Step."""'),
        ("a docstring of a module", "from deep", '"""A module."""\nfrom deep'),
        ("a line broken in two", "min(x * by, clip)", "min(\n        x * by,\n        clip,\n    )"),
        (
            "a branch on lines of its own",
            "return shift(y) if y < LIMIT else y",
            "return (\n        shift(y)\n        if y < LIMIT\n        else y\n    )",
        ),
        ("superfluous parentheses", "scale(x) + 1", "(scale((x))) + (1)"),
        ("indentation", "    return x + OFFSET", "        return x + OFFSET"),
        ("two statements on a line", "clip)\n    return", "clip); return"),
        ("a backslash", "y = min", "y = \\\n        min"),
        ("a constant that is not read", "UNUSED = 4", "UNUSED = 5"),
        ("a function that is not reached", "return x\n\n# file: deep", "return -x\n\n# file: deep"),
        ("a function added", "def other", "def more(x):\n    return x\n\ndef other"),
        ("an import added", "from deep import shift", "import json\nfrom deep import shift"),
        ("definitions that change places", "LIMIT = 3\nUNUSED = 4\n", "UNUSED = 4\nLIMIT = 3\n"),
        ("a constant defined later", "LIMIT = 3\n", "LIMIT = 1\nLIMIT = 2 + 1\n"),
        (
            "the name of the step",
            "def step(x):\n    return scale(x) + 1",
            "def renamed(x):\n    return scale(x) + 1\nstep = renamed",
        ),
        (
            "annotations of a plain helper",
            "def scale(x, by=2, *, clip=10):",
            "def scale(x: int, by: float = 2, *, clip=10) -> float:",
        ),
        ("a local annotation", "y = min", "y: float = min"),
        ("a pass", "    y = min", "    pass\n    y = min"),
        ("a text that stands alone", "    y = min", "    'note'\n    y = min"),
        ("a moved helper", "from deep import shift", "from deeper import shift"),
        ("another spelling of a number", "LIMIT = 3", "LIMIT = 0x3"),
        (
            "an import only for type checkers",
            "from deep import",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import never\nfrom deep import",
        ),
    ),
    *_edits(
        CLASSES,
        ("a class's docstring", '"""A model."""', '"""Another text."""'),
        ("a base class's docstring", '"""A base."""', '"""Another base."""'),
        ("a method's docstring", '"""Predict."""', '"""Foretell."""'),
        ("a class moved down", "class Meta(type):", "X = 1\n\n\nclass Meta(type):"),
        ("a docstring added to a data class", "class Config:\n", 'class Config:\n    """Config."""\n'),
    ),
    *_edits(
        WRAPPED,
        ("a comment in a decorator", "    return decorate", "    # done\n    return decorate"),
        (
            "lambdas on lines of their own",
            "[lambda x: x + 1, lambda x: x + 2]",
            "[\n    lambda x: x + 1,\n    lambda x: x + 2,\n]",
        ),
        ("a docstring of a function in a container", "def third(x):", 'def third(x):\n    """Third."""'),
        ("a docstring of a decorated function", "def inner(x):", 'def inner(x):\n    """Inner."""'),
        ("a set written in another order", "{first, third}", "{third, first}"),
        ("a decorator's line moved", "@timed\n@powered(3)", "@timed\n\n# why\n@powered(\n    3\n)"),
    ),
    *_edits(
        FLOW,
        ("quotes", 'open("a")', "open('a')"),
        ("adjacent texts", 'open("b")', 'open("" "b")'),
        ("a nested docstring", '"""Nested."""', '"""Else."""'),
        ("a nested class's docstring", '"""Local."""', '"""Else."""'),
        ("a constant set in another order", '{"x", "y", "z"}', '{"x", "y", "z", }'),
        ("annotations of a nested plain function", "def nested(a, b=1):", "def nested(a: int, b: int = 1) -> int:"),
        (
            "a condition over two lines",
            "if (m := len(text)) > 3 and total is not None:",
            "if (\n        (m := len(text)) > 3\n        and total is not None\n    ):",
        ),
        ("a body on the line of its head", "            total = 5\n", "            # five\n\n            total = 5\n"),
        ("a comment with a form feed", "    assert total\n", "    # \x0c\n    assert total\n"),
    ),
    *_edits(
        MODULES,
        ("a constant of a module that is not read", "UNREAD = 3", "UNREAD = 4"),
        ("a constant of a package that is not read", "UNREAD = 2", "UNREAD = 3"),
        ("an unused function of a package", "def spare(x):\n    return x", "def spare(x):\n    return -x"),
    ),
    *_edits(
        DATA,
        ("a logger's name", 'getLogger("one")', 'getLogger("two")'),
        ("another spelling of a set", "{4, 5}", "{5, 4}"),
    ),
    *_edits(TYPES, ("an import only for annotations", "from lib import Never", "from lib import Nowhere")),
    *_edits(
        MODELS,
        ("a pydantic model's docstring", '"""Settings."""', '"""Else."""'),
        ("a comment in a model", "    low: int = LOW", "    # low\n    low: int = LOW"),
    ),
    *_edits(RECURSION, ("a comment in a cycle", "def odd(n):", "def odd(n):  # odd")),
]
