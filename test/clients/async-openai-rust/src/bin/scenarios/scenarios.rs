//! The scenarios.

use async_openai::{
    Client, config::OpenAIConfig, types::realtime::RealtimeCreateClientSecretRequest,
};
use serde_json::{Value, json};

use crate::session::{Outcome, Session};

pub const NAMES: [&str; 9] = [
    "text turn",
    "spoken turn",
    "tool call",
    "interruption",
    "push-to-talk",
    "transcription session",
    "out-of-band response",
    "error on a bad event",
    "client secret",
];

const MODEL: &str = "model=gpt-realtime";

pub async fn run(name: &str) -> Outcome<()> {
    let client = Client::with_config(OpenAIConfig::new()); // OPENAI_BASE_URL and OPENAI_API_KEY
    match name {
        "text turn" => text_turn(&client).await,
        "spoken turn" => spoken_turn(&client).await,
        "tool call" => tool_call(&client).await,
        "interruption" => interruption(&client).await,
        "push-to-talk" => push_to_talk(&client).await,
        "transcription session" => transcription_session(&client).await,
        "out-of-band response" => out_of_band(&client).await,
        "error on a bad event" => bad_event(&client).await,
        "client secret" => client_secret(&client).await,
        other => Err(format!("no scenario {other}").into()),
    }
}

fn expect(condition: bool, problem: impl Into<String>) -> Outcome<()> {
    if condition {
        Ok(())
    } else {
        Err(problem.into().into())
    }
}

/// The crate's `Audio` requires every field of both directions.
fn audio(transcription: Value, turn_detection: Value) -> Value {
    let pcm = json!({ "type": "audio/pcm", "rate": 24000 });
    json!({
        "input": { "format": pcm, "transcription": transcription, "turn_detection": turn_detection },
        "output": { "format": pcm, "speed": 1.0, "voice": "alloy" },
    })
}

