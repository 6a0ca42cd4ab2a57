//! The API: JSON, numbers as strings, since sums pass what JavaScript can count.

use crate::{calculation, input};
use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use plugin_abi::time::sleep;
use serde_json::{Value, json};
use std::time::Duration;

const SLOW_MAX_MS: u64 = 600_000;

/// `GET /api/sum/{n}`
pub(crate) async fn sum(Path(text): Path<String>) -> Response {
    let Some(n) = input::parse(&text) else {
        return error(StatusCode::BAD_REQUEST, "not a whole number");
    };
    match calculation::run(n).await {
        Ok(Some(sum)) => {
            let version = plugin_abi::version();
            Json(json!({ "n": n.to_string(), "sum": sum.to_string(), "version": version })).into_response()
        }
        Ok(None) => error(StatusCode::INTERNAL_SERVER_ERROR, "the calculation died"),
        Err(full) => error(StatusCode::SERVICE_UNAVAILABLE, &full.to_string()),
    }
}

/// `GET /api/version`
pub(crate) async fn version() -> Json<Value> {
    Json(json!({ "version": plugin_abi::version() }))
}

/// `GET /api/slow/{ms}`: answers after that time, on the version that accepted the request.
pub(crate) async fn slow(Path(text): Path<String>) -> Response {
    let Some(ms) = text.parse().ok().filter(|ms| *ms <= SLOW_MAX_MS) else {
        return error(StatusCode::BAD_REQUEST, "not a number of milliseconds up to 600000");
    };
    sleep(Duration::from_millis(ms)).await;
    Json(json!({ "ms": ms.to_string(), "version": plugin_abi::version() })).into_response()
}

fn error(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "error": message, "version": plugin_abi::version() }))).into_response()
}
