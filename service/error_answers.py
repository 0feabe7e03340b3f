"""Where errors become answers: `{error, error_type, detail?}`, always."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import Scope

from service.errors import ErrorType, ServiceError
from service.schemas import ErrorOut

_RETRY_LATER = frozenset({ErrorType.OVERLOADED, ErrorType.NOT_READY, ErrorType.RATE_LIMITED})
_RETRY_S = 5


def respond(scope: Scope, error: ServiceError) -> JSONResponse:
    """The one form in which a failure leaves; the request's log line tells its type."""
    scope["state"]["note"].facts["error_type"] = error.error_type
    headers = {}
    if error.error_type in _RETRY_LATER:
        headers["Retry-After"] = str((error.detail or {}).get("retry_after_s", _RETRY_S))
    if error.error_type is ErrorType.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    body = error_out(error).model_dump(mode="json", exclude_none=True)
    return JSONResponse(body, error.status, headers)


def error_out(error: ServiceError) -> ErrorOut:
    """The error as it goes over the wire."""
    return ErrorOut(error=error.message, error_type=error.error_type, detail=error.detail)


def add_error_handlers(app: FastAPI) -> None:
    """Makes every error the application foresees an answer; RequestLog sees to the others."""

    @app.exception_handler(ServiceError)
    async def known(request: Request, error: ServiceError) -> JSONResponse:
        return respond(request.scope, error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        problems = [
            {"where": ".".join(map(str, e["loc"])), "problem": e["msg"]} for e in error.errors()
        ]
        message = (
            f"The request cannot be understood: {problems[0]['where']}: {problems[0]['problem']}."
        )
        detail: dict[str, object] = {"problems": problems[:10]}
        return respond(request.scope, ServiceError(ErrorType.INVALID_REQUEST, message, detail))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        kind = {404: ErrorType.NOT_FOUND, 405: ErrorType.METHOD_NOT_ALLOWED}.get(
            error.status_code, ErrorType.INVALID_REQUEST
        )
        return respond(request.scope, ServiceError(kind, f"{error.detail}."))