fn server_vad() -> Value {
    json!({ "type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500 })
}

fn text_only() -> Value {
    json!({ "type": "realtime", "output_modalities": ["text"] })
}

async fn text_turn(client: &Client<OpenAIConfig>) -> Outcome<()> {
    let mut s = Session::open(client, MODEL).await?;
    s.configure(text_only()).await?;
    s.say("What is twelve times seven?").await?;
    let delta = s.next("response.output_text.delta").await?;
    expect(delta["delta"] != "", "the first delta is empty")?;
    expect(s.answer().await?.contains("84"), "the answer is not 84")
}

async fn spoken_turn(client: &Client<OpenAIConfig>) -> Outcome<()> {
    let mut s = Session::open(client, MODEL).await?;
    let audio = audio(json!({ "model": "whisper-1" }), server_vad());
    s.configure(json!({ "type": "realtime", "audio": audio }))
        .await?;
    s.speak("question").await?;
    s.next("input_audio_buffer.speech_stopped").await?;
    let heard = s
        .next("conversation.item.input_audio_transcription.completed")
        .await?;
    expect(
        heard["transcript"].to_string().contains("times seven"),
        heard.to_string(),
    )?;
    let delta = s.next("response.output_audio.delta").await?;
    expect(delta["delta"] != "", "the first delta is empty")?;
    let answer = s.answer().await?;
    expect(answer.contains("84") || answer.contains("eighty"), answer)
}

async fn tool_call(client: &Client<OpenAIConfig>) -> Outcome<()> {
    let mut s = Session::open(client, MODEL).await?;
    let weather = json!({
        "type": "function",
        "name": "get_weather",
        "description": "Get the current weather in a city",
        "parameters": { "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] },
    });
    s.configure(json!({ "type": "realtime", "output_modalities": ["text"], "tools": [weather] }))
        .await?;
    s.say("What is the weather in Paris?").await?;
    let call = s.next("response.function_call_arguments.done").await?;
    let arguments: Value = serde_json::from_str(call["arguments"].as_str().unwrap_or_default())?;
    expect(arguments == json!({ "city": "Paris" }), call.to_string())?;
    s.next("response.done").await?;
    let output = json!({
        "type": "function_call_output",
        "call_id": call["call_id"],
        "output": "It is 21 degrees and sunny.",
        "status": "completed",
    });
    s.send(json!({ "type": "conversation.item.create", "item": output }))
        .await?;
    s.send(json!({ "type": "response.create" })).await?;
    expect(
        s.answer().await?.contains("21 degrees"),
        "the output of the tool is not in the answer",
    )
}

async fn interruption(client: &Client<OpenAIConfig>) -> Outcome<()> {
    let mut s = Session::open(client, MODEL).await?;
    s.say("Say exactly: one two three four five six seven eight nine ten eleven twelve thirteen fourteen").await?;
    let item = s.next("response.output_audio.delta").await?["item_id"].clone();
    s.speak("stop").await?;
    s.next("input_audio_buffer.speech_started").await?;
    s.send(json!({ "type": "conversation.item.truncate", "item_id": item, "content_index": 0, "audio_end_ms": 500 }))
        .await?;
    let done = s.next("response.done").await?;
    expect(
        done["response"]["status_details"]["reason"] == "turn_detected",
        done.to_string(),
    )?;
    let truncated = s.next("conversation.item.truncated").await?;
    expect(truncated["audio_end_ms"] == 500, truncated.to_string())
}

async fn push_to_talk(client: &Client<OpenAIConfig>) -> Outcome<()> {
    let mut s = Session::open(client, MODEL).await?;
    let audio = audio(Value::Null, Value::Null);
    s.configure(json!({ "type": "realtime", "output_modalities": ["text"], "audio": audio }))
        .await?;
    s.speak("question").await?;
    s.send(json!({ "type": "input_audio_buffer.commit" }))
        .await?;
    s.next("input_audio_buffer.committed").await?;
    s.send(json!({ "type": "response.create" })).await?;
    expect(s.answer().await?.contains("84"), "the answer is not 84")
}

async fn transcription_session(client: &Client<OpenAIConfig>) -> Outcome<()> {
    let mut s = Session::open(client, "intent=transcription").await?;
    let input = audio(
        json!({ "model": "gpt-4o-transcribe", "language": "en" }),
        server_vad(),
    )["input"]
        .clone();
    s.configure(json!({ "type": "transcription", "audio": { "input": input } }))
        .await?;
    s.speak("question").await?;
    let heard = s
        .next("conversation.item.input_audio_transcription.completed")
        .await?;
    expect(
        heard["transcript"].to_string().contains("times seven"),
        heard.to_string(),
    )
}

async fn out_of_band(client: &Client<OpenAIConfig>) -> Outcome<()> {
    let mut s = Session::open(client, MODEL).await?;
    let content = json!([{ "type": "input_text", "text": "Say exactly: billing." }]);
    let response = json!({
        "conversation": "none",
        "output_modalities": ["text"],
        "metadata": { "purpose": "routing" },
        "input": [{ "type": "message", "role": "user", "content": content }],
        // Required by the crate.
        "audio": { "output": { "format": { "type": "audio/pcm", "rate": 24000 }, "voice": "alloy" } },
        "instructions": "",
        "max_output_tokens": "inf",
    });
    s.send(json!({ "type": "response.create", "response": response }))
        .await?;
    let done = s.next("response.done").await?;
    expect(
        done["response"]["metadata"] == json!({ "purpose": "routing" }),
        done.to_string(),
    )?;
    let text = done["response"]["output"][0]["content"][0]["text"]
        .to_string()
        .to_lowercase();
    expect(text.contains("billing"), text)?;
    expect(
        s.seen
            .iter()
            .all(|event| event["type"] != "conversation.item.added"),
        "an item was added",
    )
}

async fn bad_event(client: &Client<OpenAIConfig>) -> Outcome<()> {
    let mut s = Session::open(client, MODEL).await?;
    s.send_text(r#"{"type":"nope","event_id":"mine"}"#).await?;
    let error = s.next("error").await?["error"].clone();
    expect(
        error["code"] == "invalid_value" && error["event_id"] == "mine",
        error.to_string(),
    )?;
    s.configure(text_only()).await?;
    s.say("Say exactly: still here.").await?;
    expect(
        s.answer().await?.contains("still here"),
        "the session does not continue",
    )
}

async fn client_secret(client: &Client<OpenAIConfig>) -> Outcome<()> {
    let session = json!({ "type": "realtime", "output_modalities": ["text"], "instructions": "Say exactly: by secret." });
    let request = RealtimeCreateClientSecretRequest {
        session: serde_json::from_value(session)?,
        expires_after: None,
    };
    let secret = client.realtime().create_client_secret(request).await?;
    let limited = Client::with_config(OpenAIConfig::new().with_api_key(secret.value));
    let mut s = Session::open(&limited, MODEL).await?;
    expect(
        s.seen[0]["session"]["output_modalities"] == json!(["text"]),
        s.seen[0].to_string(),
    )?;
    s.send(json!({ "type": "response.create" })).await?;
    expect(
        s.answer().await?.contains("by secret"),
        "the instructions of the secret are not used",
    )
}
