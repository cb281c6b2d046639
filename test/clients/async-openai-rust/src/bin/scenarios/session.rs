//! A connection that reads every event with the types of async-openai.

use std::error::Error;

use async_openai::{
    Client,
    config::{Config, OpenAIConfig},
    types::realtime::{RealtimeClientEvent, RealtimeServerEvent},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};

pub type Outcome<T> = Result<T, Box<dyn Error>>;

/// Fields of the hosted service that the crate's types do not have.
const UNKNOWN_FIELDS: [&str; 2] = [
    "session.object",
    "response.usage.input_token_details.cached_tokens_details",
];

/// Events of the hosted service that the crate cannot read: a user's spoken item has a null `transcript` until it is
/// transcribed, and no `audio`; the crate requires two strings.
fn is_unreadable(event: &Value) -> bool {
    let kind = event["type"].as_str().unwrap_or_default();
    ["conversation.item.added", "conversation.item.done"].contains(&kind)
        && event["item"]["content"][0]["type"] == "input_audio"
}

pub struct Session {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub seen: Vec<Value>,
}

impl Session {
    /// Connects with the URL and the headers of the crate's client. `query` selects a model or the kind of session.
    pub async fn open(client: &Client<OpenAIConfig>, query: &str) -> Outcome<Self> {
        let url = client.config().url("/realtime").replacen("http", "ws", 1);
        let mut request = format!("{url}?{query}").into_client_request()?;
        request.headers_mut().extend(client.config().headers());
        let (socket, _) = connect_async(request).await?;
        let mut session = Self {
            socket,
            seen: Vec::new(),
        };
        session.next("session.created").await?;
        Ok(session)
    }

    /// Sends an event, after it has passed through the crate's types.
    pub async fn send(&mut self, event: Value) -> Outcome<()> {
        let typed: RealtimeClientEvent = serde_json::from_value(event)?;
        Ok(self.socket.send(typed.into()).await?)
    }

    /// Sends text that the crate's types would not allow.
    pub async fn send_text(&mut self, text: &str) -> Outcome<()> {
        Ok(self.socket.send(Message::text(text)).await?)
    }

    /// What the crate has read of the next event of a type. Fails on an unexpected error, and on an event that the
    /// crate cannot read as a whole.
    pub async fn next(&mut self, kind: &str) -> Outcome<Value> {
        loop {
            let Message::Text(text) = self
                .socket
                .next()
                .await
                .ok_or("the connection is closed")??
            else {
                continue;
            };
            let sent: Value = serde_json::from_str(&text)?;
            let typed: RealtimeServerEvent = match serde_json::from_str(&text) {
                Ok(typed) => typed,
                Err(_) if is_unreadable(&sent) => continue,
                Err(error) => return Err(format!("{error} in {text}").into()),
            };
            let read = serde_json::to_value(&typed)?;
            expect_all_read("", &sent, &read)?;
            self.seen.push(read.clone());
            if read["type"] == kind {
                return Ok(read);
            }
            if read["type"] == "error" {
                return Err(read.to_string().into());
            }
        }
    }

    pub async fn configure(&mut self, session: Value) -> Outcome<()> {
        self.send(json!({ "type": "session.update", "session": session }))
            .await?;
        self.next("session.updated").await?;
        Ok(())
    }

    pub async fn say(&mut self, text: &str) -> Outcome<()> {
        let content = json!([{ "type": "input_text", "text": text }]);
        let item = json!({ "type": "message", "role": "user", "content": content });
        self.send(json!({ "type": "conversation.item.create", "item": item }))
            .await?;
        self.send(json!({ "type": "response.create" })).await
    }

    /// Sends a recorded sentence with silence around it: mono 16-bit PCM at 24 kHz, in pieces of 100 ms.
    pub async fn speak(&mut self, name: &str) -> Outcome<()> {
        let audio = std::fs::read(format!(
            "{}/{name}.pcm",
            std::env::var("PARLEY_RECORDINGS")?
        ))?;
        for piece in audio.chunks(4800) {
            let audio = BASE64_STANDARD.encode(piece);
            self.send(json!({ "type": "input_audio_buffer.append", "audio": audio }))
                .await?;
        }
        Ok(())
    }

    /// Text or transcript of the response that is completed next.
    pub async fn answer(&mut self) -> Outcome<String> {
        let done = self.next("response.done").await?;
        if done["response"]["status"] != "completed" {
            return Err(done.to_string().into());
        }
        let part = &done["response"]["output"][0]["content"][0];
        let words = part["text"].as_str().or(part["transcript"].as_str());
        Ok(words.ok_or("the response has no words")?.to_lowercase())
    }
}

/// Fails if a field that the server sent is missing in what the crate has read: serde skips fields that it does not
/// know.
fn expect_all_read(path: &str, sent: &Value, read: &Value) -> Outcome<()> {
    match (sent, read) {
        (Value::Object(sent), Value::Object(read)) => {
            for (name, value) in sent.iter().filter(|(_, value)| !value.is_null()) {
                let inner = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                match read.get(name) {
                    Some(read) => expect_all_read(&inner, value, read)?,
                    None if UNKNOWN_FIELDS.contains(&inner.as_str()) => {}
                    None => return Err(format!("the crate does not read {inner}: {value}").into()),
                }
            }
            Ok(())
        }
        (Value::Array(sent), Value::Array(read)) => {
            for (sent, read) in sent.iter().zip(read) {
                expect_all_read(path, sent, read)?;
            }
            Ok(())
        }
        _ => Ok(()),
    }
}
