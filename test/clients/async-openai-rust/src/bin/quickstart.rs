use async_openai::{
    Client,
    config::Config,
    types::realtime::{RealtimeClientEvent, RealtimeServerEvent},
};
use futures::{SinkExt, StreamExt};
use serde_json::{from_value, json};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // OPENAI_BASE_URL=http://127.0.0.1:8080/v1 OPENAI_API_KEY=any
    let client = Client::new();
    let url = client.config().url("/realtime").replacen("http", "ws", 1) + "?model=gpt-realtime";
    let mut request = url.into_client_request()?;
    request.headers_mut().extend(client.config().headers());
    let (mut socket, _) = connect_async(request).await?;

    let content = json!([{ "type": "input_text", "text": "What is twelve times seven?" }]);
    let item = json!({ "type": "message", "role": "user", "content": content });
    for event in [
        json!({ "type": "session.update", "session": { "type": "realtime", "output_modalities": ["text"] } }),
        json!({ "type": "conversation.item.create", "item": item }),
        json!({ "type": "response.create" }),
    ] {
        socket
            .send(from_value::<RealtimeClientEvent>(event)?.into())
            .await?;
    }
    while let Some(message) = socket.next().await {
        let Message::Text(text) = message? else {
            continue;
        };
        // Skips the items that async-openai 0.43 cannot read: those that the user has spoken.
        let Ok(event) = serde_json::from_str(&text) else {
            continue;
        };
        match event {
            RealtimeServerEvent::ResponseOutputTextDone(done) => println!("{}", done.text),
            RealtimeServerEvent::ResponseDone(_) => break,
            RealtimeServerEvent::Error(error) => return Err(error.error.message.into()),
            _ => {}
        }
    }
    Ok(())
}
