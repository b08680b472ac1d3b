"""Syntax back to text."""

from spanloom_query.language.syntax import (
    Aggregated,
    AttributeName,
    Binary,
    Coalesce,
    Combined,
    Comparison,
    Constant,
    Filter,
    GroupBy,
    IntrinsicName,
    Limited,
    Logical,
    Metric,
    Name,
    Piece,
    Query,
    Ranked,
    Related,
    Select,
    Type,
    Unary,
    Wrapped,
)


def written(query: Query) -> str:
    """A query as text that says the same."""
    hints = ", ".join(f"{hint.key} = {_piece(hint.value)}" for hint in query.hints)
    return _stages(query.stages) + (f" with ({hints})" if hints else "")


def _stages(stages: tuple[Piece, ...]) -> str:
    text = _piece(stages[0])
    for stage in stages[1:]:
        text += (" " if isinstance(stage, Limited) else " | ") + _piece(stage)
    return text


def _piece(piece: Piece) -> str:
    match piece:
        case Constant(of, value):
            return _constant(of, value)
        case AttributeName() | IntrinsicName():
            return _name(piece)
        case Unary(operator, operand):
            return f"{operator}({_piece(operand)})"
        case Binary(operator, left, right) | Related(operator, left, right):
            return f"({_piece(left)}) {operator} ({_piece(right)})"
        case Logical(operator, parts) | Combined(operator, parts):
            return f" {operator} ".join(f"({_piece(part)})" for part in parts)
        case Filter(condition):
            return "{ }" if condition is None else f"{{ {_piece(condition)} }}"
        case Wrapped(stages):
            return f"({_stages(stages)})"
        case Comparison(operator, left, right):
            return f"{_number(left)} {operator} {_number(right)}"
        case Aggregated(function, of):
            return f"{function}({'' if of is None else _piece(of)})"
    return _stage(piece)


def _number(piece: Piece) -> str:
    return f"({_piece(piece)})" if isinstance(piece, Binary) else _piece(piece)


def _stage(piece: Piece) -> str:
    match piece:
        case GroupBy(of):
            return f"by({_piece(of)})"
        case Coalesce():
            return "coalesce()"
        case Select(fields):
            return f"select({_names(fields)})"
        case Metric(function, of, numbers, against, by):
            given = [_piece(one) for one in (of, against) if one is not None]
            inner = ", ".join([*given, *map(_piece, numbers)])
            return f"{function}({inner})" + (f" by ({_names(by)})" if by else "")
        case Ranked(function, count):
            return f"{function}({count})"
        case Limited(operator, bound):
            return f"{operator} {_piece(bound)}"
    raise TypeError(type(piece).__name__)


def _names(names: tuple[Name, ...]) -> str:
    return ", ".join(map(_name, names))


def _name(name: Name) -> str:
    if isinstance(name, IntrinsicName):
        return name.named.value
    escaped = name.key.replace("\\", "\\\\").replace('"', '\\"')
    return f'{name.scope.value}."{escaped}"'


def _constant(of: Type, value: str | float) -> str:
    match of:
        case Type.STRING:
            return '"' + "".join(map(_character, str(value))) + '"'
        case Type.DURATION:
            return f"{value}ns"
        case Type.BOOL:
            return "true" if value else "false"
        case Type.NIL:
            return "nil"
    return repr(value) if of in {Type.INT, Type.FLOAT} else str(value)


def _character(one: str) -> str:
    return one if one.isprintable() and one not in '"\\' else f"\\U{ord(one):08x}"
