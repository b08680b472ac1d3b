"""What goes wrong in the shop, as each language tells it."""

from typing import Final, NamedTuple


class Failure(NamedTuple):
    """An exception."""

    type: str
    message: tuple[str, str]
    """Before and behind a number."""
    stack: str


def _python(error: str, *frames: str) -> str:
    lines = "".join(
        f'  File "/app/{frame}.py", line {37 + 41 * number}, in {frame.rpartition("/")[2]}\n'
        f"    return await self._{frame.rpartition('/')[2]}(request, timeout=self._timeout)\n"
        for number, frame in enumerate(frames)
    )
    return f"Traceback (most recent call last):\n{lines}{error}"


def _java(error: str, *frames: str) -> str:
    return error + "".join(
        f"\n\tat {frame}({frame.split('.')[-2]}.java:{58 + 23 * number})"
        for number, frame in enumerate(frames)
    )


def _nodejs(error: str, *frames: str) -> str:
    return error + "".join(
        f"\n    at {frame} (/usr/src/app/dist/{frame.partition('.')[0].lower()}.js:{12 + 31 * number}:7)"
        for number, frame in enumerate(frames)
    )


def _go(error: str, *frames: str) -> str:
    return (
        error
        + "\n\ngoroutine 1841 [running]:"
        + "".join(
            f"\nshop/internal/{frame}(...)\n"
            f"\t/src/internal/{frame.partition('.')[0]}/handler.go:{44 + 17 * number} +0x2f"
            for number, frame in enumerate(frames)
        )
    )


FAILURES: Final[dict[str, tuple[Failure, ...]]] = {
    "python": (
        Failure(
            "httpx.ReadTimeout",
            ("timed out after ", " ms"),
            _python("httpx.ReadTimeout", "shop/api/handle", "shop/clients/send", "httpx/_transports/read"),
        ),
        Failure(
            "sqlalchemy.exc.OperationalError",
            ("server closed the connection unexpectedly, backend ", ""),
            _python(
                "sqlalchemy.exc.OperationalError: (psycopg.OperationalError)",
                "shop/api/handle",
                "shop/store/load",
                "sqlalchemy/engine/execute",
                "psycopg/cursor/execute",
            ),
        ),
        Failure(
            "shop.errors.NotAllowed",
            ("user may not see item ", ""),
            _python("shop.errors.NotAllowed", "shop/api/handle", "shop/rules/check"),
        ),
    ),
    "java": (
        Failure(
            "java.net.SocketTimeoutException",
            ("Read timed out after ", " ms"),
            _java(
                "java.net.SocketTimeoutException: Read timed out",
                "java.net.SocketInputStream.socketRead",
                "org.apache.http.impl.io.SessionInputBuffer.fill",
                "com.example.shop.client.StockClient.fetch",
                "com.example.shop.order.OrderService.place",
                "com.example.shop.order.OrderController.post",
            ),
        ),
        Failure(
            "org.postgresql.util.PSQLException",
            ("ERROR: deadlock detected, process ", " waits for ShareLock"),
            _java(
                "org.postgresql.util.PSQLException: ERROR: deadlock detected",
                "org.postgresql.core.v3.QueryExecutorImpl.receiveErrorResponse",
                "org.postgresql.jdbc.PgStatement.executeInternal",
                "com.example.shop.store.Repository.update",
                "com.example.shop.order.OrderService.place",
            ),
        ),
    ),
    "nodejs": (
        Failure(
            "Error",
            ("connect ECONNREFUSED 10.4.7.12:", ""),
            _nodejs(
                "Error: connect ECONNREFUSED",
                "Cart.load",
                "Session.open",
                "Router.handle",
                "Layer.handle_request",
            ),
        ),
        Failure(
            "TypeError",
            ("Cannot read properties of undefined (reading 'item", "')"),
            _nodejs(
                "TypeError: Cannot read properties of undefined", "Page.render", "Cart.sum", "Router.handle"
            ),
        ),
    ),
    "go": (
        Failure(
            "*status.Error",
            ("rpc error: code = DeadlineExceeded desc = context deadline exceeded after ", "ms"),
            _go("rpc error: code = DeadlineExceeded", "stock.Reserve", "checkout.PlaceOrder", "server.Serve"),
        ),
        Failure(
            "*errors.errorString",
            ("stock is short for sku ", ""),
            _go("stock is short", "stock.Take", "stock.Reserve", "server.Serve"),
        ),
    ),
}

MESSAGES: Final = (
    "upstream request failed",
    "deadline exceeded while awaiting response",
    "connection reset by peer",
    "Internal Server Error",
    "14 UNAVAILABLE: no connection established",
)
"""Of a status."""
