//! `GET /ws/echo`: a WebSocket that sends back what it gets.

use axum::response::Response;
use plugin_abi::websocket::WebSocketUpgrade;

pub(crate) async fn open(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(|mut socket| async move {
        while let Some(Ok(message)) = socket.recv().await {
            if socket.send(message).await.is_err() {
                return;
            }
        }
    })
}
