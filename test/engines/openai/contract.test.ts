import { ChatModel } from '../../../src/engines/openai/chat-model.ts';
import { HttpTranscriber } from '../../../src/engines/openai/http-transcriber.ts';
import { HttpVoice } from '../../../src/engines/openai/http-voice.ts';
import { languageModelContract } from '../contract/language-model.ts';
import { transcriberContract } from '../contract/transcriber.ts';
import { voiceContract } from '../contract/voice.ts';
import { chatServer, chatStyles } from './servers/chat-servers.ts';
import { modelServer } from './servers/model-server.ts';
import {
  clipOf,
  speechServer,
  speechStyles,
  transcriptionServer,
  transcriptionStyles,
} from './servers/speech-servers.ts';

/** A closed port. */
const nowhere = { url: 'http://127.0.0.1:9/v1', model: 'gone', attempts: 1 };

for (const [name, style] of Object.entries(chatStyles)) {
  languageModelContract(`the language model of ${name}`, {
    open: async (t) => {
      const { url } = await modelServer(t, chatServer(style));
      const model = new ChatModel({ url, model: 'some-model' });
      t.after(() => model.close());
      return model;
    },
    broken: () => new ChatModel(nowhere),
    askToSay: (text) => `Say: ${text}`,
    askForWeather: (city) => `What is the weather in ${city}?`,
  });
}

for (const [name, style] of Object.entries(transcriptionStyles)) {
  transcriberContract(`the transcriber of ${name}`, {
    open: async (t) => {
      const { url } = await modelServer(t, transcriptionServer(style));
      const transcriber = new HttpTranscriber({ url, model: 'whisper-small' });
      t.after(() => transcriber.close());
      return transcriber;
    },
    broken: () => new HttpTranscriber(nowhere),
    clip: clipOf,
  });
}

for (const [name, style] of Object.entries(speechStyles)) {
  voiceContract(`the voice of ${name}`, {
    open: async (t) => {
      const { url } = await modelServer(t, speechServer(style));
      const voice = new HttpVoice({ url, model: 'kokoro' });
      t.after(() => voice.close());
      return voice;
    },
    broken: () => new HttpVoice(nowhere),
    anyLanguage: true,
  });
}
